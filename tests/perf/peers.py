"""What a check costs beside programs that a user might pick instead: `python -m tests.perf.peers [BLOCKS]`.

CPU time (user and system) of the checking program over loopback, one check at a time, in alternating blocks:

- the floor of a WireGuard handshake, which is libsodium's four scalar multiplications;
- wgprobe (Rust, boringtun), one handshake from nothing;
- wgmon-tui, the handshake alone, and a whole check with verdict and packets;
- Debian's prometheus-blackbox-exporter, one ICMP echo for each HTTP request, as Prometheus asks for it. It is
  the alternative that needs nothing of the server, and proves nothing of WireGuard.

mihomo's `delay` beside a check of each proxy protocol follows from `tests.perf.proxy_checks`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import wgprobe

from tests.perf.handshake_cost import OneSocket, baseline_block, machine, responding
from tests.perf.proxy_checks import cpu_of
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.lab.load_servers import run_load_servers
from wgmon_tui.protocols.wireguard.diagnose import diagnose
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.store.timestamp_ledger import TimestampLedger

_BLOCKS = 12
_CHECKS_A_BLOCK = 200
_FLOORS_A_BLOCK = 50  # of baseline_block
_EXPORTER = "prometheus-blackbox-exporter"
_MODULES = "modules: {icmp: {prober: icmp, timeout: 1s, icmp: {preferred_ip_protocol: ip4}}}\n"

Block = Callable[[], float]
"""Returns the CPU seconds of one check, of many in a row."""


def main() -> None:
    """Measure and print."""
    blocks = int(sys.argv[1]) if len(sys.argv) > 1 else _BLOCKS
    client, server = PrivateKey.generate(), PrivateKey.generate()
    print(machine())
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(responding(server))
        whole = stack.enter_context(_whole_checks(home, client))
        contestants: dict[str, Block] = {
            "floor": lambda: baseline_block(client.raw, server.public.raw) / _FLOORS_A_BLOCK / 1e9,
            "wgprobe, handshake": _wgprobes(home, client, server.public, port),
            "wgmon-tui, handshake from nothing": _handshakes(client, server.public, port),
            "wgmon-tui, whole check": whole,
        }
        if exporter := shutil.which(_EXPORTER):
            contestants["blackbox_exporter, ICMP"] = stack.enter_context(_icmp_probes(exporter, home))
        else:
            print(f"{_EXPORTER} is missing: apt-get install --no-install-recommends {_EXPORTER}")
        _print(_measure(contestants, blocks))


def _measure(contestants: dict[str, Block], blocks: int) -> dict[str, list[float]]:
    """Run the blocks in turns, every second time in reverse."""
    spent: dict[str, list[float]] = {name: [] for name in contestants}
    for block in contestants.values():
        block()  # imports, caches
    for number in range(blocks):
        for name in reversed(contestants) if number % 2 else contestants:
            spent[name].append(contestants[name]())
    return spent


def _print(spent: dict[str, list[float]]) -> None:
    print(f"\n{'':36}{'CPU a check':>12}{'per CPU second':>16}{'floors':>8}{'whole checks':>14}")
    for name, column in spent.items():
        middle = median(column)
        floors = median(each / floor for each, floor in zip(column, spent["floor"], strict=True))
        whole = zip(column, spent["wgmon-tui, whole check"], strict=True)
        print(
            f"{name:36}{middle * 1e6:9.0f} µs{1 / middle:16.0f}{floors:8.2f}"
            f"{median(each / check for each, check in whole):14.2f}"
        )
    print(f"load now {os.getloadavg()[0]:.1f}", flush=True)


def _mean_cpu(check: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(_CHECKS_A_BLOCK):
        check()
    return (time.process_time() - began) / _CHECKS_A_BLOCK


def _wgprobes(home: Path, client: PrivateKey, server: PublicKey, port: int) -> Block:
    key_file = home / "client.key"
    key_file.write_text(client.to_text())
    key_file.chmod(0o600)

    def probe() -> None:
        report = wgprobe.probe_key_file(str(key_file), str(server), f"127.0.0.1:{port}")
        assert report.verdict == "authentication_confirmed"

    return lambda: _mean_cpu(probe)


def _handshakes(client: PrivateKey, server: PublicKey, port: int) -> Block:
    def handshake() -> None:
        fresh = OneSocket(client, server, port)
        fresh()
        fresh.close()

    return lambda: _mean_cpu(handshake)


@contextmanager
def _whole_checks(home: Path, client: PrivateKey) -> Iterator[Block]:
    """Give checks as the engine makes them, with their diagnosis, of as many servers."""
    with (
        run_load_servers(_CHECKS_A_BLOCK, (client.public,)) as servers,
        asyncio.Runner() as runner,
        TimestampLedger(home) as timestamps,
    ):
        prober = Prober(timestamps=timestamps.next)
        targets = [
            Target(Server(f"server-{number}", endpoint, key, "bench", timeout=3.0, tunnel=False), client)
            for number, (endpoint, key) in enumerate(servers.servers)
        ]

        async def check_all() -> float:
            began = time.process_time()
            for target in targets:
                (found,) = await prober.check_all(target)
                assert found.handshake, (target.server, found.evidence)
                diagnose(found, target.server)
            return (time.process_time() - began) / len(targets)

        runner.run(prober.open())
        yield lambda: runner.run(check_all())
        runner.run(prober.close())


@contextmanager
def _icmp_probes(exporter: str, home: Path) -> Iterator[Block]:
    """Give the probes of an exporter, whose CPU time is that of its process."""
    modules = home / "blackbox.yml"
    modules.write_text(_MODULES)
    port = 19_115
    command = [exporter, f"--config.file={modules}", f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen([*command, "--log.level=error"], stderr=subprocess.DEVNULL) as process:
        try:
            yield lambda: _mean_cpu_of_exporter(process.pid, port)
        finally:
            process.terminate()


def _mean_cpu_of_exporter(pid: int, port: int) -> float:
    connection = _connect(port)
    before = cpu_of(pid)
    for _ in range(_CHECKS_A_BLOCK):
        connection.request("GET", "/probe?target=127.0.0.1&module=icmp")
        assert b"\nprobe_success 1\n" in connection.getresponse().read()
    connection.close()
    return (cpu_of(pid) - before) / _CHECKS_A_BLOCK


def _connect(port: int) -> HTTPConnection:
    """Connect, as soon as the exporter listens."""
    deadline = time.monotonic() + 10.0
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=10.0)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return connection


if __name__ == "__main__":
    main()
