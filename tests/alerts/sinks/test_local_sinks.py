"""Local sinks: an operator's program, and the terminal bell."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.alerts.sample_announcements import announcement, incident, snapshot
from tests.alive_pipe import TIME_LIMITS_S, AlivePipe
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import as_json, title
from wgmon_tui.alerts.sinks import bell, command
from wgmon_tui.config.alerting import Bell, Command, Sink
from wgmon_tui.text import format_limit


def run(*words: str, timeout: float = 10.0, said: Announcement | None = None) -> None:
    command.send(Sink("page", Command(words), timeout=timeout), said or announcement(), {})


def python(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "\n".join(lines))


def test_a_program_reads_the_documented_json_on_one_line(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    run("/bin/sh", "-c", 'cat > "$1"', "sh", str(heard))
    assert heard.read_text().count("\n") == 1
    assert json.loads(heard.read_text()) == as_json(announcement())


def test_no_shell_looks_at_the_words(tmp_path: Path) -> None:
    told = tmp_path / "told"
    words = ("$(id)", "; rm -rf /", "*")
    run(*python("import sys", f"open({str(told)!r}, 'w').write(repr(sys.argv[1:]))"), *words)
    assert told.read_text() == repr(list(words))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("/bin/sh", "-c", "echo s3cr3t; echo s3cr3t >&2; exit 3"),
         '"/bin/sh" ended with exit code 3; to see why, run it by hand'),
        (("/bin/sh", "-c", "kill -9 $$"), '"/bin/sh" ended with signal 9; to see why, run it by hand'),
        (("no-such-program",), 'no program "no-such-program" found; install it, or set its full path'),
        (("/etc/passwd",), 'cannot start "/etc/passwd": Permission denied'),
        (("a\0b",), 'cannot start "a\\x00b": not a command'),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_told_without_what_it_printed(
    words: tuple[str, ...], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RetryError) as raised:
        run(*words)
    assert raised.value.reason == reason
    assert capfd.readouterr() == ("", "")


def test_a_program_that_does_not_read_is_no_failure() -> None:
    many = announcement(AnnouncementKind.OPENED, *(snapshot(f"s{number}") for number in range(1000)))
    run("true", said=many)


def test_a_program_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    with closing(AlivePipe(tmp_path)) as pipe:
        for timeout_s in TIME_LIMITS_S:
            with pytest.raises(RetryError) as raised:
                run("/bin/sh", "-c", f"exec 3>{tmp_path}/alive; sleep 60 & wait", timeout=timeout_s)
            assert raised.value.reason == f'"/bin/sh" did not end within {format_limit(timeout_s)}'
            if pipe.has_been_held():
                break
        assert pipe.is_everybody_gone()


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return a descriptor from which the output of a pseudo-terminal can be read."""
    master, slave = pty.openpty()
    monkeypatch.setattr(bell, "TERMINAL", os.ttyname(slave))
    try:
        yield master
    finally:
        os.close(master)
        os.close(slave)


def test_the_bell_rings_and_the_desktop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        bell.send(Sink("bell", Bell()), announcement(), {})
        assert os.read(screen, 1000) == b"\a\x1b]9;" + "✖ fra1 is down: silent".encode() + b"\x1b\\"


def test_the_bell_alone_rings_where_the_desktop_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        bell.send(Sink("bell", Bell(desktop=False)), announcement(), {})
        assert os.read(screen, 1000) == b"\a"


def test_nothing_that_a_text_holds_commands_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = announcement(AnnouncementKind.OPENED, snapshot(incident=incident(server="a\x1b]0;b\a\x9c\n")))
    with terminal(monkeypatch) as screen:
        bell.send(Sink("bell", Bell()), evil, {})
        told = os.read(screen, 1000).decode()
    assert all(each.isprintable() for each in told.removeprefix("\a\x1b]9;").removesuffix("\x1b\\"))


def test_a_notification_never_begins_with_a_number() -> None:
    """For some terminals, OSC 9;4 is another command: a progress indicator."""
    for kind in AnnouncementKind:
        said = title(replace(announcement(kind, snapshot("4;1;50")), note="4;1"))
        assert not said[0].isdigit() or kind is AnnouncementKind.FIRING


def test_without_a_terminal_it_is_given_up_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bell, "TERMINAL", str(tmp_path / "none"))
    with pytest.raises(GiveUpError) as raised:
        bell.send(Sink("bell", Bell()), announcement(), {})
    assert raised.value.reason == "no terminal to ring: wgmon-tui runs without a screen"
