from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.config.sample_fleets import BASTION, server
from wgmon_tui.config.models import Fleet
from wgmon_tui.doctor.machine import (
    RELEASE_YEAR,
    check_clock,
    check_clock_steps,
    check_ntp,
    check_open_files,
    check_packages,
    check_platform,
    check_receive_buffer,
    check_software,
)
from wgmon_tui.doctor.models import ItemStatus
from wgmon_tui.net.platforms import FREEBSD, LINUX, MACOS, OTHER, Platform

USUAL_RMEM_MAX = 212_992


def fleet(size: int, interval: float = 10.0) -> Fleet:
    one = replace(server(), interval=interval)
    return Fleet(tuple(replace(one, name=str(number)) for number in range(size)), (BASTION,))


def test_the_versions_here_are_told() -> None:
    item = check_software()[0]
    assert item.status is ItemStatus.FINE
    assert all(name in item.fact for name in ("Python 3.", "wgmon-tui ", "textual ", "pynacl "))


def test_a_missing_package_is_to_be_installed() -> None:
    item = check_packages({"textual": "8.2.8", "pynacl": None})
    assert (item.status, item.advice) == (ItemStatus.FIX, "type: pip install pynacl")


def test_a_clock_before_this_version_was_made_is_wrong() -> None:
    first_second = datetime(RELEASE_YEAR, 1, 1, tzinfo=UTC).timestamp()
    assert check_clock(first_second).status is ItemStatus.FINE
    assert check_clock(first_second - 1).status is ItemStatus.FIX
    assert check_clock(0).status is ItemStatus.FIX


@pytest.mark.parametrize(
    ("after", "status"),
    [(1000.001, ItemStatus.FINE), (1000.2, ItemStatus.LOOK), (999.8, ItemStatus.LOOK)],
)
def test_a_clock_that_is_set_while_we_look_is_noticed(after: float, status: ItemStatus) -> None:
    assert check_clock_steps(1000.0, after).status is status


def test_what_timedatectl_says_of_ntp() -> None:
    said = "Timezone=UTC\nNTP=yes\nNTPSynchronized={}\nTimeUSec=x"
    assert [item.status for item in check_ntp(said.format("yes"))] == [ItemStatus.FINE]
    assert [item.status for item in check_ntp(said.format("no"))] == [ItemStatus.LOOK]
    assert check_ntp(None) == check_ntp("no such thing") == []


def test_open_files_are_judged_by_the_size_of_the_fleet() -> None:
    assert check_open_files(256, fleet(10)).status is ItemStatus.FINE
    short = check_open_files(256, fleet(400), LINUX)
    assert (short.status, short.advice) == (ItemStatus.FIX, "type: ulimit -n 577")
    assert check_open_files(-1, fleet(400)).status is ItemStatus.FINE


def test_without_an_error_queue_each_server_needs_an_open_file_more() -> None:
    assert check_open_files(256, fleet(400), FREEBSD).advice == "type: ulimit -n 833"


@pytest.mark.parametrize("system", [MACOS, FREEBSD, OTHER], ids=lambda system: system.name)
def test_another_system_than_linux_says_what_is_less_exact(system: Platform) -> None:
    item = check_platform(system, "Somewhere-1.0")
    assert (item.status, item.fact) == (ItemStatus.LOOK, "Somewhere-1.0")
    for lacking in ("without their sender", "look like silence", "a silent gateway is not named"):
        assert lacking in item.advice


def test_on_linux_nothing_is_less_exact() -> None:
    assert check_platform(LINUX, "Linux-6.1").status is ItemStatus.FINE


def test_a_receive_buffer_is_judged_by_what_arrives() -> None:
    assert [item.status for item in check_receive_buffer(USUAL_RMEM_MAX, fleet(100))] == [ItemStatus.FINE]
    [small] = check_receive_buffer(USUAL_RMEM_MAX, fleet(400, interval=1.0))
    assert (small.status, small.advice) == (ItemStatus.LOOK, "type: sysctl -w net.core.rmem_max=4194304")
    assert [item.status for item in check_receive_buffer(4194304, fleet(400, 1.0))] == [ItemStatus.FINE]
    [hopeless] = check_receive_buffer(4194304, fleet(10_000, 1.0))
    assert "longer intervals" in hopeless.advice


def test_paused_servers_send_nothing_and_without_a_limit_nothing_is_judged() -> None:
    busy = fleet(400, interval=1.0)
    paused = replace(busy, servers=tuple(replace(each, paused=True) for each in busy.servers))
    assert [item.status for item in check_receive_buffer(USUAL_RMEM_MAX, paused)] == [ItemStatus.FINE]
    assert check_receive_buffer(None, busy) == []
