"""What a check of each proxy protocol costs, beside a delay test of mihomo; needs root.

Servers of sing-box and mihomo listen in a namespace. The CPU time of wgmon-tui is that of the thread with its
event loop, and the one of mihomo is that of its client. Both fetch the same page, which answers after 3 ms.
The floor is the same page without a proxy, over blocking sockets.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.real.namespaces import entered
from tests.real.proxies.judge import mihomo_judge
from tests.real.proxies.pages import LOOPBACK
from tests.real.proxies.probing import Probing, make_prober, make_target, page
from tests.real.proxies.servers import FIRST_PAGE, ProxyServers, proxy_servers
from wgmon_tui.monitor.check_round import CheckDepth

SERVERS = (
    "sing-box aes-256-gcm",
    "sing-box 2022-blake3-aes-256-gcm",
    "sing-box vmess",
    "sing-box vless tls",
    "sing-box trojan",
    "mihomo vless vision",
)
_CHECKS = 200
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def run() -> None:
    """Print a table of medians."""
    with tempfile.TemporaryDirectory() as home, proxy_servers(Path(home), "sing-box", "mihomo") as servers:
        judge = mihomo_judge(servers, {name: servers.links[name] for name in SERVERS})
        took, cpu = _measure([lambda: _fetch_directly(servers)] * _CHECKS, time.thread_time)
        print(f"{'floor: the page without a proxy':36}{_cell(took, cpu):>22}")
        print(f"{'':36}{'wgmon-tui':>22}{'mihomo':>22}{'ratio of CPU':>14}")
        for name in SERVERS:
            own = _measure(_own_checks(servers, name), time.thread_time)
            delay = lambda name=name: judge.delay(name, page(FIRST_PAGE), 204)  # noqa: E731
            theirs = _measure([delay] * _CHECKS, lambda: cpu_of(judge.process.pid))
            print(f"{name:36}{_cell(*own):>22}{_cell(*theirs):>22}{own[1] / theirs[1]:14.1f}", flush=True)


def _cell(took_s: float, cpu_s: float) -> str:
    return f"{took_s * 1e3:6.1f} ms, CPU {cpu_s * 1e3:4.1f} ms"


def _fetch_directly(servers: ProxyServers) -> None:
    with closing(http.client.HTTPConnection(LOOPBACK, FIRST_PAGE)) as connection:
        with entered(servers.name):
            connection.connect()
        connection.request("GET", "/204")
        assert connection.getresponse().status == 204


def _own_checks(servers: ProxyServers, name: str) -> list[Callable[[], object]]:
    target = make_target(Probing(servers.links[name]))
    prober = make_prober(target)
    runner = asyncio.Runner()

    def check() -> None:
        with entered(servers.name):
            depth = CheckDepth()
            (found,) = runner.run(prober.check_all(target, deep=depth.deep))
        assert found.handshake

    check()  # imports, and the comparison with a wrong secret
    return [check] * _CHECKS


def _measure(calls: list[Callable[[], object]], cpu: Callable[[], float]) -> tuple[float, float]:
    """The median time of a call, and the CPU time of each."""
    before, times = cpu(), []
    for call in calls:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times), (cpu() - before) / len(calls)


def cpu_of(pid: int) -> float:
    """User and system time of a process (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def main() -> None:
    """Print the table, or in one line what is missing here."""
    try:
        run()
    except pytest.skip.Exception as missing:
        print(f"not measured: {missing}")


if __name__ == "__main__":
    main()
