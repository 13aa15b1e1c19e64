"""Hours of load on one process: `python -m tests.harm.soak [MINUTES [SERVERS INTERVAL_S]]`.

`wgmon-tui run` checks healthy load servers, data path included. Prints what the process needs over time:
resident memory, open descriptors, and the size of its state directory. Exit status 1 if memory or descriptors
still grow after the first quarter, or if a server was reported as down.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from tempfile import TemporaryDirectory

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_toml import render
from wgmon_tui.lab.load_servers import INNER_ADDRESS, LoadServers, run_load_servers

MINUTES, SERVERS, INTERVAL_S = 120.0, 1_000, 2.0
SAMPLES = 24
MOST_TIMEOUT_S = 5.0
MOST_GROWTH = 0.1
"""How much the memory may grow after the first quarter: caches fill with the first days of history."""

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process needed at one time; memory and state in bytes."""

    minutes: float
    memory: int
    descriptors: int
    state: int

    def __str__(self) -> str:
        return (
            f"{self.minutes:6.1f} min  memory {self.memory / _MEGABYTE:6.1f} MB  "
            f"descriptors {self.descriptors:3}  state {self.state / _MEGABYTE:7.1f} MB"
        )


def main() -> int:
    """Run the load and print the figures. Returns the exit status."""
    given = [float(word) for word in sys.argv[1:4]]
    minutes = given[0] if given else MINUTES
    size, interval_s = (int(given[1]), given[2]) if len(given) > 2 else (SERVERS, INTERVAL_S)
    identity = PrivateKey.generate()
    with run_load_servers(size, (identity.public,)) as load, TemporaryDirectory() as directory:
        config, state = Path(directory) / "config", Path(directory) / "state"
        write_fleet(config, load, identity, interval_s)
        program = [sys.executable, "-m", "wgmon_tui", "--config", str(config), "--state", str(state)]
        print(f"{size:,} servers every {interval_s:g} s for {minutes:g} minutes", flush=True)
        process = subprocess.Popen([*program, "run"], stdout=subprocess.DEVNULL)
        try:
            samples = list(observe(process, state, minutes))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
        exported = subprocess.run([*program, "export", "incidents"], capture_output=True, check=True)
    incidents = [json.loads(line) for line in exported.stdout.splitlines()]
    return report(samples, [each for each in incidents if each["severity"] == "down"])


def write_fleet(config: Path, load: LoadServers, key: PrivateKey, interval_s: float) -> None:
    """Write a servers.toml and its key file."""
    config.mkdir()
    secret = config / "soak.key"
    secret.touch(0o600)
    secret.write_text(key.to_text())
    identity = Identity("soak", SecretSource(SecretForm.FILE, secret.name), (IPv4Interface("10.255.0.2/32"),))
    servers = tuple(
        Server(
            f"s{number}",
            endpoint,
            public_key,
            "soak",
            interval=interval_s,
            timeout=min(interval_s, MOST_TIMEOUT_S),
            tunnel_ping=(INNER_ADDRESS,),
        )
        for number, (endpoint, public_key) in enumerate(load.servers)
    )
    (config / "servers.toml").write_text(render(Fleet(servers, (identity,))))


def observe(process: subprocess.Popen[bytes], state: Path, minutes: float) -> Iterator[Sample]:
    """Take samples at even distances; prints each."""
    began = time.monotonic()
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, began + number * minutes * 60 / SAMPLES - time.monotonic()))
        if process.poll() is not None:
            raise AssertionError(f"wgmon-tui ended with status {process.returncode}")
        sample = Sample(
            (time.monotonic() - began) / 60,
            _resident(process.pid),
            len(list(Path(f"/proc/{process.pid}/fd").iterdir())),
            sum(each.stat().st_size for each in state.rglob("*") if each.is_file()),
        )
        print(sample, flush=True)
        yield sample


def report(samples: list[Sample], down: list[dict[str, object]]) -> int:
    """Print the growth from the second quarter to the last one. Returns the exit status.

    Experiments open sockets for seconds, so the least number of descriptors counts.
    """
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    growth = late[-1].memory / early[0].memory - 1
    opened = min(each.descriptors for each in late) - min(each.descriptors for each in early)
    hours = (late[-1].minutes - early[0].minutes) / 60
    stored = (late[-1].state - early[0].state) / _MEGABYTE
    print(f"memory after the first quarter: {growth:+.1%} (at most {MOST_GROWTH:+.0%})")
    print(f"descriptors, the least of the last quarter and of the second: {opened:+}")
    print(f"state: {stored / hours:.1f} MB an hour")
    print(f"servers reported as down, all healthy: {len(down)}")
    return 0 if growth <= MOST_GROWTH and opened <= 2 and not down else 1


def _resident(pid: int) -> int:
    """The resident memory of a process, in bytes (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
