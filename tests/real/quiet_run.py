"""Run `wgmon-tui run` over healthy wireguard-go servers: `python -m tests.real.quiet_run [--seconds 600]`.

Prints the incidents, the processor time, and the endpoints that each server saw. Exit status 1 if an incident
opened, if the process took more than 1 % of a core, or if an endpoint changed. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.real.namespaces import RoutedPath, join, namespace, routed_path
from tests.real.prerequisites import require
from tests.real.wireguard_go import WireguardGo

SERVERS = 5
MOST_CPU_SHARE = 0.01
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 1.0
_START_S = 10.0
"""What the first seconds cost is not counted: imports, and the first check of each server."""


@contextmanager
def servers() -> Iterator[list[WireguardGo]]:
    """Servers behind one router, each in a namespace."""
    with ExitStack() as stack:
        first = stack.enter_context(routed_path())
        paths = [first]
        for net in range(3, SERVERS + 2):
            name = stack.enter_context(namespace("s"))
            join(name, first.router, f"to-server{net}", net=net)
            addresses = IPv4Address(f"10.77.{net}.2"), IPv6Address(f"fd77:{net:x}::2")
            paths.append(RoutedPath(first.client, first.router, name, server_addresses=addresses))
        made = [WireguardGo(path) for path in paths]
        for server in made:
            stack.callback(server.stop)
        yield made


def configure(config: Path, watched: list[WireguardGo]) -> None:
    """Write a servers.toml with the default settings, and a key file for each server."""
    config.mkdir()
    entries = []
    for number, server in enumerate(watched):
        key = config / f"{number}.key"
        key.touch(0o600)
        key.write_text(server.new_peer().to_text())
        host, port = server.endpoint(4)
        entries.append(
            f'[[identity]]\nname = "i{number}"\nprivate_key_file = "{key.name}"\n'
            f'addresses = ["10.7.0.2", "fd07::2"]\n'
            f'[[server]]\nname = "s{number}"\nendpoint = "{host}:{port}"\nidentity = "i{number}"\n'
            f'public_key = "{server.public_key}"\ntunnel_ping = ["10.7.0.1"]\n'
        )
    (config / "servers.toml").write_text("".join(entries))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.real.quiet_run")
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    require("wireguard-go", "wg", "ip", "nft", root=True)
    with TemporaryDirectory() as directory, servers() as watched:
        places = ["--config", f"{directory}/config", "--state", f"{directory}/state"]
        configure(Path(directory, "config"), watched)
        program = [sys.executable, "-m", "wgmon_tui", *places]
        with watched[0].vantage():
            process = subprocess.Popen([*program, "run"], stdout=subprocess.DEVNULL)
        try:
            share, endpoints = observe(process, watched, seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        incidents, checks = (_exported(program, what) for what in ("incidents", "checks"))
    return report(seconds, incidents, checks, share, endpoints)


def observe(
    process: subprocess.Popen[bytes], watched: list[WireguardGo], seconds: float
) -> tuple[float, list[list[str]]]:
    """Watch a process for so long. Returns its share of a core, and each server's endpoints in order."""
    time.sleep(_START_S)
    endpoints: list[list[str]] = [[] for _ in watched]
    began, used = time.monotonic(), _cpu_s(process.pid)
    while time.monotonic() - began < seconds:
        assert process.poll() is None, "wgmon-tui has ended"
        for seen, server in zip(endpoints, watched, strict=True):
            for endpoint in server.device.endpoints():
                if not seen or seen[-1] != endpoint:
                    seen.append(endpoint)
        time.sleep(_POLL_S)
    return (_cpu_s(process.pid) - used) / (time.monotonic() - began), endpoints


def report(
    seconds: float, incidents: list[str], checks: list[str], share: float, endpoints: list[list[str]]
) -> int:
    """Print what happened. Returns the exit status."""
    verdicts = [json.loads(each)["verdict"] for each in checks]
    print(f"{SERVERS} servers for {seconds:g} s: {len(verdicts)} checks", end=", ")
    print(", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts))))
    print(f"incidents: {len(incidents)}", *incidents, sep="\n")
    print(f"processor: {share:.2%} of one core (at most {MOST_CPU_SHARE:.0%})")
    for number, seen in enumerate(endpoints):
        print(f"endpoints that server s{number} saw: {' → '.join(seen)}")
    is_steady = all(len(seen) == 1 for seen in endpoints)
    return 0 if verdicts and not incidents and share <= MOST_CPU_SHARE and is_steady else 1


def _exported(program: list[str], what: str) -> list[str]:
    done = subprocess.run([*program, "export", what], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _cpu_s(pid: int) -> float:
    """The processor time of a process, in seconds (proc(5): utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


if __name__ == "__main__":
    sys.exit(main())
