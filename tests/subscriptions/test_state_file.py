"""What is known of lists, in a file beside the history: read by others, and never a reason to fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from wgmon_tui.subscriptions import state_file
from wgmon_tui.subscriptions.follower import _read_times
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import SubscriptionState, read_states, write_state

STATE = SubscriptionState(
    1e9, "no answer", "1 new", ("+ a  trojan  a.example:443",), ("x",), 3, Quota(2e9, 5, 10)
)


def test_a_state_is_read_as_it_was_written_and_others_stay(tmp_path: Path) -> None:
    write_state(tmp_path, "a", STATE)
    write_state(tmp_path, "b", SubscriptionState())
    assert read_states(tmp_path) == {"a": STATE, "b": SubscriptionState()}
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"a": 1}',
        '{"a": {"lines": 1, "quota": {"used": "x"}, "fetched_at": "y"}}',
        '{"a": {"fetched_at": 1e300, "quota": {"ends_at": Infinity, "total": "y"}}}',
    ],
)
def test_a_damaged_file_is_no_reason_to_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "subscription_states.json").write_text(text)
    nothing = (SubscriptionState(), SubscriptionState(quota=Quota(None, None, None)))
    assert all(each in nothing for each in read_states(tmp_path).values())


@pytest.mark.parametrize("reader", [lambda path: read_states(path.parent), _read_times])
def test_a_device_or_an_enormous_file_is_no_reason_to_fail(
    tmp_path: Path, reader: Callable[[Path], Mapping[str, object]]
) -> None:
    path = tmp_path / "subscription_states.json"
    path.symlink_to("/dev/full")
    assert reader(path) == {}
    path.unlink()
    path.touch()
    os.truncate(path, 1 << 40)
    assert reader(path) == {}


def test_a_directory_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    write_state(tmp_path / "missing", "a", STATE)
    assert read_states(tmp_path / "missing") == {}


def test_nothing_is_left_in_the_directory_of_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "foreign_owner", lambda _: 999)
    write_state(tmp_path, "a", STATE)
    assert list(tmp_path.iterdir()) == []
