"""Test with an earlier version on the same files: `python -m tests.compatibility OLD_CHECKOUT`.

OLD_CHECKOUT is a directory that contains the package of the earlier version. Both versions run as processes.
Three writers take turns on one state directory: the earlier version, this one, and the earlier one again.
Each has an agent of the other version. After each turn both versions export the store, with the same result.
If this version writes another store version, only the writer's version can read the store after each turn.
Then this one must have everything that the earlier one exported, which must refuse the upgraded store.
Prints one line for each thing that works, and ends with exit code 1 at the first one that does not. It takes
about a minute.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.daemon.harness import healthy, quick_server, write_config
from tests.vantages.harness import ending_agent

SECONDS = 12.0
"""How long each writer checks, in seconds."""

_PATIENCE_S = 30.0
_THIS = Path(__file__).parents[2]
_VANTAGE = "ams"
_UP, _DOWN = "fra1", "ams1"
_TABLES = ("checks", "incidents", "exchange")


class BrokenError(Exception):
    """The two versions are not compatible."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the program: its name, and the directory that contains its package."""

    name: str
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, *words: str) -> tuple[str, ...]:
        """Return a command that starts this version in any environment."""
        return ("env", f"PYTHONPATH={self.root}", sys.executable, "-m", *words)


@dataclass(frozen=True, slots=True)
class Place:
    """The files of a run. `config` has servers, an identity and sinks; the agent uses its identity."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def state(self) -> Path:
        return self.root / "state"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one version reads from the store after a stage."""

    tables: dict[str, list[Any]]
    from_vantage: list[Any]
    log: str


async def main(old_root: Path) -> None:
    """Run all stages. Raises BrokenError."""
    old, new = Version("old", old_root), Version("new", _THIS)
    for version in (old, new):
        where = await _run(version, "-c", "import wgmon_tui; print(wgmon_tui.__file__)", cwd=old_root.anchor)
        _expect(f"{version.name}: the package is the one in {version.root}", str(version.root) in where)
    with tempfile.TemporaryDirectory() as directory, _sink() as url:
        place = Place(Path(directory))
        async with healthy(_UP) as (_, server):
            write_config(place.config, server, quick_server(_DOWN))
            seen: Seen | None = None
            for number, (writer, agent) in enumerate(((old, new), (new, old)), 1):
                seen = await _stage(place, url, number, writer, agent, seen)
            if await _store_version(old) == await _store_version(new):
                await _stage(place, url, 3, old, new, seen)
            else:
                await _expect_refusal(old, place)
        await _start_keeper(place, new)
    print("compatible", flush=True)


async def _stage(
    place: Place, url: str, number: int, writer: Version, agent: Version, before: Seen | None
) -> Seen:
    title = f"{number}. {writer.name} writer, {agent.name} agent"
    agent_state = place.root / f"agent-{number}"
    _write_settings(place, url, agent, agent_state)
    with ending_agent(agent_state):
        async with _writing(writer, place, title):
            await asyncio.sleep(SECONDS)
            await _run(agent, "-m", "wgmon_tui", "alert", "test", *_places(place), "good", cwd=place.root)
            print(f"{title}: the {agent.name} version asks the writer to test a sink", flush=True)
    by_writer = await _seen(writer, place)
    if await _store_version(writer) != await _store_version(agent):
        reports = len(by_writer.from_vantage)
        _expect(f"{title}: {reports} checks of the agent are stored", reports > 0)
        if before:
            _expect_continued(title, before, by_writer)
            _expect_kept(title, before, by_writer)
        return by_writer
    by_other = await _seen(agent, place)
    for table in _TABLES:
        _expect(
            f"{title}: both export the same {len(by_writer.tables[table])} {table}",
            _agree(by_writer.tables[table], by_other.tables[table]) and len(by_writer.tables[table]) > 0,
        )
    reports = len(by_writer.from_vantage)
    _expect(
        f"{title}: both export the same {reports} checks of the agent",
        by_writer.from_vantage == by_other.from_vantage and reports > 0,
    )
    # Each version words the log in its own way: the deliveries must be there, not the same sentences.
    logs = (by_writer.log, by_other.log)
    _expect(
        f"{title}: deliveries are in the log of both", all("sent" in log and _DOWN in log for log in logs)
    )
    if before:
        _expect_continued(title, before, by_writer)
    return by_writer


def _agree(some: list[Any], others: list[Any]) -> bool:
    """Return whether two exports agree in the keys of both. A later version may add keys."""
    pairs = list(zip(some, others, strict=False))
    return len(some) == len(others) and all(
        one[key] == other[key] for one, other in pairs for key in one.keys() & other.keys()
    )


def _expect_continued(title: str, before: Seen, now: Seen) -> None:
    for table in ("checks", "exchange"):
        grew = len(now.tables[table]) - len(before.tables[table])
        _expect(f"{title}: {table} grew by {grew}", grew >= (1 if table == "checks" else 0))
    _expect(
        f"{title}: reports grew by {len(now.from_vantage) - len(before.from_vantage)}",
        len(now.from_vantage) > len(before.from_vantage),
    )
    ids = [[each["id"] for each in seen.tables["incidents"]] for seen in (before, now)]
    _expect(f"{title}: the open incident continues", ids[0] == ids[1])


def _expect_kept(title: str, before: Seen, now: Seen) -> None:
    """Expect every check that another version exported, of this machine and of the vantage."""
    for what, some, others in (
        ("checks", before.tables["checks"], now.tables["checks"]),
        ("reports", before.from_vantage, now.from_vantage),
    ):
        missing = {_identity(each) for each in some} - {_identity(each) for each in others}
        _expect(f"{title}: all {len(some)} earlier {what} are there", not missing)


def _identity(check: dict[str, Any]) -> tuple[str, ...]:
    """What makes a check another one. Blocks of a minute keep times to a millisecond."""
    names = ("server", "vantage", "address", "verdict")
    return (*(str(check[name]) for name in names), check["started_at"][:19])


async def _store_version(version: Version) -> str:
    return await _run(
        version, "-c", "from wgmon_tui.store import schema; print(schema.VERSION)", cwd=version.root.anchor
    )


async def _expect_refusal(old: Version, place: Place) -> None:
    """Expect that the earlier version leaves the upgraded store alone."""
    before = (place.state / "history.db").read_bytes()
    try:
        await _run(old, "-m", "wgmon_tui", "run", *_places(place), cwd=place.root)
    except BrokenError as refused:
        line = str(refused)
    else:
        line = ""
    unchanged = (place.state / "history.db").read_bytes() == before
    _expect(
        "3. the old version refuses the store of the new one and leaves it alone",
        "written by a later version" in line and unchanged,
    )


async def _start_keeper(place: Place, version: Version) -> None:
    """Start an agent daemon as the stdio bridge of the earlier version does, and wait for its end."""
    state = place.root / "keeper"
    state.mkdir()
    words = ("-m", "wgmon_tui.service.agent.keeper", str(place.config), str(state), "1")
    await _run(version, *words, cwd=place.root)
    log = (state / "agent.log").read_text()
    _expect(
        "a stdio bridge of the old version starts an agent daemon of the new one", "started: wgmon-tui" in log
    )


async def _seen(version: Version, place: Place) -> Seen:
    return Seen(
        {table: await _export(version, place, table) for table in _TABLES},
        await _export(version, place, "checks", "--vantage", _VANTAGE),
        await _run(version, "-m", "wgmon_tui", "alert", "log", *_places(place), cwd=place.root),
    )


async def _export(version: Version, place: Place, what: str, *words: str) -> list[Any]:
    text = await _run(version, "-m", "wgmon_tui", "export", *_places(place), *words, what, cwd=place.root)
    return [json.loads(line, object_hook=_without_meaning) for line in text.splitlines()]


def _without_meaning(value: dict[str, Any]) -> dict[str, Any]:
    """Leave out the explanation of a packet's field: each version words it at export."""
    return {key: each for key, each in value.items() if key != "meaning"}


def _places(place: Place) -> tuple[str, ...]:
    return ("--config", str(place.config), "--state", str(place.state))


def _write_settings(place: Place, url: str, agent: Version, agent_state: Path) -> None:
    command = agent.command(
        "wgmon_tui", "agent", "--config", str(place.config), "--state", str(agent_state), "--linger", "30s"
    )
    sinks = "".join(
        f'[[sink]]\nname = "{name}"\ntype = "webhook"\nurl = "{where}"\n\n'
        for name, where in (("good", url), ("gone", "http://127.0.0.1:9"))
    )
    (place.config / "config.toml").write_text(
        f'{sinks}[[vantage]]\nname = "{_VANTAGE}"\ncommand = {json.dumps(command)}\n'
    )


@asynccontextmanager
async def _writing(version: Version, place: Place, title: str) -> AsyncIterator[None]:
    """Run a writer without a screen, then end it with SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        *version.command("wgmon_tui", "run", *_places(place)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=version.environment,
        cwd=place.root,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_PATIENCE_S):
            said, _ = await process.communicate()
    if process.returncode != 0 or b"Traceback" in said:
        raise BrokenError(f"{title}: exit code {process.returncode}: {said.decode(errors='replace')}")


async def _run(version: Version, *words: str, cwd: Path | str) -> str:
    """Return the output of a command of this version. Raises BrokenError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=version.environment,
        cwd=cwd,
    )
    async with asyncio.timeout(_PATIENCE_S):
        out, error = await process.communicate()
    if process.returncode != 0:
        raise BrokenError(f"{version.name}: {' '.join(words)}: {error.decode(errors='replace')}")
    return out.decode()


def _expect(what: str, holds: bool) -> None:
    if not holds:
        raise BrokenError(f"BROKEN: {what}")
    print(what, flush=True)


class _Receiver(BaseHTTPRequestHandler):
    """Web server that accepts every message."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing."""


@contextmanager
def _sink() -> Iterator[str]:
    """Provide the address of a web server on loopback that accepts every message."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    if len(sys.argv) != len(("program", "OLD_CHECKOUT")):
        sys.exit("usage: python -m tests.compatibility OLD_CHECKOUT")
    try:
        asyncio.run(main(Path(sys.argv[1]).absolute()))
    except BrokenError as broken:
        sys.exit(str(broken))
