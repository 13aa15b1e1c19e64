"""Secrets in the server form: preshared keys, pasted configs, and new identities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.config.sample_fleets import BASTION, OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY, server
from tests.tui.editing_harness import CONF, PSK, SMALL, Editing, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.config.models import AMNEZIAWG, Fleet, SecretForm, SecretSource
from wgmon_tui.config.servers_toml import server_entries
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.field_row import SecretInput
from wgmon_tui.tui.editing.identity_form import IdentityForm
from wgmon_tui.tui.editing.peer_stanza import PeerStanzaScreen
from wgmon_tui.tui.editing.server_form import ServerForm


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return written(tmp_path / "config", SMALL)


# The preshared key


async def set_preshared_key(it: Editing) -> None:
    row = it.form.row("preshared_key")
    row.choice.focus()
    await it.press("space", "tab")
    await it.paste(PSK.to_text())


async def test_a_preshared_key_is_typed_out_of_sight_and_goes_to_a_file(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        assert "preshared key ‹ not set ›" in it.text()
        await set_preshared_key(it)
        assert PSK.to_text()[:8] not in it.text()
        assert "•" * 44 in it.text()
        await it.save()
        assert it.fleet.servers[0].preshared_key == SecretSource(SecretForm.FILE, "ams1.psk")
        assert (config_dir / "ams1.psk").stat().st_mode & 0o777 == 0o600
        assert PSK.to_text() not in (config_dir / "servers.toml").read_text()
        await it.open_form("e")
        assert "preshared key ‹ set, in ams1.psk ›" in it.text()


@pytest.mark.thorough
async def test_a_preshared_key_can_be_removed_and_its_file_stays(tmp_path: Path) -> None:
    keyed = replace(server("ams1"), preshared_key=SecretSource(SecretForm.FILE, "ams1.psk"))
    async with editing(written(tmp_path / "config", Fleet((keyed,), (BASTION,)))) as it:
        (it.config_dir / "ams1.psk").write_text("")
        await it.open_form("e")
        it.form.row("preshared_key").choice.focus()
        await it.press("left")
        assert "‹ remove it ›" in it.text()
        await it.save()
        assert it.fleet.servers == (server("ams1"),)
        assert "ams1.psk" in it.key_files()


@pytest.mark.thorough
async def test_what_is_no_preshared_key_is_refused_without_repeating_it(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        it.form.row("preshared_key").choice.focus()
        await it.press("space", "tab")
        await it.paste("hunter2")
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert "✖ not base64 (a WireGuard key is 44 characters that end in '=')" in it.text()
        assert "hunter2" not in it.text()
        assert it.fleet == SMALL


@pytest.mark.thorough
async def test_a_secret_is_in_no_repr_and_cannot_be_copied_out(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await set_preshared_key(it)
        entry = it.form.row("preshared_key").query_one(SecretInput)
        assert entry.value == PSK.to_text()
        assert PSK.to_text() not in repr((entry, it.form.row("preshared_key"), it.form))
        await it.press("ctrl+shift+a", "ctrl+x", "ctrl+c")
        assert it.app.clipboard == ""
        assert entry.value == PSK.to_text()


# A pasted config


async def test_a_pasted_config_fills_the_form_and_its_key_is_asked_about(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.paste(CONF)
        await it.opened(ConfirmDialog)
        assert OWN_KEY.to_text() not in it.text()
        await it.press("y")
        await it.opened(ServerForm)
        assert "identity ‹ par1 (new: from the pasted file) ›" in it.text()
        await it.save()
        par1 = it.fleet.server("par1")
        assert par1 is not None
        assert (par1.identity, par1.public_key) == ("par1", SERVER_KEY)
        assert it.key_files() == {"bastion.key", "par1.key", "par1.psk"}
        assert (config_dir / "par1.key").read_text().strip() == OWN_KEY.to_text()


@pytest.mark.thorough
async def test_a_pasted_config_of_amneziawg_gives_a_server_of_it(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.paste(CONF.replace("Address", "S1 = 52\nAddress"))
        await it.answer("n")
        await it.opened(ServerForm)
        await it.save()
        par1 = it.fleet.server("par1")
        assert par1 is not None
        assert par1.protocol == AMNEZIAWG
        assert par1.protocol_settings.s1 == 52


@pytest.mark.thorough
async def test_the_key_of_a_pasted_config_may_stay_out(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.paste(CONF.replace("\n", "\r"))
        await it.answer("n")
        await it.opened(ServerForm)
        await it.save()
        par1 = it.fleet.server("par1")
        assert par1 is not None
        assert par1.identity == "bastion"
        assert it.key_files() == {"bastion.key", "par1.psk"}


@pytest.mark.thorough
async def test_a_pasted_config_may_be_left_alone(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.paste(CONF)
        await it.answer("escape")
        assert it.form.row("endpoint").text == ""


@pytest.mark.thorough
async def test_a_config_is_not_pasted_over_a_server_that_is_there(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.paste(CONF)
        await it.until(lambda: "open a new server (n) and paste it there" in it.text())
        assert it.form.row("name").text == "ams1"


@pytest.mark.thorough
async def test_a_pasted_config_with_several_servers_is_one_to_import(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.paste(f"{CONF}[Peer]\nPublicKey = {OTHER_SERVER_KEY}\nEndpoint = b.example.net:1\n")
        await it.until(lambda: "This config has 2 servers" in it.text())


@pytest.mark.thorough
async def test_an_identity_can_be_made_from_the_form(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.open_form("n")
        assert "identity none yet: press enter to create one" in it.text()
        await it.write("name", "par1")
        await it.write("endpoint", "par1:51820")
        await it.write("public_key", str(OTHER_SERVER_KEY))
        await it.press("enter", "enter")
        await it.opened(IdentityForm)
        await it.write("name", "bastion")
        await it.press("ctrl+s")
        await it.opened(PeerStanzaScreen)
        await it.press("enter")
        await it.opened(ServerForm)
        assert it.form.row("identity").text == "bastion"
        await it.save()
        assert server_entries(it.fleet, it.fleet.servers[0])["identity"] == "bastion"


@pytest.mark.thorough
async def test_without_an_identity_the_save_says_to_make_one(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.open_form("n")
        await it.write("name", "par1")
        await it.write("endpoint", "par1:51820")
        await it.write("public_key", str(OTHER_SERVER_KEY))
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("identity").has_focus_within
        assert "no identity yet: press enter here to create one" in it.text()
