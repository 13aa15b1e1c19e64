"""Tests of the empty state of the fleet screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.config.sample_fleets import BASTION
from tests.tui.editing_harness import editing, written
from wgmon_tui.config.models import Fleet
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen
from wgmon_tui.tui.editing.import_screen import ImportScreen


async def test_every_way_is_there_with_its_key(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        for way in ("i import a client's", "paste its text", "n add a server", "K create an identity"):
            assert way in it.text()
        assert "quit; to see an example, run wgmon-tui demo" in it.text()
        for key, screen in (("i", ImportScreen), ("n", FormScreen), ("K", IdentitiesScreen)):
            await it.press(key)
            await it.opened(screen)
            await it.press("escape")
            await it.home()


async def test_who_may_only_look_is_told_so_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_dir = written(tmp_path / "config", Fleet((), (BASTION,)))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    async with editing(config_dir) as it:
        assert "this account can read" in it.text()
        assert "import a wg-quick file" not in it.text()
        for key in ("n", "i", "E"):
            await it.press(key)
            assert it.at_home
            assert it.notices()[0].startswith("servers.toml belongs to"), key
