"""Identities screen and identity form: every key."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_interface
from pathlib import Path

import pytest

from tests.config.sample_fleets import BASTION, OWN_KEY
from tests.tui.editing_harness import CONF, SMALL, Editing, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.tui.editing.identities_screen import IdentitiesScreen
from wgmon_tui.tui.editing.identity_form import IdentityForm
from wgmon_tui.tui.editing.peer_stanza import PeerStanzaScreen

SPARE = replace(BASTION, name="spare", addresses=(ip_interface("10.8.0.7/32"),))


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return written(tmp_path / "config", replace(SMALL, identities=(BASTION, SPARE)))


async def open_list(it: Editing) -> None:
    await it.press("K")
    await it.opened(IdentitiesScreen)
    await it.until(lambda: all(worker.is_finished for worker in it.app.workers if worker.group == "reading"))
    await settle(it.pilot)


async def test_the_list_says_who_uses_an_identity_and_what_lets_it_in(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        key = read_private_key(BASTION, config_dir).public
        assert "bastion 2 servers no tunnel address" in it.text()
        assert f"[Peer] PublicKey = {key}" in it.text()
        for keys in ("j", "G", "pagedown", "k j"):
            await it.press("g", *keys.split())
            assert "AllowedIPs = 10.8.0.7/32" in it.text(), keys
        await it.press("escape")
        assert it.at_home


@pytest.mark.thorough
async def test_y_copies_what_lets_it_in(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("j", "y")
        assert "AllowedIPs = 10.8.0.7/32\n" in it.app.clipboard
        assert it.notices()[0] == "Copied the [Peer] section of spare"


async def test_a_new_identity_comes_with_its_key_file_and_its_stanza(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_list(it)
        assert "No identity yet. Press n to create a key pair" in it.text()
        await it.press("n")
        await it.opened(IdentityForm)
        await it.write("name", "mon")
        await it.write("addresses", "10.8.0.250/32, fd00::250/128")
        await it.press("ctrl+s")
        await it.opened(PeerStanzaScreen)
        await it.press("y")
        assert it.app.clipboard.endswith("AllowedIPs = 10.8.0.250/32, fd00::250/128\n")
        await it.press("enter")
        await it.opened(IdentitiesScreen)
        (identity,) = it.fleet.identities
        assert f"PublicKey = {read_private_key(identity, it.config_dir).public}" in it.app.clipboard
        assert it.key_files() == {"mon.key"}


@pytest.mark.thorough
async def test_a_key_is_brought_in_out_of_sight(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("n")
        await it.opened(IdentityForm)
        await it.write("name", "mon")
        await it.press("down", "space", "tab")
        await it.paste(OWN_KEY.to_text())
        assert OWN_KEY.to_text()[:8] not in it.text()
        await it.press("ctrl+s")
        await it.opened(PeerStanzaScreen)
        assert (config_dir / "mon.key").read_text().strip() == OWN_KEY.to_text()


@pytest.mark.thorough
async def test_a_pasted_config_gives_its_key_and_addresses(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("n")
        await it.opened(IdentityForm)
        await it.write("name", "mon")
        await it.paste(CONF)
        await it.until(lambda: it.form.row("addresses").text == "10.8.0.9/32")
        await it.press("ctrl+s")
        await it.opened(PeerStanzaScreen)
        assert (config_dir / "mon.key").read_text().strip() == OWN_KEY.to_text()


@pytest.mark.thorough
async def test_what_cannot_stand_is_said_and_not_saved(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("n")
        await it.opened(IdentityForm)
        await it.write("name", "bastion")
        await it.write("addresses", "10.8.0.300")
        await it.press("down", "up", "up", "space", "ctrl+s")
        await settle(it.pilot)
        assert "✖ another identity has this name" in it.text()
        assert 'expected an address such as "10.8.0.250/32", got "10.8.0.300"' in it.text()
        assert "✖ type or paste the key" in it.text()
        assert len(it.fleet.identities) == 2


@pytest.mark.thorough
async def test_an_edit_changes_the_addresses_and_keeps_the_key(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("j", "e")
        await it.opened(IdentityForm)
        assert it.form.row("addresses").has_focus_within
        await it.write("addresses", "10.8.0.8/32")
        await it.press("ctrl+s")
        await it.opened(IdentitiesScreen)
        assert it.fleet.identities == (BASTION, replace(SPARE, addresses=(ip_interface("10.8.0.8/32"),)))


async def test_an_identity_in_use_is_not_deleted(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("d")
        await it.until(it.notices)
        assert "used by ams1 and fra1; choose another identity there first" in it.notices()[0]
        assert len(it.fleet.identities) == 2


@pytest.mark.thorough
async def test_d_asks_and_u_brings_the_identity_back(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await open_list(it)
        await it.press("j", "d")
        await it.answer("y")
        await it.until(it.notices)
        assert it.notices() == [
            "Deleted spare; press u to undo",
            "Not deleted: bastion.key, which may be the only copy of a key",
        ]
        assert [each.name for each in it.fleet.identities] == ["bastion"]
        await it.until(lambda: isinstance(it.app.screen, IdentitiesScreen))
        await it.press("u")
        await it.until(lambda: it.notices() == ["Restored spare"])
        assert [each.name for each in it.fleet.identities] == ["bastion", "spare"]


@pytest.mark.thorough
async def test_an_identity_whose_key_cannot_be_read_is_shown_without_a_stanza(tmp_path: Path) -> None:
    config_dir = written(tmp_path / "config", Fleet((), (BASTION,)))
    (config_dir / "bastion.key").chmod(0o644)
    async with editing(config_dir) as it:
        await it.press("K")
        await it.until(lambda: "Cannot read the key of bastion" in it.text())
        assert "y copy" not in it.text()
