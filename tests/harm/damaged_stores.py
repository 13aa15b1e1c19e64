"""Damaged stores: `python -m tests.harm.damaged_stores [COUNT [SEED]]`.

Damages a state directory at random: bytes, header, facts, values, schema, version and kind of file of the
history, and the timestamp ledger, the lock and their directory. Then `wgmon-tui run` must start and record
again, or print one line and end. A second run must find nothing to set aside. An export of what is damaged
must end with 0, or with one line. The queue of an agent must open, or say why in one line.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random

from tests.daemon.harness import CLIENT, quick_server, write_config
from tests.harm.forked_run import PATIENCE_S, ForkedRun
from tests.output.sample_store import write_store
from tests.store.golden.store_rows import _batch, _deliver
from wgmon_tui.checks import tai64n
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.identity_lock import identity_digest
from wgmon_tui.store.store_file import WritableStore, open_store
from wgmon_tui.store.store_version import STORE
from wgmon_tui.vantages.agent.report_queue import NAME as REPORTS
from wgmon_tui.vantages.agent.report_queue import QueuedReport, ReportQueue, ReportQueueUnavailableError
from wgmon_tui.vantages.protocol import is_readable_report

Damage = Callable[[Path, Random], str]

_SINK = """
[[sink]]
name = "hole"
type = "webhook"
url_file = "hole.url"
"""

_EXIT_REFUSED = (64, 71, 75)
_CRASHES = ("Traceback", "bug in wgmon-tui", "internal error")


def main() -> int:
    """Damage this many state directories; the exit code is 1 if a promise does not hold."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    outcomes: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wgmon-damage-", dir=_quick_disk()) as directory:
        template = make_template(Path(directory) / "template")
        for seed in range(first, first + count):
            place = Path(directory) / "place"
            try:
                outcomes[examine(template, place, seed)] += 1
            except AssertionError as broken:
                outcomes["broken promises"] += 1
                print(f"seed {seed}: {str(broken)[-2000:]}", flush=True)
            shutil.rmtree(place, ignore_errors=True)
    print(f"{count} damaged state directories from seed {first} in {time.monotonic() - began:.0f} s")
    for outcome, number in sorted(outcomes.items()):
        print(f"  {number:5} {outcome}")
    return int(bool(outcomes["broken promises"]))


def make_template(place: Path) -> Path:
    """Make a configuration, and a state directory with every table filled."""
    place.mkdir()
    write_config(place / "config", quick_server("fra1"), quick_server("ams1"))
    (place / "config" / "config.toml").write_text(_SINK)
    url = place / "config" / "hole.url"
    url.touch(0o600)
    url.write_text("http://127.0.0.1:9/")
    state = place / "state"
    write_store(state)
    with closing(open_store(state).connection) as connection:
        _batch().write(connection, WritableStore(connection, state / STORE).ids, time.time())
        _deliver(connection)
        _fill_rollups(connection)
    stamps = state / "stamps"
    stamps.mkdir(mode=0o700)
    (stamps / identity_digest(CLIENT.public).hex()).write_bytes(tai64n.encode(time.time_ns()))
    (state / "writer.lock").write_text('{"pid": 1, "uid": 0, "since": 1.5}\n')
    queue = ReportQueue(state)
    queue.add([QueuedReport(b'{"server":"fra1"}', routine=bool(number % 2)) for number in range(50)])
    queue.close()
    return place


def _fill_rollups(connection: sqlite3.Connection) -> None:
    minute = int(time.time() // 60)
    for table, number in (("minutes", minute), ("hours", minute // 60), ("days", minute // 1440)):
        connection.executemany(
            f"INSERT INTO {table} VALUES (?, 1, 6, 1, 50, 0, 10, 0, 0, 0, x'0000000102')",
            ((number - age,) for age in range(1, 200)),
        )
    connection.executemany("INSERT INTO packs VALUES (?, 1, ?)", ((minute - 3, b"\x01" * 40), (minute, b"")))
    connection.execute("INSERT INTO tellings VALUES ('i1', 'hole', ?, NULL, NULL, '')", (time.time(),))
    connection.execute("INSERT INTO stamps VALUES (?, ?)", (bytes(16), time.time_ns()))
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('alerts_read', 0), ('alerting', 1.5)")


def examine(template: Path, place: Path, seed: int) -> str:
    """Damage a copy and examine it; return what happened. Raises AssertionError if a promise is broken."""
    random = Random(seed)
    shutil.copytree(template, place)
    done = "; ".join(random.choice(DAMAGES)(place / "state", random) for _ in range(random.choice((1, 1, 2))))
    try:
        _export(place, random)
        _open_queue(place / "state")
        outcome = _run(place)
        if outcome == "started":
            aside = _aside(place / "state")
            assert _run(place) == "started", "the second run was refused"
            assert _aside(place / "state") == aside, "the second run set something aside again"
            outcome = "started, set something aside" if aside else "started, used it as it was"
    except AssertionError as broken:
        raise AssertionError(f"{done}: {broken}") from None
    return outcome


def _run(place: Path) -> str:
    run = ForkedRun.start(place / "config", place / "state")
    try:
        if not run.read_until("started"):
            code = run.wait()
            assert code in _EXIT_REFUSED, f"it ended with {code}: {run.lines}"
            assert len(run.lines) == 1, f"more than one line: {run.lines}"
            assert "config.toml" not in run.lines[0], run.lines
            return "refused in one line"
        wait_for_new_checks(place / "state", run)
        code = run.end()
    finally:
        run.kill()
    log = "\n".join(run.lines)
    assert code == 0, f"it ended with {code}: {log}"
    assert not any(crash in log for crash in _CRASHES), log
    return "started"


def wait_for_new_checks(state: Path, run: ForkedRun) -> None:
    """Wait until a check of this run is in the history."""
    began = time.time()
    end = time.monotonic() + PATIENCE_S
    query = f"SELECT count(*) FROM checks WHERE at BETWEEN {began - 2} AND {began + 3600}"
    while time.monotonic() < end:
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{(state / STORE).as_uri()}?mode=ro", uri=True)) as store,
        ):
            if store.execute(query).fetchone()[0]:
                return
        time.sleep(0.02)
    run.end()
    raise AssertionError(f"nothing was recorded: {run.lines}")


def _export(place: Path, random: Random) -> None:
    kind = random.choice(("checks", "incidents", "exchange"))
    form = random.choice(("json", "csv"))
    words = ("--config", str(place / "config"), "--state", str(place / "state"))
    export = ForkedRun.start_command("export", kind, "--format", form, *words)
    code = export.wait()
    assert code in (0, 64), f"export ended with {code}: {export.lines}"
    assert len(export.lines) <= 1, f"export {kind}: {export.lines}"
    assert not any(crash in line for line in export.lines for crash in _CRASHES), export.lines


def _open_queue(state: Path) -> None:
    refused = ""
    try:
        queue = ReportQueue(state)
    except (ReportQueueUnavailableError, StoreUnavailableError) as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused, refused
        return
    queue.drop_unreadable(is_readable_report)
    queue.add([QueuedReport(b'{"server":"fra1"}', routine=True)])
    assert queue.read_after(0, 1)
    queue.close()
    again = ReportQueue(state)
    assert not again.notice, again.notice
    again.close()


def _aside(state: Path) -> set[str]:
    """What was set aside, without the queue, which this process opened."""
    found = {str(path.relative_to(state)) for path in state.rglob("*.damaged-*")}
    return {name for name in found if not name.startswith(REPORTS)}


def _quick_disk() -> str | None:
    """Return a directory in memory, if any: syncing costs nothing there."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# Damages. Each returns what it did.


def _of_a_file(state: Path, random: Random) -> Path:
    stamp = identity_digest(CLIENT.public).hex()
    names = (STORE, STORE, STORE, REPORTS, f"stamps/{stamp}", "writer.lock", f"{STORE}-wal", f"{STORE}-shm")
    return state / random.choice(names)


def damage_bytes(state: Path, random: Random) -> str:
    path = _of_a_file(state, random)
    content = bytearray(path.read_bytes() if path.is_file() else bytes(100))
    for _ in range(random.choice((1, 3, 30))):
        at = random.randrange(max(1, len(content)))
        content[at : at + random.choice((1, 8, 300))] = random.randbytes(random.choice((1, 8, 300)))
    _replace(path, bytes(content))
    return f"bytes of {path.name}"


def damage_header(state: Path, random: Random) -> str:
    path = state / random.choice((STORE, REPORTS))
    content = bytearray(path.read_bytes() if path.is_file() else bytes(100))
    at = random.randrange(100)
    content[at : at + 4] = random.randbytes(4)
    _replace(path, bytes(content))
    return f"header of {path.name} at {at}"


def truncate(state: Path, random: Random) -> str:
    path = _of_a_file(state, random)
    content = path.read_bytes() if path.is_file() else b""
    size = random.choice((0, 1, 12, 100, 4096, random.randrange(len(content) + 1)))
    _replace(path, content[:size] + random.choice((b"", b"", random.randbytes(50))))
    return f"{path.name} truncated to {size}"


def replace_kind(state: Path, random: Random) -> str:
    path = random.choice((_of_a_file(state, random), state / "stamps", state / "writer.lock"))
    _remove(path)
    make = random.choice(
        (Path.mkdir, os.mkfifo, _make_socket, lambda each: each.symlink_to("nowhere"), _make_other_database)
    )
    make(path)
    return f"{path.name} replaced ({path.lstat().st_mode:o})"


def _make_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))


def _make_other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE facts (name TEXT, value ANY)")
        other.execute("CREATE TABLE servers (name TEXT)")
        other.execute("INSERT INTO facts VALUES ('store', 'x')")
        other.execute("PRAGMA user_version = 2")
        other.commit()


def change_version(state: Path, random: Random) -> str:
    path = state / random.choice((STORE, REPORTS))
    version = random.choice((-1, 0, 1, 2, 3, 7, 2000, 2**31 - 1, random.getrandbits(31)))
    _execute(path, f"PRAGMA user_version = {version}")
    return f"version {version} of {path.name}"


def change_schema(state: Path, random: Random) -> str:
    path = state / random.choice((STORE, STORE, REPORTS))
    objects = _query(path, "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
    if not objects:
        return "no schema"
    kind, name = random.choice(objects)
    if kind == "table" and random.random() < 0.5:
        columns = [row[1] for row in _query(path, f'PRAGMA table_info("{name}")')]
        column = random.choice(columns)
        _execute(path, f'ALTER TABLE "{name}" DROP COLUMN "{column}"')
        return f"column {name}.{column} dropped"
    _execute(path, f'DROP {kind} "{name}"')
    return f"{kind} {name} dropped"


def change_facts(state: Path, random: Random) -> str:
    path = state / random.choice((STORE, STORE, REPORTS))
    names = [row[0] for row in _query(path, "SELECT name FROM facts")]
    if not names:
        return "no facts"
    name, value = random.choice(names), _any_value(random)
    if random.random() < 0.3:
        _execute(path, "DELETE FROM facts WHERE name = ?", name)
        return f"fact {name} deleted"
    _execute(path, "UPDATE facts SET value = ? WHERE name = ?", value, name)
    return f"fact {name} = {value!r:.40}"


def change_values(state: Path, random: Random) -> str:
    path = state / random.choice((STORE, STORE, STORE, REPORTS))
    tables = [row[0] for row in _query(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables = [name for name in tables if not name.startswith("sqlite")]
    if not tables:
        return "no tables"
    done = []
    for _ in range(random.choice((1, 4, 20))):
        table = random.choice(tables)
        columns = [row[1:3] for row in _query(path, f'PRAGMA table_info("{table}")')]
        if not columns:
            continue
        column, kind = random.choice(columns)
        value = _any_value(random, kind)
        every = (
            "" if random.random() < 0.5 else f' WHERE "{column}" = (SELECT max("{column}") FROM "{table}")'
        )
        text = "CAST(? AS TEXT)" if kind == "TEXT" else "?"
        _execute(path, f'UPDATE OR IGNORE "{table}" SET "{column}" = {text}{every}', value)
        done.append(f"{table}.{column} = {value!r:.40}")
    return "; ".join(done)


def _any_value(random: Random, kind: str = "") -> object:
    numbers = (0, -1, 1, 2**62, -(2**63), 2**63 - 1)
    floats = (0.0, -1.0, 1e300, -1e300, 9e999, 1e-300, 253_402_300_800.0, 2.0**40)
    texts = (
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"{}",
        b"[]",
        b"null",
        b"[" * 3000,
        b'{"a":1e999}',
        b"\x00",
        b"\xed\xa0\x80",
    )
    match kind:
        case "INTEGER":
            return random.choice(numbers)
        case "REAL":
            return random.choice(floats)
        case "TEXT" | "BLOB":
            return random.choice((*texts, random.randbytes(random.randrange(40))))
        case _:
            return random.choice((None, *numbers, *floats, *texts, "text"))


def _replace(path: Path, content: bytes) -> None:
    _remove(path)
    path.parent.is_dir() and path.write_bytes(content)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _execute(path: Path, statement: str, *values: object) -> None:
    if path.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as store:
            store.execute(statement, values)


def _query(path: Path, query: str) -> list[tuple[str, ...]]:
    if path.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as store:
            store.text_factory = lambda stored: stored.decode(errors="replace")
            return store.execute(query).fetchall()
    return []


DAMAGES: tuple[Damage, ...] = (
    damage_bytes,
    damage_bytes,
    damage_header,
    truncate,
    replace_kind,
    change_version,
    change_schema,
    change_facts,
    change_values,
    change_values,
)

if __name__ == "__main__":
    sys.exit(main())
