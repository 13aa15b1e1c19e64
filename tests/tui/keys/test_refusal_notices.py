"""What a refused key says: once for each reason, and with the key that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.app_harness import Face, face
from tests.tui.keys.key_states import incidents, server_tab
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.keys import refused_keys


async def refusal_of(it: Face, key: str) -> list[str]:
    it.app.dismiss_notice()
    await it.press(key)
    return it.notices()


async def test_a_reason_is_given_once_for_each_visit_of_a_screen() -> None:
    async with face() as it:
        assert await refusal_of(it, "-") == ["No server is marked. Press space to mark one."]
        assert await refusal_of(it, "-") == []
        await it.press("?", "escape")
        assert await refusal_of(it, "-") == ["No server is marked. Press space to mark one."]


async def test_a_reason_is_given_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_keys, "REPEAT_S", 0.0)
    async with face() as it:
        assert await refusal_of(it, "-") == await refusal_of(it, "-") != []


@pytest.mark.thorough
async def test_another_reason_for_the_same_key_is_given() -> None:
    async with face() as it:
        await it.press(*"/fra1", "enter")
        assert await refusal_of(it, "M") == ["Alerts are not muted: fra1"]
        it.fleet.filter_by("ams1")
        assert await refusal_of(it, "M") == ["Alerts are not muted: ams1"]


async def test_a_key_without_an_action_names_the_help() -> None:
    async with face() as it:
        assert await refusal_of(it, "b") == ["b does nothing here. Press ? for the keys."]
        assert await refusal_of(it, "f7") == ["f7 does nothing here. Press ? for the keys."]
        assert await refusal_of(it, "tab") == ["tab does nothing here. Press ? for the keys."]


async def test_a_dialog_names_its_keys() -> None:
    async with face() as it:
        it.app.push_screen(ConfirmDialog("Really?", yes="do it", neither="keep it"))
        await it.press()
        assert await refusal_of(it, "b") == ["b does nothing here. Keys: y do it, esc keep it."]
        assert await refusal_of(it, "n") == ["There is no answer no. Press esc: keep it"]


async def test_the_end_of_a_list_stays_quiet() -> None:
    async with face() as it:
        await it.press("G")
        assert await refusal_of(it, "j") == await refusal_of(it, "G") == []


async def test_a_key_that_is_typed_is_not_refused() -> None:
    async with face() as it:
        await it.press("/")
        for key in ("b", "up", "left", "home"):
            assert await refusal_of(it, key) == [], key


@pytest.mark.thorough
async def test_the_history_tab_says_which_keys_work_elsewhere() -> None:
    async with server_tab(2)(Path()) as it:
        assert await refusal_of(it, "c") == ["This key works in the tab Packets. Press tab for the next tab."]
        assert await refusal_of(it, "plus") == ["This key works in the tab RTT. Press tab for the next tab."]


@pytest.mark.thorough
async def test_a_closed_incident_cannot_be_acknowledged(tmp_path: Path) -> None:
    async with incidents(tmp_path) as it:
        assert await refusal_of(it, "a") == ["Only an open incident can be acknowledged: this one is closed"]
