"""Tests of the service log on stderr, for journald and for terminals."""

from __future__ import annotations

import os

from wgmon_tui.daemon.service_log import ServiceLog, is_journald_stream


def written(journald: bool) -> list[str]:
    reading, writing = os.pipe()
    log = ServiceLog(writing, journald=journald, clock=lambda: 0.0)
    log.info("fine")
    log.warning("fra1 is \x1b[31mdown\nsince noon")
    log.error("disk full")
    log.notice("mended")
    log.close()
    os.close(writing)
    with os.fdopen(reading) as lines:
        return lines.read().splitlines()


def test_for_journald_each_line_has_its_priority_and_no_time() -> None:
    assert written(journald=True) == [
        "<6>fine",
        "<4>fra1 is \\x1b[31mdown\\nsince noon",
        "<3>disk full",
        "<5>mended",
    ]


def test_for_people_each_line_has_its_time_and_a_word() -> None:
    lines = written(journald=False)
    assert [line.split(" ", 2)[2] for line in lines] == [
        "info: fine",
        "warning: fra1 is \\x1b[31mdown\\nsince noon",
        "error: disk full",
        "notice: mended",
    ]


def test_who_logs_never_waits_for_who_reads_and_is_told_what_was_left_out() -> None:
    reading, writing = os.pipe()
    log = ServiceLog(writing, journald=True)
    said = 3000
    for number in range(said):
        log.info(f"{number} {'x' * 100}")
    with os.fdopen(reading) as lines:
        first = lines.readline()
        assert first.startswith("<6>0 ")
        seen = 1
        while True:
            line = lines.readline()
            if " lines dropped" in line:
                break
            seen += 1
            if line.startswith("<6>end"):
                raise AssertionError("nothing was said of the lines left out")
            if seen == 1000:
                log.info("end")
        left_out = int(line.split()[0].removeprefix("<4>"))
        assert 0 < left_out < said
        os.close(writing)


def test_journald_is_known_by_the_stream_that_it_named() -> None:
    reading, writing = os.pipe()
    status = os.fstat(writing)
    ours = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    assert is_journald_stream(writing, ours)
    other, _ = os.pipe()
    assert not is_journald_stream(other, ours)
    assert not is_journald_stream(writing, {})
    os.close(writing)
    assert not is_journald_stream(writing, ours)
    os.close(reading)
