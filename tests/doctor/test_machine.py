from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.fleet.fleets import BASTION, server
from wgmon_tui.doctor.items import Condition
from wgmon_tui.doctor.machine import (
    BUILT_IN,
    clock,
    open_files,
    packages,
    receive_buffer,
    software,
    steadiness,
    synchronised,
)
from wgmon_tui.fleet.records import Fleet

USUAL_RMEM_MAX = 212_992


def fleet(size: int, interval: float = 10.0) -> Fleet:
    one = replace(server(), interval=interval)
    return Fleet(tuple(replace(one, name=str(number)) for number in range(size)), (BASTION,))


def test_the_versions_here_are_told() -> None:
    item = software()[0]
    assert item.condition is Condition.FINE
    assert all(name in item.fact for name in ("Python 3.", "wgmon-tui ", "textual ", "pynacl "))


def test_a_missing_package_is_to_be_installed() -> None:
    item = packages({"textual": "8.2.8", "pynacl": None})
    assert (item.condition, item.advice) == (Condition.FIX, "type: pip install pynacl")


def test_a_clock_before_this_version_was_made_is_wrong() -> None:
    first_second = datetime(BUILT_IN, 1, 1, tzinfo=UTC).timestamp()
    assert clock(first_second).condition is Condition.FINE
    assert clock(first_second - 1).condition is Condition.FIX
    assert clock(0).condition is Condition.FIX


@pytest.mark.parametrize(
    ("after", "condition"),
    [(1000.001, Condition.FINE), (1000.2, Condition.LOOK), (999.8, Condition.LOOK)],
)
def test_a_clock_that_is_set_while_we_look_is_noticed(after: float, condition: Condition) -> None:
    assert steadiness(1000.0, after).condition is condition


def test_what_timedatectl_says_of_ntp() -> None:
    said = "Timezone=UTC\nNTP=yes\nNTPSynchronized={}\nTimeUSec=x"
    assert [item.condition for item in synchronised(said.format("yes"))] == [Condition.FINE]
    assert [item.condition for item in synchronised(said.format("no"))] == [Condition.LOOK]
    assert synchronised(None) == synchronised("no such thing") == []


def test_open_files_are_judged_by_the_size_of_the_fleet() -> None:
    assert open_files(256, fleet(10)).condition is Condition.FINE
    short = open_files(256, fleet(400))
    assert (short.condition, short.advice) == (Condition.FIX, "type: ulimit -n 577")
    assert open_files(-1, fleet(400)).condition is Condition.FINE


def test_a_receive_buffer_is_judged_by_what_arrives() -> None:
    assert [item.condition for item in receive_buffer(USUAL_RMEM_MAX, fleet(100))] == [Condition.FINE]
    [small] = receive_buffer(USUAL_RMEM_MAX, fleet(400, interval=1.0))
    assert (small.condition, small.advice) == (Condition.LOOK, "type: sysctl -w net.core.rmem_max=4194304")
    assert [item.condition for item in receive_buffer(4194304, fleet(400, 1.0))] == [Condition.FINE]
    [hopeless] = receive_buffer(4194304, fleet(10_000, 1.0))
    assert "longer intervals" in hopeless.advice


def test_paused_servers_send_nothing_and_without_a_limit_nothing_is_judged() -> None:
    busy = fleet(400, interval=1.0)
    paused = replace(busy, servers=tuple(replace(each, paused=True) for each in busy.servers))
    assert [item.condition for item in receive_buffer(USUAL_RMEM_MAX, paused)] == [Condition.FINE]
    assert receive_buffer(None, busy) == []
