"""Tests of peer credentials with real users: one in the state directory's group and one outside it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam, struct_passwd
from secrets import token_hex
from tempfile import TemporaryDirectory

import pytest

from tests.daemon.harness import CLIENT, query_rows, quick_server, running, until, write_config
from tests.real.prerequisites import require
from wgmon_tui.net.accounts import explain_access_denied, is_shared, login_name


@dataclass(frozen=True)
class People:
    """A service account, a member of its group, and an account outside the group."""

    service: str
    member: str
    stranger: str


@dataclass(frozen=True)
class Place:
    """The configuration and state directories of the service."""

    config: Path
    state: Path


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    require("useradd", "userdel", root=True)
    made = People(*(f"wgt-{role}-{token_hex(3)}" for role in ("service", "member", "other")))
    try:
        subprocess.run(["useradd", "-M", "-U", made.service], check=True)
        subprocess.run(["useradd", "-M", "-U", "-G", made.service, made.member], check=True)
        subprocess.run(["useradd", "-M", "-U", made.stranger], check=True)
        yield made
    finally:
        for name in (made.stranger, made.member, made.service):
            subprocess.run(["userdel", name], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def installed(people: People) -> Iterator[Place]:
    """Configuration and state as the system-wide unit creates them."""
    owner = getpwnam(people.service)
    # Not pytest's own directory: that one is for root alone.
    with TemporaryDirectory(prefix="wgmon-tui-test-") as path:
        Path(path).chmod(0o755)
        place = Place(Path(path, "config"), Path(path, "state"))
        write_config(place.config, quick_server("ams1"))
        place.config.chmod(0o700)
        place.state.mkdir()
        for each in (place.config, *place.config.iterdir(), place.state):
            os.chown(each, owner.pw_uid, owner.pw_gid)
        place.state.chmod(0o2750)
        yield place


@pytest.fixture(scope="module")
def place(people: People) -> Iterator[Place]:
    """A running service."""
    with installed(people) as place, running(place.config, place.state, user=people.service):
        yield place


def as_user(name: str, *words: str | Path, groups: str = "all") -> subprocess.CompletedProcess[str]:
    """Run a command as after a login of that user."""
    return subprocess.run(
        [sys.executable, "-m", "tests.daemon.as_user", name, groups, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.thorough
def test_a_member_sees_state_and_packets_and_what_is_asked_for_is_recorded_by_login_name(
    place: Place, people: People
) -> None:
    seen = as_user(people.member, "view", place.state, "on my way")
    assert seen.stderr == ""
    first, second = seen.stdout.splitlines()
    assert first.startswith(f"viewer · written by {people.service} (pid ")
    assert first.endswith(" down 148")
    assert second == people.member
    assert query_rows(place.state, "SELECT acknowledged_by FROM incidents") == [(people.member,)]
    assert (people.member, "on my way") in query_rows(place.state, "SELECT who, text FROM notes")
    assert query_rows(place.state, "SELECT who FROM pauses") == [(people.member,)]


@pytest.mark.thorough
def test_nothing_that_a_member_can_read_holds_a_key(place: Place) -> None:
    readable = [path for path in place.state.rglob("*") if path.is_file() and path.stat().st_mode & 0o040]
    assert {"history.db", "history.db-wal"} <= {path.name for path in readable}
    for path in readable:
        assert CLIENT.to_text().encode() not in path.read_bytes()
        assert CLIENT.raw not in path.read_bytes()


@pytest.mark.thorough
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_member_sees_what_was_written_last_where_nobody_writes(
    people: People, ending: signal.Signals
) -> None:
    with installed(people) as place:
        with running(place.config, place.state, user=people.service) as program:
            program.line_with("ams1: down")
            await until(lambda: query_rows(place.state, "SELECT count(*) FROM incidents") == [(1,)])
            program.signal(ending)
            program.end()
        told = as_user(people.member, "--state", place.state)
        is_old = "unknown" in told.stdout  # after three intervals without a check
        assert told.returncode == (3 if is_old else 2)
        said = r"wgmon-tui: viewer · nobody is checking; oldest result \d+ s ago\n"
        assert re.fullmatch(said, told.stderr)
        assert "ams1  port-closed" in told.stdout


@pytest.mark.thorough
def test_a_member_does_not_become_the_writer(place: Place, people: People) -> None:
    told = as_user(people.member, "--state", place.state, "run")
    assert told.returncode == 64
    assert told.stderr.endswith(
        f"{place.state} belongs to {people.service}; only that account can write there\n"
    )


@pytest.mark.thorough
def test_everybody_else_gets_one_line_that_says_what_to_do(place: Place, people: People) -> None:
    told = as_user(people.stranger, "--state", place.state)
    assert (told.returncode, told.stdout) == (64, "")
    assert told.stderr == (
        f"wgmon-tui: {place.state}: access denied for this account; ask an administrator to run "
        f"sudo usermod -aG {people.service} {people.stranger}, then log in again\n"
    )


@pytest.mark.thorough
def test_whoever_was_added_after_logging_in_is_told_to_log_in_again(place: Place, people: People) -> None:
    told = as_user(people.member, "--state", place.state, groups="none")
    assert told.stderr == (
        f"wgmon-tui: {place.state}: this session is older than your membership in the group "
        f"{people.service}; log in again\n"
    )


@pytest.mark.thorough
def test_files_of_a_shared_directory_are_for_the_group_and_nobody_else(place: Place, people: People) -> None:
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in place.state.iterdir() if path.is_file()}
    assert {path.group() for path in place.state.iterdir()} == {people.service}
    assert modes.pop("writer.lock") == "0o600"
    assert set(modes.values()) == {"0o640"}
    assert oct((place.state / "control.sock").stat().st_mode & 0o777) == "0o660"


@pytest.mark.thorough
def test_a_directory_that_is_shared_with_no_group_says_whose_it_is(tmp_path: Path, people: People) -> None:
    (tmp_path / "state").mkdir()
    shutil.chown(tmp_path / "state", people.service)
    (tmp_path / "state").chmod(0o700)
    assert explain_access_denied(tmp_path / "state") == (
        f"{tmp_path / 'state'}: access denied for this account; it belongs to {people.service} "
        "and is not shared with a group"
    )


def test_a_directory_out_of_reach_is_refused_in_one_line(tmp_path: Path) -> None:
    assert explain_access_denied(tmp_path / "nowhere").endswith(
        "access denied for this account; use your own state directory: --state DIR"
    )


def test_only_read_and_search_together_share_a_directory(tmp_path: Path) -> None:
    for mode, shared in ((0o700, False), (0o710, False), (0o740, False), (0o750, True), (0o2750, True)):
        tmp_path.chmod(mode)
        assert is_shared(tmp_path.stat()) is shared


def test_a_login_name_that_is_not_utf_8_can_be_shown_and_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = struct_passwd(("j\udcfcrgen", "x", 1000, 1000, "", "/", "/bin/sh"))
    monkeypatch.setattr("pwd.getpwuid", lambda _: entry)
    assert login_name(1000) == r"j\udcfcrgen"
