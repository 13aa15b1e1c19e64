"""What was chosen on the screen: what is stored, what a damaged file does, and what overrides what."""

import json
from pathlib import Path

import pytest

from tests.tui.key_presses import settle
from tests.tui.sample_fleet import NOW, bad_night, no_time_passes
from wgmon_tui.config.paths import choices_path
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.choices import Choices, ChoicesFile, apply_choices
from wgmon_tui.tui.fleet.columns import COLUMNS

CHOSEN = Choices(theme="paper", columns=("state", "name"), low_bandwidth=False, preview=True)


def app_with(path: Path) -> WgmonApp:
    return WgmonApp(
        bad_night(),
        title="test",
        clock=lambda: NOW,
        elapsed=no_time_passes,
        choices_file=ChoicesFile(path),
    )


def test_choices_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = ChoicesFile(tmp_path / "new" / "choices.json")
    file.record(CHOSEN, ("theme", "columns", "low_bandwidth", "preview"))
    file.flush()
    assert file.read() == CHOSEN


def test_a_choice_that_is_taken_back_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text('{"theme": "paper", "preview": true}')
    file = ChoicesFile(path)
    file.record(Choices(preview=True), ["theme"])
    file.flush()
    assert json.loads(path.read_text()) == {"preview": True}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b"[" * 60_000, b'{"theme": 3}'])
def test_a_damaged_file_counts_as_nothing_chosen(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "choices.json"
    path.write_bytes(content)
    assert ChoicesFile(path).read() == Choices()


def test_one_damaged_value_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text('{"theme": "paper", "columns": ["name", 3], "preview": "yes", "low_bandwidth": true}')
    assert ChoicesFile(path).read() == Choices(theme="paper", low_bandwidth=True)


def test_what_a_later_version_stored_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "choices.json"
    path.write_text('{"sounds": {"volume": 3}, "theme": "paper"}')
    file = ChoicesFile(path)
    file.record(Choices(preview=False), ["preview"])
    file.flush()
    assert json.loads(path.read_text()) == {"sounds": {"volume": 3}, "theme": "paper", "preview": False}


def test_two_processes_keep_each_others_choices(tmp_path: Path) -> None:
    one, other = (ChoicesFile(tmp_path / "choices.json") for _ in range(2))
    one.record(Choices(theme="paper"), ["theme"])
    one.flush()
    other.record(Choices(preview=True), ["preview"])
    other.flush()
    one.flush()
    assert one.read() == Choices(theme="paper", preview=True)


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    file = ChoicesFile(tmp_path / "state" / "choices.json")
    file.record(CHOSEN, ["theme"])
    with pytest.raises(OSError, match="state"):
        file.flush()
    (tmp_path / "state").unlink()
    file.flush()
    assert file.read().theme == "paper"


def test_only_the_user_can_read_the_choices(tmp_path: Path) -> None:
    file = ChoicesFile(tmp_path / "choices.json")
    file.record(CHOSEN, ["theme"])
    file.flush()
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_choice_overrides_config_toml() -> None:
    settings = TuiSettings(theme="night", columns=("name",), low_bandwidth=True)
    chosen = apply_choices(settings, CHOSEN, None, COLUMNS)
    assert (chosen.theme, chosen.columns, chosen.low_bandwidth) == ("paper", ("state", "name"), False)


def test_without_choices_config_toml_decides() -> None:
    settings = TuiSettings(theme="night", columns=("name",), low_bandwidth=True)
    assert apply_choices(settings, Choices(), None, COLUMNS) == settings


def test_a_theme_or_column_that_is_gone_is_not_used() -> None:
    gone = Choices(theme="solarised", columns=("state", "weather", "name", "name"))
    settings = apply_choices(TuiSettings(theme="night"), gone, None, COLUMNS)
    assert (settings.theme, settings.columns) == ("night", ("state", "name"))


def test_columns_without_the_name_are_not_used() -> None:
    assert apply_choices(TuiSettings(), Choices(columns=("state",)), None, COLUMNS) == TuiSettings()


def test_choices_are_in_the_state_directory_of_this_user(tmp_path: Path) -> None:
    assert choices_path(tmp_path) == tmp_path / "choices.json"


def test_a_viewer_of_a_service_remembers_its_choices_in_its_own_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert choices_path(tmp_path) == tmp_path / "mine" / "wgmon-tui" / "choices.json"


async def test_the_app_remembers_a_choice(tmp_path: Path) -> None:
    app = app_with(tmp_path / "choices.json")
    async with app.run_test() as pilot:
        app.choose(preview=True)
        app.choose(theme="paper", preview=False)
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert app.choices == Choices(theme="paper", preview=False)
    assert ChoicesFile(tmp_path / "choices.json").read() == Choices(theme="paper", preview=False)


async def test_a_damaged_file_is_one_notice(tmp_path: Path) -> None:
    (tmp_path / "choices.json").write_text("{")
    app = app_with(tmp_path / "choices.json")
    assert app._choices_file
    app._choices_file.read()
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app.notice
        assert "This file is damaged" in app.notice.lines[0]


async def test_a_file_that_cannot_be_written_is_one_notice(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    app = app_with(tmp_path / "state" / "choices.json")
    notices: list[str] = []
    async with app.run_test():
        app.show_notice = lambda *lines: notices.extend(lines)  # type: ignore[method-assign]
        for preview in (True, False):
            app.choose(preview=preview)
            await app.workers.wait_for_complete(
                [worker for worker in app.workers if worker.group == "choices"]
            )
        assert app.choices.preview is False
    assert notices == [
        "Not remembered after the program ends:",
        f"{tmp_path}/state/choices.json: File exists",
    ]
