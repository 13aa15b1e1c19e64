"""Tests of the filter history."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.app_harness import face
from tests.tui.key_presses import press, settle
from tests.tui.sample_fleet import NOW, bad_night, no_time_passes
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.filter.input_line import FilterInput
from wgmon_tui.tui.filter.recent_lines import MAX_LINES, FilterHistory

LINES = st.sampled_from(["state:down", "tag:eu", "rtt>100", "fra"])


def test_up_goes_back_through_the_lines_then_the_saved_ones_and_down_comes_back() -> None:
    history = FilterHistory(["oncall"])
    history.commit("tag:eu")
    history.commit("state:down")
    shown = ["ty"]
    for _ in range(4):
        shown.append(history.older(shown[-1]))
    assert shown == ["ty", "state:down", "tag:eu", "@oncall", "@oncall"]
    for _ in range(4):
        shown.append(history.newer(shown[-1]))
    assert shown[5:] == ["tag:eu", "state:down", "ty", "ty"]


def test_the_line_that_is_in_force_is_not_offered_again() -> None:
    history = FilterHistory()
    history.commit("tag:eu")
    history.commit("state:down")
    assert history.older("state:down") == "tag:eu"


@given(
    st.lists(st.one_of(LINES.map(lambda line: ("keep", line)), st.sampled_from([("up", ""), ("down", "")])))
)
def test_however_one_goes_what_was_typed_comes_back(steps: list[tuple[str, str]]) -> None:
    history, shown = FilterHistory(["a", "b"]), "typed"
    for step, line in steps:
        if step == "keep":
            history.commit(line)
            shown = "typed"
        else:
            shown = history.older(shown) if step == "up" else history.newer(shown)
    for _ in range(MAX_LINES + 3):
        shown = history.newer(shown)
    assert shown == "typed"


async def test_up_and_down_in_the_line_bring_earlier_filters() -> None:
    async with face() as it:
        await it.press("/", *"tag:eu", "enter", "escape", "/", *"state:down", "enter", "escape")
        await it.press("/", "up", "up")
        line = it.fleet.query_one(FilterInput)
        assert line.value == "tag:eu"
        assert set(it.table.row_index.names) == {"ams1", "fra1", "mad1"}
        await it.press("down", "down")
        assert line.value == ""


async def test_a_saved_filter_is_called_up_by_its_name_and_from_the_palette() -> None:
    settings = TuiSettings(filters={"oncall": "state:down !is:muted"})
    app = WgmonApp(bad_night(), title="test", clock=lambda: NOW, elapsed=no_time_passes, settings=settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await press(pilot, "/", "@", "tab", "enter")
        fleet = app.screen_stack[0]
        assert fleet.query_one(FilterInput).value == "@oncall"
        assert app.shown_names == ("fra1", "mad1")
        await press(pilot, "escape")
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        commands["Filter: oncall"].callback()
        await settle(pilot)
        assert app.shown_names == ("fra1", "mad1")
