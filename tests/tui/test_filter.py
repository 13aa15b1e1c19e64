from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.fleet import bad_night
from wgmon_tui.diagnosis.verdict import Verdict
from wgmon_tui.tui.filter import KEYS, completed, parse_filter

ROWS = bad_night().board.rows


def found(line: str) -> set[str]:
    chosen = parse_filter(line)
    return {name for name, row in ROWS.items() if chosen.matches(row)}


def test_a_word_is_looked_for_in_name_endpoint_tags_and_verdict() -> None:
    assert found("office") == {"office-gateway-with-a-long-name"}
    assert found("fra1.example") == {"fra1"}
    assert found("edge") == {"ams1", "fra1"}
    assert found("psk") == {"fra1"}


def test_keys_look_in_one_place() -> None:
    assert found("state:down") == {"fra1", "mad1"}
    assert found("tag:us") == {"nyc1"}
    assert found("verdict:silent") == {"mad1"}
    assert found("name:ams") == {"ams1", "ams2"}
    assert found("endpoint:ams2.") == {"ams2"}


def test_all_terms_must_hold() -> None:
    assert found("tag:eu state:down verdict:psk") == {"fra1"}


def test_an_exclamation_mark_inverts_a_term() -> None:
    assert found("tag:eu !state:down") == {"ams1"}
    assert found("!healthy state:up") == set()


def test_case_does_not_matter() -> None:
    assert found("STATE:Down FRA") == {"fra1"}


def test_a_paused_server_is_found_by_its_state() -> None:
    assert found("state:paused") == {"lab"}


@pytest.mark.parametrize("line", ["", "  ", "!", "state:", "!tag:", "state: !"])
def test_a_term_without_text_does_not_count_yet(line: str) -> None:
    assert not parse_filter(line)
    assert found(line) == set(ROWS)


def test_what_is_no_known_key_is_a_word() -> None:
    assert found("net:51820") == set(ROWS)


@given(st.text() | st.lists(st.sampled_from([*KEYS, ":", "!", " ", "eu", "down", "İ"])).map("".join))
def test_nothing_that_can_be_typed_raises(line: str) -> None:
    shown = found(line)
    assert shown <= set(ROWS)


@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1))
def test_a_term_and_its_inverse_part_the_fleet(word: str) -> None:
    word = word.lstrip("!")
    if parse_filter(word):
        assert found(word) ^ found(f"!{word}") == set(ROWS)


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("ver", "verdict:"),
        ("verdict:w", "verdict:wrong-server-key"),
        ("!state:de", "!state:degraded"),
        ("fra1 Tag:E", "fra1 Tag:Edge"),
        ("name:f", None),
        ("verdict:", None),
        ("state:down", None),
        ("fra1 ", None),
        ("", None),
    ],
)
def test_a_word_is_carried_on_to_the_first_that_it_begins(line: str, whole: str | None) -> None:
    assert completed(line, ("edge", "eu")) == whole


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_can_be_completed(verdict: Verdict) -> None:
    assert completed(f"verdict:{verdict.slug[:-1]}", ()) == f"verdict:{verdict.slug}"


@given(st.text() | st.sampled_from(KEYS).map("{}:".format))
def test_completing_keeps_what_was_typed(line: str) -> None:
    whole = completed(line, ("eu", "Zürich"))
    assert whole is None or (whole.startswith(line) and len(whole) > len(line))
