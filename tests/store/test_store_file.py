from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from wgmon_tui.store import schema
from wgmon_tui.store.database import NewerStoreError, StoreUnavailableError
from wgmon_tui.store.history import History
from wgmon_tui.store.store_file import mirrored_stamps, open_store, refuse_newer
from wgmon_tui.store.store_version import STORE, VERSION


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def fill(state_dir: Path, servers: int = 200) -> None:
    with closing(open_store(state_dir).connection) as connection:
        connection.executemany(
            "INSERT INTO servers (name, entry, holds) VALUES (?, ?, 35)",
            ((f"server-{number}", "x" * 300) for number in range(servers)),
        )


def names(state_dir: Path) -> int:
    with closing(open_store(state_dir).connection) as connection:
        return int(connection.execute("SELECT count(*) FROM servers").fetchone()[0])


# Create and open


def test_a_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    opened = open_store(tmp_path / "deep" / "state")
    with closing(opened.connection) as connection:
        assert opened.notice is None
        assert schema.version_of(connection) == VERSION
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert mode_of(tmp_path / "deep" / "state") == 0o700


def test_a_store_without_the_later_tables_gets_them_and_keeps_its_version(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE, isolation_level=None)) as older:
        older.execute("DROP TABLE verdict_changes")
        older.execute("DROP TRIGGER verdict_changes_of_deleted")
        older.execute("DROP TABLE pause_ends")
        older.execute("DROP TRIGGER pause_ends_of_resumed")
    with closing(open_store(tmp_path).connection) as connection:
        assert schema.version_of(connection) == VERSION
        assert connection.execute("SELECT count(*) FROM verdict_changes").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM pause_ends").fetchone() == (0,)
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY name")
        assert found.fetchall() == [("pause_ends_of_resumed",), ("verdict_changes_of_deleted",)]


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    fill(tmp_path)
    assert names(tmp_path) == 200


def test_a_half_made_store_of_a_killed_program_is_replaced(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"{STORE}.new{suffix}").write_bytes(b"half")
    fill(tmp_path)
    assert names(tmp_path) == 200
    assert [path.name for path in tmp_path.iterdir()] == [STORE]


def test_a_store_of_a_later_version_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    fill(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = (tmp_path / STORE).read_bytes()
    with pytest.raises(NewerStoreError) as refused:
        open_store(tmp_path)
    sentence = str(refused.value)
    assert str(tmp_path / STORE) in sentence
    assert f"version {VERSION + 1}" in sentence
    assert "\n" not in sentence
    assert (tmp_path / STORE).read_bytes() == before


def test_to_look_for_a_later_version_makes_no_file(tmp_path: Path) -> None:
    refuse_newer(tmp_path)
    assert list(tmp_path.iterdir()) == []


# Who may read


def test_no_other_account_reads_the_store_of_a_private_directory(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        with closing(open_store(tmp_path / "state").connection) as connection:
            connection.execute("UPDATE facts SET value = value")
            assert {mode_of(path) for path in (tmp_path / "state").iterdir()} == {0o600}
    finally:
        os.umask(former)


def test_an_account_that_reads_the_directory_as_its_group_reads_the_store(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o2750)
    former = os.umask(0o077)
    try:
        with closing(open_store(state).connection) as connection:
            connection.execute("UPDATE facts SET value = value")
            files = sorted(path.name for path in state.iterdir())
            assert files == [STORE, f"{STORE}-shm", f"{STORE}-wal"]
            assert {mode_of(path) for path in state.iterdir()} == {0o640}
            assert {path.stat().st_gid for path in state.iterdir()} == {state.stat().st_gid}
    finally:
        os.umask(former)


def test_a_directory_that_is_closed_to_its_group_closes_the_store_again(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / STORE).chmod(0o664)
    tmp_path.chmod(0o700)
    open_store(tmp_path).connection.close()
    assert mode_of(tmp_path / STORE) == 0o600


# Damaged


def set_aside(state_dir: Path) -> list[Path]:
    return sorted(state_dir.glob(f"{STORE}.damaged-*"))


@pytest.mark.parametrize("content", [b"", b"x", b"not a database, but text\n" * 500, bytes(8192)])
def test_a_file_that_is_no_store_is_moved_aside_with_a_notice(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STORE).write_bytes(content)
    days = [time.strftime("%Y-%m-%d")]
    opened = open_store(tmp_path)
    days.append(time.strftime("%Y-%m-%d"))  # midnight may come meanwhile
    opened.connection.close()
    (aside,) = set_aside(tmp_path)
    assert opened.notice is not None
    assert str(aside) in opened.notice
    assert "\n" not in opened.notice
    assert aside.name in [f"{STORE}.damaged-{day}" for day in days]
    assert aside.read_bytes() == content
    assert names(tmp_path) == 0


def foreign(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('https://example.net')"),
        ("CREATE TABLE facts (name TEXT, value ANY)", "PRAGMA user_version = 1"),
        (f"PRAGMA user_version = {VERSION}", "CREATE TABLE servers (name TEXT)"),
    ],
    ids=["another program's", "this version, foreign tables", "without facts"],
)
def test_a_database_of_another_program_is_set_aside_unchanged(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    foreign(tmp_path / STORE, *statements)
    content = (tmp_path / STORE).read_bytes()
    opened = open_store(tmp_path)
    opened.connection.close()
    (aside,) = (path for path in set_aside(tmp_path) if not path.name.endswith(("-wal", "-shm")))
    assert opened.notice
    assert aside.read_bytes()[100:] == content[100:]  # the header contains the journal mode
    assert names(tmp_path) == 0


def test_a_store_that_lost_its_facts_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path)
    foreign(tmp_path / STORE, "DELETE FROM facts")
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice
    assert names(tmp_path) == 0


def test_two_damaged_stores_of_a_day_are_both_kept(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        (tmp_path / STORE).write_bytes(content)
        open_store(tmp_path).connection.close()
    assert [path.read_bytes() for path in set_aside(tmp_path)] == [b"first", b"second"]


def test_a_truncated_store_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path)
    size = (tmp_path / STORE).stat().st_size
    os.truncate(tmp_path / STORE, size // 2)
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice is not None
    assert set_aside(tmp_path)[0].stat().st_size == size // 2


def test_the_log_of_a_damaged_store_is_set_aside_with_it(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / STORE).write_bytes(b"no database")
    (tmp_path / f"{STORE}-wal").write_bytes(b"its log")
    open_store(tmp_path).connection.close()
    aside = {path.name.rpartition("-")[2]: path.read_bytes() for path in set_aside(tmp_path)}
    assert aside["wal"] == b"its log"
    assert names(tmp_path) == 0


def test_a_store_whose_damage_is_no_text_either_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path)
    content = (tmp_path / STORE).read_bytes()
    (tmp_path / STORE).write_bytes(content.replace(b"CREATE TABLE", b"\x9e\xff TABLE"))
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice
    assert names(tmp_path) == 0


@pytest.mark.parametrize("version", [-1, 0, 1, VERSION + 2000, 2**31 - 1])
def test_a_wrong_version_is_damage_and_no_later_version(tmp_path: Path, version: int) -> None:
    fill(tmp_path)
    foreign(tmp_path / STORE, f"PRAGMA user_version = {version}")
    refuse_newer(tmp_path)
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice
    assert names(tmp_path) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE deliveries",
        "ALTER TABLE checks DROP COLUMN rtt",
        "DROP INDEX open_incidents",
        "DROP TRIGGER verdict_changes_of_deleted",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807",
        "INSERT INTO outbox VALUES (9223372036854775807, 0, '', '', '')",
    ],
)
def test_a_store_without_all_that_is_needed_is_set_aside(tmp_path: Path, statement: str) -> None:
    fill(tmp_path)
    with closing(open_store(tmp_path).connection) as connection:
        connection.execute("INSERT INTO outbox (at, what, incident, matter) VALUES (0, '', '', '')")
    foreign(tmp_path / STORE, statement)
    opened = open_store(tmp_path)
    opened.connection.close()
    assert (opened.notice is None) is ("TRIGGER" in statement)  # which is an addition and is made again
    assert bool(set_aside(tmp_path)) is ("TRIGGER" not in statement)


@pytest.mark.parametrize("value", ["x'ff'", "'many'", "NULL", "1.5"])
def test_a_fact_that_is_no_number_is_replaced_and_the_history_stays(tmp_path: Path, value: str) -> None:
    fill(tmp_path)
    foreign(tmp_path / STORE, "INSERT INTO facts VALUES ('alerts_read', 7)")
    foreign(
        tmp_path / STORE, f"UPDATE facts SET value = {value} WHERE name IN ('fleet_version', 'alerts_read')"
    )
    with closing(open_store(tmp_path).connection) as connection:
        facts = dict(connection.execute("SELECT name, value FROM facts"))
    assert facts["fleet_version"] == 1
    assert "alerts_read" not in facts
    assert names(tmp_path) == 200


def make_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, make_socket, lambda path: path.symlink_to("nowhere")]
)
@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_what_is_no_file_is_set_aside(tmp_path: Path, make: Callable[[Path], None], suffix: str) -> None:
    if suffix:
        fill(tmp_path)
    make(tmp_path / f"{STORE}{suffix}")
    refuse_newer(tmp_path)
    assert mirrored_stamps(tmp_path) == {}
    opened = open_store(tmp_path)
    opened.connection.close()
    assert opened.notice
    assert names(tmp_path) == 0


def test_a_pipe_in_the_place_of_the_store_does_not_hang_its_readers(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / STORE)
    with pytest.raises(StoreUnavailableError, match="not a regular file"):
        History(tmp_path / STORE).names()


@examples(50)
@given(seed=st.integers(0, 2**32), holes=st.integers(1, 4))
def test_whatever_bytes_are_damaged_a_store_opens(
    tmp_path_factory: pytest.TempPathFactory, seed: int, holes: int
) -> None:
    state, random = tmp_path_factory.mktemp("state"), Random(seed)
    fill(state)
    content = bytearray((state / STORE).read_bytes())
    for _ in range(holes):
        at = random.randrange(len(content))
        content[at : at + 200] = random.randbytes(len(content[at : at + 200]))
    (state / STORE).write_bytes(content)
    try:
        opened = open_store(state)
    except NewerStoreError:
        return  # its version was among the bytes
    with closing(opened.connection) as connection:
        connection.execute("INSERT INTO servers (name, entry, holds) VALUES ('new', '{}', 35)")
        assert connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    assert bool(opened.notice) == bool(set_aside(state))


# Not available


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match="Not a directory") as unavailable:
        open_store(tmp_path / "file" / "state")
    assert "\n" not in str(unavailable.value)


def test_the_stamps_of_a_store_that_is_not_there_are_none(tmp_path: Path) -> None:
    assert mirrored_stamps(tmp_path) == {}
    assert not list(tmp_path.iterdir())
