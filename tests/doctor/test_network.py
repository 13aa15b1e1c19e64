from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from tests.config.sample_fleets import server
from wgmon_tui.config.models import Fleet
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.doctor.network import (
    FAMILIES,
    AddressFamily,
    check_routes,
    loopback,
    send_refused_item,
    timestamping_item,
)
from wgmon_tui.net.addresses import Endpoint

V4, V6 = FAMILIES
HERE = {V4: "192.0.2.9", V6: "2001:db8::9"}


def at(host: str) -> Fleet:
    return Fleet((replace(server(), endpoint=Endpoint(host, 51820)),))


def conditions(items: list[ExaminedItem]) -> dict[str, ItemStatus]:
    return {item.subject: item.status for item in items}


def test_with_routes_for_both_families_all_is_fine() -> None:
    assert set(conditions(check_routes(HERE, at("192.0.2.1"))).values()) == {ItemStatus.FINE}


def test_a_missing_route_is_to_be_looked_at_and_fixed_where_a_server_needs_it() -> None:
    only_v4 = {V4: "192.0.2.9", V6: None}
    assert conditions(check_routes(only_v4, at("fra1.example.net")))["IPv6 route"] is ItemStatus.LOOK
    assert conditions(check_routes(only_v4, at("192.0.2.1")))["IPv6 route"] is ItemStatus.LOOK
    needed = check_routes(only_v4, at("2001:db8::1"))
    assert conditions(needed) == {"IPv4 route": ItemStatus.FINE, "IPv6 route": ItemStatus.FIX}
    assert 'server "fra1" is [2001:db8::1]:51820' in needed[1].fact


def test_without_any_route_both_must_be_fixed() -> None:
    found = conditions(check_routes({V4: None, V6: None}, Fleet()))
    assert found == {"IPv4 route": ItemStatus.FIX, "IPv6 route": ItemStatus.FIX}


@pytest.mark.parametrize("family", FAMILIES, ids=str)
async def test_loopback_of_a_working_machine_is_fine(family: AddressFamily) -> None:
    found = conditions(await loopback(family))
    subjects = (f"{family} firewall", f"{family} timing", f"{family} ICMP errors")
    assert found == dict.fromkeys(subjects, ItemStatus.FINE)


def test_a_send_that_is_not_permitted_is_our_own_firewalls_doing() -> None:
    item = send_refused_item(V4, OSError(errno.EPERM, "Operation not permitted"), ItemStatus.FIX)
    assert (item.subject, item.status) == ("IPv4 firewall", ItemStatus.FIX)
    assert "EPERM" in item.fact
    other = send_refused_item(
        V6, OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), ItemStatus.LOOK
    )
    assert (other.subject, other.status) == ("IPv6 loopback", ItemStatus.LOOK)


def test_without_kernel_stamps_our_own_load_is_in_the_times() -> None:
    assert timestamping_item(V4, has_kernel_timestamps=True).status is ItemStatus.FINE
    assert timestamping_item(V4, has_kernel_timestamps=False).status is ItemStatus.LOOK
