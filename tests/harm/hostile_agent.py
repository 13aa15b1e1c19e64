"""Hostile agents and a hostile group member: `python -m tests.harm.hostile_agent [SECONDS]`.

A writer under an account of its own checks five servers. Four agents send reports as large, as many and as
broken as they can. An account of the state directory's group takes what it gets of the control socket.
Meanwhile the owner and root ask the writer ten times a second, and an honest agent reports. The accounts need
root.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from pwd import getpwnam
from statistics import median
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from tests.daemon.harness import healthy, query_rows, quick_server, until, write_config
from tests.harm.hostile_reports import GO, KINDS
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.control.client_limits import CHANGE_REFILL_S, CHANGES_AT_ONCE, MAX_CONNECTIONS_OF_MEMBER
from wgmon_tui.store.history import History

SECONDS = 120.0
OWNER, MEMBER_UID = "nobody", 54_321
SERVERS, INTERVAL_S = 5, 1.0
PACKET_BUDGET = 16_000_000
_ASK_EVERY_S = 0.1
_END_S, _ACTION_S = 20.0, 60.0
"""How long a process may take to end, and to do what takes a second on a quiet machine."""

_START_S = 300.0
"""How long the processes may take to start: six import the program at once. Under a load of 35, that takes
half a minute, and three times as long where Python keeps no compiled files."""

_PATIENCE_S = 5.0
"""How long a client of the control socket waits for its greeting. The machine may be busy with other work."""

_QUESTION = b'{"v":1,"id":1,"op":"stats"}\n'


@dataclass(slots=True)
class Figures:
    """What was measured in `seconds`."""

    seconds: float
    packet_bytes: dict[str, int] = field(default_factory=dict)
    checks: dict[str, int] = field(default_factory=dict)
    store_bytes: dict[str, int] = field(default_factory=dict)
    log_bytes: int = 0
    member: dict[str, int] = field(default_factory=dict)
    notes: int = 0
    waits_s: dict[str, list[float]] = field(default_factory=dict)
    quiet_waits_s: dict[str, list[float]] = field(default_factory=dict)
    processor_share: float = 0.0
    own_checks: int = 0
    budgets: list[str] = field(default_factory=list)

    @property
    def most_changes(self) -> int:
        """The changes that a member may send in this time."""
        return CHANGES_AT_ONCE + int(self.seconds / CHANGE_REFILL_S) + 2

    def broken_limits(self) -> Iterator[str]:
        """The promises of docs/reliability.md that do not hold, without those about time."""
        for vantage, size in self.packet_bytes.items():
            if size > PACKET_BUDGET:
                yield f"vantage {vantage} stored {size:,} bytes of packets"
        if self.member.get("idle connections held", 0) > MAX_CONNECTIONS_OF_MEMBER:
            yield "the member holds too many connections"
        if self.notes > self.most_changes or self.member.get("notes on unknown incidents accepted"):
            yield f"the member stored {self.notes} notes"
        for who, waits in self.waits_s.items():
            if inf in waits:
                yield f"{who} was refused"

    def delays(self) -> Iterator[str]:
        """The promises about time that do not hold. Other work on this machine can break them, too."""
        for who, waits in self.waits_s.items():
            if max(waits, default=inf) > _PATIENCE_S:
                yield f"{who} did not always get an answer within {_PATIENCE_S:g} s"
        if self.own_checks < 0.7 * SERVERS * self.seconds / INTERVAL_S:
            yield f"the writer made {self.own_checks} checks only"
        if self.checks.get("honest", 0) < 0.7 * SERVERS * self.seconds:
            yield "reports of the honest agent are missing"

    def lines(self) -> Iterator[str]:
        """The figures as text."""
        yield f"{self.seconds:.0f} s, {SERVERS} servers"
        for name, size in sorted(self.store_bytes.items()):
            yield f"{name}: {size / 1e6:.1f} MB"
        for vantage in KINDS:
            packets, checks = self.packet_bytes.get(vantage, 0), self.checks.get(vantage, 0)
            yield f"vantage {vantage:9} {packets / 1e6:6.2f} MB of packets, {checks} checks stored"
        yield f"log of the service: {self.log_bytes / 1e3:.1f} kB"
        yield from (f"member: {what}: {number}" for what, number in sorted(self.member.items()))
        yield f"member: notes stored: {self.notes}"
        for when, waits_of in (("before", self.quiet_waits_s), ("meanwhile", self.waits_s)):
            for who, waits in waits_of.items():
                yield (
                    f"{when}, {who}: {len(waits)} answers, median {median(waits) * 1e3:.0f} ms, "
                    f"slowest {max(waits) * 1e3:.0f} ms"
                )
        yield f"processor time of the writer: {self.processor_share:.0%} of a core"
        yield f"checks of the writer: {self.own_checks} of {SERVERS * self.seconds / INTERVAL_S:.0f}"
        yield from self.budgets


def main() -> int:
    """Print the figures. The exit code shows whether every promise holds."""
    if os.geteuid() != 0:
        print("left out: it needs root for the accounts")
        return 0
    figures = asyncio.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
    broken = [*figures.broken_limits(), *figures.delays()]
    for line in (*figures.lines(), *(f"BROKEN: {promise}" for promise in broken)):
        print(line)
    return int(bool(broken))


async def measure(seconds: float, quiet_s: float = 3.0) -> Figures:
    """Let all of them act for so long, after `quiet_s` in which only the owner and root ask."""
    figures = Figures(seconds)
    with TemporaryDirectory(prefix="wgmon-tui-harm-") as path, ExitStack() as processes:
        place = Path(path)
        async with _servers() as servers:
            state = _install(place, servers)
            for kind in KINDS:
                names = [server.name for server in servers]
                words = ("tests.harm.hostile_reports", kind, str(place / kind), *names)
                processes.enter_context(_process(*words))
            words = ("tests.daemon.as_user", OWNER, "all", *_run(place))
            writer = processes.enter_context(_process(*words, log=place / "log"))
            await _until_open(state, writer, place / "log")
            figures.quiet_waits_s = await _ask_as_both(state, quiet_s)
            (place / GO).touch()
            await until(lambda: _packet_bytes(state).keys() >= {"packets", "honest"}, _START_S)
            began, used_s = time.time(), _processor_s(writer.pid)
            member = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.harm.hostile_member", str(MEMBER_UID)),
                *(str(getpwnam(OWNER).pw_gid), str(state), str(seconds), _incident(state)),
                stdout=asyncio.subprocess.PIPE,
            )
            (said, _), figures.waits_s = await asyncio.gather(
                member.communicate(), _ask_as_both(state, seconds)
            )
            figures.processor_share = (_processor_s(writer.pid) - used_s) / (time.time() - began)
            figures.member = json.loads(said)
            figures.budgets = await asyncio.to_thread(_budgets, place / "log")
            assert writer.poll() is None, (place / "log").read_text()
            _count(state, figures, began)
            figures.log_bytes = (place / "log").stat().st_size
    return figures


async def _until_open(state: Path, writer: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for the start, and then for the first incident. The log says why there is none."""
    try:
        await until(lambda: writer.poll() is not None or " started: " in log.read_text(), _START_S)
        await until(lambda: writer.poll() is not None or _incident(state), _ACTION_S)
    except AssertionError as late:
        raise AssertionError(await asyncio.to_thread(log.read_text)) from late
    assert writer.poll() is None, await asyncio.to_thread(log.read_text)


@asynccontextmanager
async def _servers() -> AsyncIterator[list[Server]]:
    async with AsyncExitStack() as stack:
        yield [(await stack.enter_async_context(healthy(f"s{number}")))[1] for number in range(SERVERS)]


def _install(place: Path, servers: list[Server]) -> Path:
    """Write the configuration, and create the FIFOs and a state directory that is shared with a group."""
    owner, config, state = getpwnam(OWNER), place / "config", place / "state"
    place.chmod(0o755)
    write_config(config, *servers, quick_server("down"))
    vantages = [f'[[vantage]]\nname = "{kind}"\ncommand = ["cat", "{place / kind}"]\n' for kind in KINDS]
    sink = '[[sink]]\nname = "desk"\ntype = "command"\ncommand = ["true"]\n'
    (config / "config.toml").write_text(sink + "".join(vantages))
    state.mkdir()
    for kind in KINDS:
        os.mkfifo(place / kind)
    for each in (config, *config.iterdir(), state, *(place / kind for kind in KINDS)):
        os.chown(each, owner.pw_uid, owner.pw_gid)
    state.chmod(0o2750)
    return state


def _run(place: Path) -> tuple[str, ...]:
    directories = ("--config", str(place / "config"), "--state", str(place / "state"))
    return (*directories, "run", "--metrics", "127.0.0.1:0")


@contextmanager
def _process(*words: str, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with (log or Path(os.devnull)).open("wb") as stderr:
        process = subprocess.Popen(
            (sys.executable, "-m", *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:
        yield process
    finally:
        process.terminate()  # so that the writer ends the commands of its vantages
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _incident(state: Path) -> str:
    """The open incident of the server that is down; "" before it is stored."""
    if not (state / "history.db").exists():
        return ""
    query = "SELECT incidents.id FROM incidents JOIN servers ON servers.id = server WHERE name = 'down'"
    return next((str(row[0]) for row in query_rows(state, query)), "")


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _ask_as_both(state: Path, seconds: float) -> dict[str, list[float]]:
    waits = await asyncio.gather(*(_ask(state, who, seconds) for who in ("root", OWNER)))
    return dict(zip(("root", OWNER), waits, strict=True))


async def _ask(state: Path, who: str, seconds: float) -> list[float]:
    """Ask as this account; how long each answer took. It is infinite for a refusal."""
    words = ("tests.harm.hostile_agent", "ask", who, str(state), str(seconds))
    asking = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asking.communicate()
    return [float(word) for word in said.split()]


async def _ask_here(who: str, state: Path, seconds: float) -> None:
    account, end = getpwnam(who), time.monotonic() + seconds
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    while time.monotonic() < end:
        print(await _time_answer(state / "control.sock"))
        await asyncio.sleep(_ASK_EVERY_S)


async def _time_answer(control_socket: Path) -> float:
    """How long an answer takes; infinite for a refusal."""
    began = time.monotonic()
    try:
        reader, stream = await asyncio.open_unix_connection(str(control_socket), limit=2**20)
        greeting = await reader.readline()
        stream.write(_QUESTION)
        answer = await reader.readline()
        stream.close()
    except OSError:
        return inf
    return time.monotonic() - began if b'"may"' in greeting and b'"ok"' in answer else inf


def _budgets(log: Path) -> list[str]:
    """The budgets of /metrics."""
    line = next(line for line in log.read_text().splitlines() if "metrics: http" in line)
    with urlopen(line.partition("metrics: ")[2]) as answer:
        lines = answer.read().decode().splitlines()
    return [line for line in lines if line.startswith("wgmon_budget")]


def _packet_bytes(state: Path) -> dict[str, int]:
    """The size of the stored packets of each vantage."""
    sizes = (
        "SELECT vantage, sum(length(round)) FROM exchanges JOIN series ON series.id = series GROUP BY vantage"
    )
    return {str(vantage): int(str(size)) for vantage, size in query_rows(state, sizes)}


def _count(state: Path, figures: Figures, began: float) -> None:
    figures.store_bytes = {path.name: path.stat().st_size for path in state.glob("history.db*")}
    figures.packet_bytes = _packet_bytes(state)
    figures.notes = len(query_rows(state, f"SELECT 1 FROM notes WHERE who = '{MEMBER_UID}'"))
    history, checks = History(state / "history.db"), Counter[str]()
    for number in range(SERVERS):
        own = history.checks(f"s{number}", began, time.time())
        figures.own_checks += sum(check.verdict is Verdict.HEALTHY for check in own)
        for vantage in history.vantages_of(f"s{number}"):
            checks[vantage] += len(history.checks(f"s{number}", 0.0, time.time(), vantage))
    history.close()
    figures.checks = dict(checks)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        asyncio.run(_ask_here(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])))
    else:
        sys.exit(main())
