"""Import screen: paths, preview and import."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event

import pytest
from textual.widgets import Input

from tests.config.sample_fleets import OTHER_SERVER_KEY, OWN_KEY, SERVER_KEY
from tests.tui.editing_harness import CONF, PSK, SMALL, Editing, editing, written
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.tui.editing import import_screen
from wgmon_tui.tui.editing.import_screen import ImportScreen
from wgmon_tui.tui.editing.path_completion import complete_path, path_completions, resolve_paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with two configs."""
    place = tmp_path / "here"
    place.mkdir()
    for name, host in (("wg-fra1.conf", "fra1"), ("wg-lon1.conf", "lon1")):
        path = place / name
        path.write_text(CONF.replace("# par1", "").replace("par1", host))
        path.chmod(0o600)
    (place / "notes.txt").write_text("")
    monkeypatch.chdir(place)
    return place


async def open_import(it: Editing, line: str = "") -> None:
    await it.press("i")
    await it.opened(ImportScreen)
    if line:
        await it.paste(line)


async def previewed(it: Editing, words: str) -> None:
    await it.until(lambda: words in it.text())


async def test_a_path_shows_what_it_would_add_and_enter_adds_it(here: Path, tmp_path: Path) -> None:
    async with editing(tmp_path / "config", size=(110, 30)) as it:
        await open_import(it, "wg-fra1.conf")
        await previewed(it, SHARED_KEY_WARNING)
        assert "+ server wg-fra1 fra1.example.net:51820 with identity wg-fra1, preshared key" in it.text()
        assert f"+ identity wg-fra1 10.8.0.9/32 public key {OWN_KEY.public}" in it.text()
        assert "The check tests the first hop in the tunnel, not what is behind it" in it.text()
        assert not it.config_dir.exists()
        await it.press("enter")
        await it.home()
        assert it.notices() == ["Added wg-fra1; checking now"]
        assert [each.name for each in it.fleet.servers] == ["wg-fra1"]
        assert it.key_files() == {"wg-fra1.key", "wg-fra1.psk"}


async def test_several_files_are_imported_at_once(here: Path, tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_import(it, "*.conf")
        await previewed(it, "+ server wg-lon1")
        await it.press("ctrl+s")
        await it.home()
        assert [each.name for each in it.fleet.servers] == ["wg-fra1", "wg-lon1"]
        assert len(it.fleet.identities) == 1


async def test_a_config_that_is_pasted_into_the_fleet_is_one_to_import(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.paste(CONF.replace("\n", "\r"))
        await it.opened(ImportScreen)
        await previewed(it, "+ server par1")
        assert OWN_KEY.to_text() not in it.text()
        assert PSK.to_text() not in it.text()
        await it.press("enter")
        await it.home()
        assert [each.name for each in it.fleet.servers] == ["par1"]


async def test_a_config_can_be_pasted_in_place_of_a_path(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_import(it, "nowhere")
        await it.paste(CONF)
        await previewed(it, "+ server par1")
        assert "(pasted config)" in it.text()


async def test_what_is_no_config_is_refused_in_words(here: Path, tmp_path: Path) -> None:
    (here / "bad.conf").write_text("[Interface]\nPrivateKey = x\n")
    async with editing(tmp_path / "config") as it:
        await open_import(it, "bad.conf")
        await previewed(it, "✖ bad.conf: line 2: PrivateKey: not base64")
        assert "ctrl+s import" not in it.text()
        await it.press("enter")
        assert isinstance(it.app.screen, ImportScreen)


@pytest.mark.thorough
async def test_what_is_there_already_is_not_offered_again(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.paste(CONF)
        await previewed(it, "+ server par1")
        await it.press("enter")
        await it.home()
        await it.paste(CONF)
        await previewed(it, "= already there: par1")
        assert "ctrl+s import" not in it.text()


async def test_tab_completes_a_path_and_shows_the_ways(here: Path, tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_import(it, "w")
        await previewed(it, "wg-fra1.conf wg-lon1.conf")
        await it.press("tab")
        assert "files wg-" in it.text()
        await it.press("l", "tab")
        await previewed(it, "+ server wg-lon1")


@pytest.mark.thorough
async def test_esc_leaves_without_importing(here: Path, tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await open_import(it, "wg-fra1.conf")
        await previewed(it, "+ server")
        await it.press("escape")
        assert it.at_home
        assert not it.config_dir.exists()


async def test_notices_of_a_config_and_characters_from_outside_are_shown_safely(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.paste(CONF.replace("Address", "J1 = <t>\nAddress").replace("# par1", "# Name = [red]x[/]"))
        await previewed(it, "J1: a check does not need this; ignored")
        assert "+ server [red]x[/]" in it.text()


def test_words_mean_files_patterns_and_directories(here: Path) -> None:
    both = (here / "wg-fra1.conf", here / "wg-lon1.conf")
    assert resolve_paths("wg-lon1.conf wg-fra1.conf", here).paths == both[::-1]
    assert resolve_paths("wg*", here) == resolve_paths("wg-fra1.conf 'wg-lon1.conf'", here)
    assert resolve_paths("wg*", here).paths == both
    assert resolve_paths(f"{here} wg-fra1.conf", here).paths == (here, both[0])
    assert resolve_paths("", here).paths == ()


@pytest.mark.thorough
async def test_a_path_that_does_not_exist_does_not_hide_the_good_and_the_bad_files(
    here: Path, tmp_path: Path
) -> None:
    (here / "bad.conf").write_text("nonsense")
    async with editing(tmp_path / "config", size=(110, 30)) as it:
        await open_import(it, "wg-fra1.conf bad.conf /nonexist")
        await previewed(it, "/nonexist: no such file")
        assert "+ server wg-fra1" in it.text()
        assert "bad.conf: " in it.text()
        await it.press("ctrl+s")
        await it.home()
        assert it.notices() == ["Added wg-fra1; checking now. Not imported: bad.conf and /nonexist"]


@pytest.mark.thorough
async def test_a_file_with_the_same_server_as_another_new_one_names_that(here: Path, tmp_path: Path) -> None:
    (here / "wg-z.conf").write_bytes((here / "wg-fra1.conf").read_bytes())
    async with editing(tmp_path / "config", size=(110, 30)) as it:
        await open_import(it, "wg-fra1.conf wg-z.conf")
        await previewed(it, "wg-z.conf: same server as wg-fra1.conf")
        assert "already there" not in it.text()


@pytest.mark.thorough
async def test_enter_before_the_preview_is_shown_imports_nothing(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Event()

    def read_slowly(paths: Iterable[Path], *, on_read: Callable[[int], None]) -> ReadConfs:
        release.wait(60)
        return read_confs(paths, on_read=on_read)

    monkeypatch.setattr(import_screen, "read_confs", read_slowly)
    async with editing(tmp_path / "config") as it:
        await open_import(it, "wg-fra1.conf")
        await it.press("enter")
        assert it.notices() == ["Reading the files; press ctrl+s when the preview is shown"]
        release.set()
        await previewed(it, "+ server wg-fra1")
        assert not it.config_dir.exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("'wg", "a quote is not closed"),
        ("gone.conf", "gone.conf: no such file"),
        ("*.key", "*.key: no file matches"),
    ],
)
def test_words_that_mean_no_file_are_refused(here: Path, line: str, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said.replace("*", r"\*")):
        resolve_paths(line, here)


@pytest.mark.thorough
async def test_a_directory_without_configs_is_refused(here: Path, tmp_path: Path) -> None:
    (here / "empty").mkdir()
    async with editing(tmp_path / "config") as it:
        await open_import(it, "empty")
        await previewed(it, "✖ empty: has no .conf file")


def test_only_directories_and_configs_carry_a_path_on(here: Path) -> None:
    (here / "wg").mkdir()
    (here / "wg" / "a.conf").write_text("")
    assert path_completions("x w", here) == ["x wg/", "x wg-fra1.conf", "x wg-lon1.conf"]
    assert path_completions("wg/", here) == ["wg/a.conf"]
    assert complete_path("wg-", here) == "wg-"
    assert complete_path("wg-f", here) == "wg-fra1.conf"
    assert complete_path("n", here) == "n"
    assert path_completions("'w", here) == path_completions("", here) == path_completions("gone/", here) == []


@pytest.mark.thorough
async def test_an_identity_of_the_same_key_is_used_again(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.paste(CONF)
        await previewed(it, "+ identity")
        await it.press("enter")
        await it.home()
        await it.paste(CONF.replace(str(SERVER_KEY), str(OTHER_SERVER_KEY)).replace("par1", "par2"))
        await previewed(it, "+ server par2")
        assert "+ identity" not in it.text()
        await it.press("enter")
        await it.home()
        assert {each.identity for each in it.fleet.servers} == {"par1"}


@pytest.mark.thorough
async def test_the_placeholder_of_a_pasted_config_does_not_take_its_preview_away(tmp_path: Path) -> None:
    async with editing(tmp_path / "config") as it:
        await it.paste(CONF)
        await previewed(it, "+ server par1")
        source = it.app.screen.query_one("#files", Input)
        source.post_message(Input.Changed(source, source.value))
        await it.press("enter")
        await it.home()


async def test_the_identity_that_exists_is_offered_and_checks_the_server(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL), size=(110, 30)) as it:
        await it.paste(CONF)
        await previewed(it, "with identity bastion")
        await it.until(lambda: "identity ‹ bastion ›" in it.text())  # the field appears with the preview
        assert SHARED_KEY_WARNING[:40] not in it.text()
        assert "Type on each server, as root: wg set wg0 peer" in it.text()
        await it.press("enter")
        await it.home()
        added = it.fleet.servers[-1]
        assert (added.name, added.identity, added.preshared_key) == ("par1", "bastion", None)
        assert it.key_files() == {"bastion.key"}


async def test_the_key_in_the_file_can_be_chosen_and_is_warned_of(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL), size=(110, 30)) as it:
        await it.paste(CONF)
        await previewed(it, "with identity bastion")
        await it.press("down", "space")
        await previewed(it, "with identity par1, preshared key")
        assert "choose another identity above" in it.text()
        await it.press("enter")
        await it.home()
        assert it.fleet.servers[-1].identity == "par1"


async def test_a_single_server_can_be_renamed(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.paste(CONF)
        await previewed(it, "+ server par1")
        await it.press("down", "down", "end", "ctrl+u")
        await it.paste("Paris")
        await previewed(it, "+ server Paris")
        await it.press("enter")
        await it.home()
        assert it.fleet.servers[-1].name == "Paris"


@pytest.mark.thorough
async def test_a_name_in_use_is_refused(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.paste(CONF)
        await previewed(it, "+ server par1")
        await it.press("down", "down", "end", "ctrl+u")
        await it.paste("ams1")
        await previewed(it, '✖ another server has the name "ams1"')
        await it.until(lambda: "ctrl+s import" not in it.text())
        await it.press("enter")
        assert it.notices() == []
        assert isinstance(it.app.screen, ImportScreen)


@pytest.mark.thorough
async def test_a_server_with_the_same_key_and_endpoint_is_shown_as_there(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.paste(CONF.replace("par1.example.net", "ams1.example.net").replace("# par1", "# other"))
        await previewed(it, "= already there: ams1 (same key and endpoint)")
        assert "ctrl+s import" not in it.text()


async def test_a_config_without_a_private_key_is_imported_with_the_identity(tmp_path: Path) -> None:
    async with editing(written(tmp_path / "config", SMALL)) as it:
        await it.paste(CONF.replace(f"PrivateKey = {OWN_KEY.to_text()}\n", ""))
        await previewed(it, "with identity bastion, preshared key")
        await it.press("enter")
        await it.home()
        assert it.key_files() == {"bastion.key", "par1.psk"}


async def test_good_files_are_imported_and_bad_ones_shown(here: Path, tmp_path: Path) -> None:
    bad = here / "bad.conf"
    bad.write_text(CONF.replace("par1.example.net", "http://par1"))
    async with editing(tmp_path / "config", size=(110, 30)) as it:
        await open_import(it, ".")
        await previewed(it, '✖ here/bad.conf: line 9: Endpoint: expected "host:port" without "http://"')
        await it.press("enter")
        await it.home()
        assert [each.name for each in it.fleet.servers] == ["wg-fra1", "wg-lon1"]
        assert "Not imported: here/bad.conf" in " ".join(it.notices())


@pytest.mark.thorough
async def test_while_many_files_are_read_the_screen_says_how_many(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Event()
    monkeypatch.setattr(import_screen, "_BETWEEN_PROGRESS_S", 0.01)

    def read_slowly(paths: object, *, on_read: Callable[[int], None]) -> ReadConfs:
        on_read(41)
        release.wait(60)
        return ReadConfs()

    monkeypatch.setattr(import_screen, "read_confs", read_slowly)
    async with editing(tmp_path / "config") as it:
        await open_import(it, "*.conf")
        await previewed(it, "41 files read so far")
        release.set()
        await it.until(lambda: "so far" not in it.text())
