"""Tests of reading local interfaces, with a program in place of wg(8)."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from wgmon_tui.config.imports.wg_dump_parser import InspectionError, InterfaceDumps
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.protocols.wireguard import local_interfaces
from wgmon_tui.protocols.wireguard.local_identities import LocalIdentities

OWN = PrivateKey.generate()
EVERY_RIGHT, NO_RIGHT = "CapEff:\t000001ffffffffff\n", "CapEff:\t0000000000000000\n"


class Machine:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        monkeypatch.setenv("PATH", f"{root}:/usr/bin:/bin")
        monkeypatch.setattr(local_interfaces, "_OWN_STATUS", root / "status")
        self.rights(EVERY_RIGHT)

    def rights(self, effective: str) -> None:
        (self._root / "status").write_text(f"Name:\twgmon-tui\n{effective}")

    def wg(self, script: str) -> None:
        (self._root / "wg").write_text(f"#!/bin/sh\n{script}\n")
        (self._root / "wg").chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


SHOWS = f"[ \"$*\" = 'show all dump' ] && printf 'wg0\\t{OWN.to_text()}\\t{OWN.public}\\t51820\\toff\\n'"
REFUSES = "echo 'Unable to access interface wg0: Operation not permitted' >&2; exit 1"


def test_every_interface_is_read(machine: Machine) -> None:
    machine.wg(SHOWS)
    assert list(local_interfaces.read_local_interfaces()) == ["wg0"]
    assert local_interfaces.read_local_interfaces_if_permitted() == local_interfaces.read_local_interfaces()


HANGS = f"""case "$*" in
  'show interfaces') echo wg0 wg1;;
  'show wg0 dump') printf '{OWN.to_text()}\\t{OWN.public}\\t51820\\toff\\n';;
  *) exec sleep 60;;
esac"""


def test_an_interface_that_hangs_is_named_and_the_others_are_read(machine: Machine) -> None:
    machine.wg(HANGS)
    began = time.monotonic()
    interfaces = local_interfaces.read_local_interfaces_if_permitted()
    assert time.monotonic() - began < 30
    assert interfaces is not None
    assert (list(interfaces), interfaces.unanswered) == (["wg0"], ("wg1",))
    assert interfaces.notice == "interface wg1 did not answer wg within 500 ms; left out"


def test_where_every_interface_hangs_nothing_else_is_tried(machine: Machine) -> None:
    machine.wg("[ \"$*\" = 'show interfaces' ] && echo wg0 wg1 && exit; exec sleep 60")
    interfaces = local_interfaces.read_local_interfaces(0.2)
    assert (dict(interfaces), interfaces.unanswered) == ({}, ("wg0", "wg1"))


async def test_a_check_hardly_waits_for_an_interface_that_hangs() -> None:
    asked, answer = threading.Event(), threading.Event()

    def read() -> InterfaceDumps:
        asked.set()
        assert answer.wait(30)
        return {}

    identities = LocalIdentities(read)
    async with asyncio.timeout(10):
        assert await identities.interface_of(OWN.public, OWN.public) is None
    assert asked.is_set()
    answer.set()


def test_where_it_is_refused_one_line_says_what_it_needs_and_what_to_type(machine: Machine) -> None:
    machine.wg(REFUSES)
    machine.rights(NO_RIGHT)
    with pytest.raises(InspectionError, match=r"CAP_NET_ADMIN; type: sudo wg show all dump \| wgmon-tui"):
        local_interfaces.read_local_interfaces()


def test_who_may_not_see_them_does_not_even_ask_by_itself(machine: Machine, tmp_path: Path) -> None:
    machine.wg(f"touch {tmp_path / 'asked'}; {SHOWS}")
    machine.rights(NO_RIGHT)
    assert local_interfaces.read_local_interfaces_if_permitted() is None
    assert not (tmp_path / "asked").exists()


def test_what_else_goes_wrong_is_told_in_the_words_of_wg(machine: Machine) -> None:
    machine.wg("echo 'something broke' >&2; exit 1")
    with pytest.raises(InspectionError, match='all dump: "wg" ended with exit code 1: something broke'):
        local_interfaces.read_local_interfaces()
    assert local_interfaces.read_local_interfaces_if_permitted() is None


def test_without_wg_it_says_what_to_install(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InspectionError, match="install wireguard-tools"):
        local_interfaces.read_local_interfaces()
    assert local_interfaces.read_local_interfaces_if_permitted() is None
