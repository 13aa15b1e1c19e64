from __future__ import annotations

from pathlib import Path

import pytest

from wgmon_tui.checks.targets import join
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import open_keyring
from wgmon_tui.lab import demo_guests
from wgmon_tui.lab.demo_guests import running_guests


async def test_the_demo_has_openvpn_servers_that_can_be_checked() -> None:
    async with running_guests() as servers:
        fleet = Fleet(servers)
        targets = join(fleet, open_keyring(fleet, Path()))
    assert targets.problems == {}
    assert {"ovpn-zrh1", "ovpn-prg1", "ovpn-dub1"} <= set(targets.ready)


async def test_without_its_package_a_protocol_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_guests, "find_spec", lambda _: None)
    async with running_guests() as servers:
        assert not [each for each in servers if each.protocol == "openvpn"]
