"""Tests of the doctor in networks with faults."""

from __future__ import annotations

import asyncio
from threading import Thread

import pytest

from tests.real.namespaces import entered, run
from tests.real.prerequisites import require
from wgmon_tui.config.models import Fleet
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus
from wgmon_tui.doctor.network import check_network


def in_namespace(name: str, fleet: Fleet) -> dict[str, ItemStatus]:
    """Run the doctor in the namespace, in its own thread, so that its sockets are there too."""
    found: list[ExaminedItem] = []

    def look() -> None:
        with entered(name):
            found.extend(asyncio.run(check_network(fleet)))

    thread = Thread(target=look)
    thread.start()
    thread.join()
    return {item.subject: item.status for item in found}


def test_a_machine_with_loopback_alone_has_no_route(isolated_namespace: str) -> None:
    found = in_namespace(isolated_namespace, Fleet())
    assert found["IPv4 route"] is found["IPv6 route"] is ItemStatus.FIX
    assert found["IPv4 firewall"] is found["IPv4 ICMP errors"] is ItemStatus.FINE


@pytest.mark.parametrize(
    ("hook", "rule", "subject"),
    [
        ("output", "meta l4proto udp drop", "IPv4 firewall"),
        ("input", "meta l4proto udp drop", "IPv4 firewall"),
        ("input", "icmp type destination-unreachable drop", "IPv4 ICMP errors"),
    ],
)
def test_a_firewall_of_our_own_is_found(isolated_namespace: str, hook: str, rule: str, subject: str) -> None:
    require("nft")
    chain = f"type filter hook {hook} priority 0\n{rule}\n"
    with entered(isolated_namespace):
        run("nft", "-f", "-", stdin=f"table inet doctor {{\nchain one {{\n{chain}}}\n}}\n")
    found = in_namespace(isolated_namespace, Fleet())
    assert found[subject] is not ItemStatus.FINE
