"""Server form: every key, and the resulting servers.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key

from tests.config.sample_fleets import BASTION, OTHER_SERVER_KEY, SERVER_KEY, server
from tests.tui.editing_harness import PSK, SMALL, Editing, editing, written
from tests.tui.key_presses import settle
from wgmon_tui.config.models import Fleet, SecretForm, SecretSource
from wgmon_tui.config.server_edits import delete_servers
from wgmon_tui.config.servers_file import update
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.server_form import ServerForm
from wgmon_tui.tui.server.screen import ServerScreen


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    return written(tmp_path / "config", SMALL)


def change(config_dir: Path, **changes: object) -> None:
    """Another program changes ams1."""

    def changed(fleet: Fleet) -> Fleet:
        ams1, *others = fleet.servers
        return replace(fleet, servers=(replace(ams1, **changes), *others))  # type: ignore[arg-type]

    update(config_dir, changed)


async def fill_new(it: Editing) -> None:
    await it.open_form("n")
    await it.write("name", "par1")
    await it.write("endpoint", "par1.example.net:51820")
    await it.write("public_key", str(OTHER_SERVER_KEY))


async def test_a_new_server_is_written_to_servers_toml(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await fill_new(it)
        await it.save()
        assert it.notices() == ["Saved par1"]
        assert it.fleet.servers[-1] == replace(server("par1"), public_key=OTHER_SERVER_KEY)


@pytest.mark.thorough
async def test_enter_and_arrows_go_from_field_to_field(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        for keys, field in (
            ("enter", "endpoint"),
            ("down down", "identity"),
            ("enter", "preshared_key"),
            ("up", "identity"),
            ("tab", "preshared_key"),
            ("shift+tab shift+tab", "public_key"),
        ):
            await it.press(*keys.split())
            assert it.form.row(field).has_focus_within, keys


@pytest.mark.thorough
async def test_what_is_typed_in_one_burst_lands_where_it_belongs(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        keys = [
            "x",
            "ctrl+u",
            *"par1",
            "enter",
            *"par1:51820",
            "enter",
            *str(OTHER_SERVER_KEY),
            "enter",
            "enter",
        ]
        for key in (*keys, " ", "tab", *PSK.to_text(), "tab", "tab", "ctrl+u", *"prod", "ctrl+s"):
            character = key if len(key) == 1 else None
            it.app.post_message(Key({" ": "space"}.get(key, key), character))
        await it.home()
        written_now = it.fleet.servers[-1]
        assert (written_now.name, str(written_now.endpoint)) == ("par1", "par1:51820")
        assert written_now.tags == ("prod",)
        assert written_now.preshared_key == SecretSource(SecretForm.FILE, "par1.psk")
        assert (config_dir / "par1.psk").read_text().strip() == PSK.to_text()


@pytest.mark.thorough
async def test_what_is_wrong_is_said_under_the_field_while_one_types(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.write("endpoint", "ams1")
        assert 'expected "host:port" such as "fra1.example.net:51820", got "ams1"' in it.text()
        await it.press(*":51820")
        assert "expected" not in it.text()


@pytest.mark.thorough
async def test_an_empty_field_is_wrong_only_when_one_has_left_it(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        assert "cannot be empty" not in it.text()
        await it.press("tab")
        assert it.text().count("✖ cannot be empty") == 1


async def test_a_save_is_refused_with_the_cursor_on_the_first_bad_field(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("n")
        await it.write("name", "fra1")
        await it.write("tags", "a,")
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("name").has_focus_within
        assert "✖ another server has this name" in it.text()
        assert it.text().count("✖ cannot be empty") == 2
        assert it.fleet == SMALL


@pytest.mark.thorough
async def test_a_bad_field_behind_more_is_shown(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.write("interval", "2s")
        await it.form.show_more(True)
        it.form.row("timeout").text = "3s"
        await it.form.show_more(False)
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("timeout").has_focus_within
        assert "expected no more than the interval of 2s, got 3s" in it.text()


@pytest.mark.thorough
async def test_enter_on_more_opens_and_closes_the_other_fields(config_dir: Path) -> None:
    async with editing(config_dir, size=(80, 50)) as it:
        await it.open_form("e")
        await it.write("note", "x")
        await it.press("enter", "enter")
        assert "inspect config" not in it.text()
        await it.press("q", "enter")
        assert "inspect config" in it.text()
        await it.press("enter")
        assert "inspect config" not in it.text()


@pytest.mark.thorough
async def test_fields_that_say_nothing_show_what_is_in_force(tmp_path: Path) -> None:
    fleet = replace(SMALL, defaults={"interval": "30s", "tags": ["eu"]})
    fleet = replace(
        fleet, servers=tuple(replace(each, interval=30.0, tags=("eu",)) for each in fleet.servers)
    )
    async with editing(written(tmp_path / "config", fleet)) as it:
        await it.open_form("e")
        assert (it.form.row("interval").text, it.form.row("tags").text) == ("", "")
        assert "interval default: 30s" in it.text()
        await it.write("tags", "-")
        await it.save()
        assert it.fleet.servers[0] == replace(fleet.servers[0], tags=())


async def test_an_edit_changes_what_was_touched_and_nothing_else(tmp_path: Path) -> None:
    odd = replace(server("ams1"), note="  kept as it is  ", tags=("a, b",), timeout=1.25, tunnel_mtu=1400)
    async with editing(written(tmp_path / "config", Fleet((odd,), (BASTION,)))) as it:
        await it.open_form("e")
        await it.write("interval", "20s")
        await it.save()
        assert it.fleet.servers == (replace(odd, interval=20.0),)


@pytest.mark.thorough
async def test_a_save_without_a_change_changes_nothing(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        before = (config_dir / "servers.toml").read_text()
        await it.open_form("e")
        await it.save()
        assert (config_dir / "servers.toml").read_text() == before


@pytest.mark.thorough
async def test_a_problem_behind_more_opens_it(tmp_path: Path) -> None:
    timed = Fleet((replace(server("ams1"), timeout=3.0),), (BASTION,))
    async with editing(written(tmp_path / "config", timed)) as it:
        await it.open_form("e")
        await it.write("interval", "2s")
        await it.press("ctrl+s")
        await settle(it.pilot)
        assert it.form.row("timeout").has_focus_within
        assert "expected no more than the interval of 2s, got 3s" in it.text()


@pytest.mark.thorough
async def test_choices_are_made_with_space_arrows_and_letters(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.form.show_more(True)
        await settle(it.pilot)
        choice = it.form.row("tunnel").choice
        choice.focus()
        for key, text in (("space", "yes"), ("right", "no"), ("left", "yes"), ("n", "no"), ("d", "")):
            await it.press(key)
            assert it.form.row("tunnel").text == text, key
        await it.press("n")
        await it.save()
        assert it.fleet.servers[0].tunnel is False


@pytest.mark.thorough
async def test_no_letter_in_a_form_is_a_key_of_the_program(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        it.form.row("identity").choice.focus()
        await it.press("q", "t", "d")
        assert isinstance(it.app.screen, ServerForm)
        assert it.app.theme == "night"


@pytest.mark.thorough
async def test_esc_leaves_at_once_where_nothing_was_changed(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.press("escape")
        assert it.at_home


@pytest.mark.thorough
async def test_esc_asks_where_something_would_be_lost(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.write("note", "new")
        await it.press("escape")
        await it.answer("escape")
        assert it.form.row("note").text == "new"
        await it.press("escape")
        await it.answer("y")
        await it.home()
        assert it.fleet == SMALL


@pytest.mark.thorough
async def test_the_question_before_leaving_may_save_as_well(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.write("note", "new")
        await it.press("escape")
        await it.answer("n")
        await it.home()
        assert it.fleet.servers[0].note == "new"


@pytest.mark.thorough
async def test_ctrl_q_asks_as_well(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        await it.write("note", "new")
        await it.press("ctrl+q")
        await it.opened(ConfirmDialog)
        assert it.app.return_code is None


@pytest.mark.thorough
async def test_a_duplicate_begins_as_the_server_under_a_free_name(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("D")
        assert it.form.row("name").text == "ams1-2"
        await it.write("endpoint", "ams2.example.net:51820")
        await it.save()
        assert [each.name for each in it.fleet.servers] == ["ams1", "fra1", "ams1-2"]
        assert it.fleet.servers[2].public_key == SERVER_KEY


@pytest.mark.thorough
async def test_a_server_can_be_edited_and_deleted_from_its_own_screen(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.press("enter")
        await it.opened(ServerScreen)
        await it.open_form("e")
        await it.write("note", "new")
        await it.press("ctrl+s")
        await it.opened(ServerScreen)
        await it.press("d")
        await it.answer("y")
        await it.until(lambda: [each.name for each in it.fleet.servers] == ["fra1"])


async def test_d_asks_and_u_brings_the_server_back_where_it_stood(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        assert "u undo" not in it.text()
        await it.press("d")
        await it.answer("escape")
        assert it.fleet == SMALL
        await it.press("d")
        await it.answer("y")
        await it.until(it.notices)
        assert it.notices() == ["Deleted ams1; press u to undo"]
        assert [each.name for each in it.fleet.servers] == ["fra1"]
        await it.press("u")
        await it.until(lambda: it.notices() == ["Restored ams1"])
        assert it.fleet == SMALL
        await it.press("u")
        assert it.notices() == ["Nothing was deleted that could be restored"]


@pytest.mark.thorough
async def test_d_on_marked_servers_asks_for_all_of_them_and_e_edits_the_one_under_the_cursor(
    config_dir: Path,
) -> None:
    async with editing(config_dir) as it:
        await it.press("+", "d")
        await it.until(lambda: "Delete ams1 and fra1?" in it.text())
        await it.answer("escape")
        await it.press("j")
        await it.open_form("e")
        assert "fra1" in it.text()
        await it.press("escape")
        await it.press("d")
        await it.answer("y")
        await it.until(lambda: not it.fleet.servers)


# Concurrent changes by another program


async def test_what_another_program_changed_meanwhile_is_not_lost(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        change(config_dir, tags=("edge",))
        await it.write("note", "new")
        await it.save()
        assert it.fleet.servers[0] == replace(server("ams1"), note="new", tags=("edge",))
        assert "kept the changes of another program: tags" in it.notices()[1]


@pytest.mark.thorough
async def test_a_conflict_is_asked_about(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        await it.open_form("e")
        change(config_dir, note="theirs")
        await it.write("note", "mine")
        await it.press("ctrl+s")
        await it.until(lambda: isinstance(it.app.screen, ConfirmDialog) and "overwrite it" in it.text())
        assert 'server "ams1": another program changed its note' in it.text()
        await it.press("escape")
        await it.opened(ServerForm)
        assert it.fleet.servers[0].note == "theirs"
        await it.press("ctrl+s")
        await it.answer("y")
        await it.home()
        assert it.fleet.servers[0].note == "mine"


async def test_a_server_that_another_program_deleted_is_not_opened(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        delete_servers(config_dir, ["ams1"])
        await it.press("e")
        await it.until(it.notices)
        assert it.notices() == ["ams1 is no longer in servers.toml"]


async def test_a_file_that_cannot_be_read_is_told_and_no_form_opens(config_dir: Path) -> None:
    async with editing(config_dir) as it:
        (config_dir / "servers.toml").write_text("interval = ")
        await it.press("n")
        await it.until(it.notices)
        assert it.notices()[0].startswith("servers.toml: line 1, end of the file: Invalid value")
        assert it.at_home
