from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitor.sample_vantages import Lookout
from tests.tui.sample_fleet import NOW, bad_night, record
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.tui.filter.parser import (
    SERVER_VALUES,
    FilterWords,
    complete_filter,
    completions,
    invert_filter,
    parse_filter,
)
from wgmon_tui.tui.filter.query import FACTS, KEYS, NUMERIC_KEYS, FilterContext, RejectedWord

ROWS = bad_night().fleet_state.states
BESIDE = FilterContext(NOW, {"ams1", "lab"})
FLEET_VALUES = {
    **SERVER_VALUES,
    "tag": ["Eu", "env=prod"],
    "vantage": ["fra", "local"],
    "downfrom": ["local"],
}
SAVED = {"oncall": "state:down !is:muted", "Slow": "rtt>500ms"}


def found(line: str, beside: FilterContext = BESIDE) -> set[str]:
    chosen = parse_filter(line, SAVED)
    return {name for name, server_state in ROWS.items() if chosen.matches(server_state, beside)}


def test_a_word_is_looked_for_in_name_endpoint_tags_and_verdict() -> None:
    assert found("office") == {"office-gateway-with-a-long-name"}
    assert found("fra1.example") == {"fra1"}
    assert found("edge") == {"ams1", "fra1"}
    assert found("psk") == {"fra1"}


def test_the_word_of_the_state_column_finds_the_servers_in_that_state() -> None:
    assert found("down") == found("DOWN") == {"fra1", "mad1"}
    assert found("down|paused") == {"fra1", "mad1", "lab"}
    assert found("!down") == set(ROWS) - {"fra1", "mad1"}
    assert found("dow") == set()


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


@pytest.mark.parametrize(
    "line", ["fe80::1", "net:51820", "10.0.0.1:51820", ":51820", "fd77:2::2", "http://x"]
)
def test_a_part_of_an_address_is_a_word(line: str) -> None:
    assert parse_filter(line).rejected == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("state:dwn", 'unknown state "dwn"; did you mean "down"?'),
        ("state:xyz", 'unknown state "xyz"; possible: up, degraded, down, unknown, paused'),
        ("status:down", 'unknown field "status"; did you mean "state"?'),
        ("foo:bar", 'unknown field "foo"'),
        ("verdict:helthy", 'unknown verdict "helthy"; did you mean "healthy"?'),
        ("is:mutd", 'unknown flag "mutd"; did you mean "muted"?'),
        ("!STATE:dwn", 'unknown state "dwn"; did you mean "down"?'),
        ("state:down|dgraded", 'unknown state "dgraded"; did you mean "degraded"?'),
        ("/(/", "/(/ is no pattern: missing ), unterminated subpattern at position 0"),
        ("is:/m/", "is: takes a flag, no pattern"),
        ("rrt>100", 'unknown field "rrt"; did you mean "rtt"?'),
        ("lss>5", 'unknown field "lss"; did you mean "loss"?'),
        ("!foo>3", 'unknown field "foo"; possible: rtt, loss, uptime, since'),
        ("tag=eu", "tag is no number; write tag:eu"),
        ("rtt:100", "rtt needs a number, for example rtt>100"),
        (">", "a comparison has no blanks, for example rtt>100"),
        ("state:down|state:up", "write state:down|up"),
        ("fra|state:up", "alternatives are of one field, for example state:down|degraded"),
    ],
)
def test_a_word_that_cannot_mean_anything_is_named_and_not_applied(line: str, why: str) -> None:
    chosen = parse_filter(f"{line} tag:eu", SAVED)
    assert chosen.rejected == (RejectedWord(line, why),)
    assert found(f"{line} tag:eu") == found("tag:eu") != set(ROWS)
    assert found(line) == set(ROWS)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tag:zz", 'unknown tag of a server "zz"; possible: Eu, env=prod'),
        ("tag:eu|zz", 'unknown tag of a server "zz"; possible: Eu, env=prod'),
        ("vantage:zz", 'unknown vantage "zz"; possible: fra, local'),
        ("downfrom:loca1", 'unknown vantage "loca1"; did you mean "local"?'),
    ],
)
def test_a_value_that_the_fleet_does_not_have_is_named_and_not_applied(line: str, why: str) -> None:
    chosen = parse_filter(line, values=FLEET_VALUES)
    assert (chosen.rejected, bool(chosen)) == ((RejectedWord(line, why),), False)


@pytest.mark.parametrize("line", ["tag:E", "vantage:lo", "tag:env=prod", "env=pr"])
def test_a_value_that_the_fleet_has_is_applied(line: str) -> None:
    assert parse_filter(line, values=FLEET_VALUES).rejected == ()


def test_a_saved_filter_with_a_mistake_names_it() -> None:
    rejected = RejectedWord("state:dwn", 'unknown state "dwn"; did you mean "down"?')
    assert parse_filter("@old", {"old": "state:dwn"}).rejected == (rejected,)


@pytest.mark.parametrize("line", ["down|up", "fra|r", "down|@"])
def test_an_alternative_to_a_word_is_not_completed_to_a_comparison_or_a_field(line: str) -> None:
    assert not completions(line, FilterWords(("edge",), ("Slow",)))


def test_alternatives_are_separated_by_a_bar() -> None:
    assert found("state:down|degraded") == found("state:down") | found("state:degraded")
    assert found("fra1|mad1") == {"fra1", "mad1"}
    assert found("!state:down|degraded") == set(ROWS) - found("state:down|degraded")
    assert found("tag:eu|") == found("tag:eu")
    assert found("is:marked|paused") == {"ams1", "lab"}
    assert not parse_filter("|")


def test_a_regular_expression_stands_between_slashes() -> None:
    assert found("/^(fra|ams)1$/") == {"fra1", "ams1"}
    assert found(r"name:/^[A-F]\w+\d$/") == {
        name for name in ROWS if name[0] in "abcdef" and name[-1].isdigit()
    }
    assert found("state:/^down$/") == {"fra1", "mad1"}
    assert found("!/1/") == set(ROWS) - found("/1/")


@pytest.mark.parametrize("line", ["/", "/fra", "name:/fra"])
def test_a_regular_expression_without_its_end_does_not_count_yet(line: str) -> None:
    assert parse_filter(line).unfinished == (line,) or line == "/"
    assert parse_filter(line).rejected == ()


def test_figures_are_compared_in_their_usual_units() -> None:
    assert found("rtt>500") == found("rtt>500ms") == found("rtt>0.5s") == found("@slow")
    assert found("rtt>500") == {"tyo1", "office-gateway-with-a-long-name"}
    assert found("loss>=5%") == found("loss>=5") == {"fra1", "mad1", "dub1"}
    assert found("since<1h") == {"fra1", "tyo1", "cpt1"}
    assert found("since>=30m since<2h") == {"mad1", "tyo1"}


def test_an_uptime_compares_as_the_column_shows_it() -> None:
    ROWS["ams1"].uptime, ROWS["ams2"].uptime = 0.9991, 0.5
    assert found("uptime<99.9") == {"ams2"}
    assert found("uptime>=99.9%") == {"ams1"}


def test_a_row_without_the_figure_is_not_found_and_by_the_inverse_it_is() -> None:
    assert "fra1" not in found("rtt<=99999") | found("rtt>0")
    assert "fra1" in found("!rtt>0")


def test_is_asks_for_facts() -> None:
    server_state = ROWS["fra1"]
    server_state.muted_until, server_state.maintenance = NOW + 60, "kernel week"
    try:
        assert found("is:muted") == found("is:maintenance") == {"fra1"}
        assert found("is:muted", FilterContext(NOW + 61)) == set()
    finally:
        server_state.muted_until = server_state.maintenance = None
    assert found("is:marked") == {"ams1", "lab"}
    assert found("is:paused") == {"lab"}
    assert found("is:acknowledged") == found("is:flapping") == set()


def test_an_acknowledged_incident_and_a_flapping_server_are_facts() -> None:
    fleet_state = bad_night().fleet_state
    fleet_state.acknowledge("fra1", NOW, "anna")
    for _ in range(12):
        record(fleet_state, "ams1", Verdict.SILENT, None)
        record(fleet_state, "ams1", Verdict.HEALTHY, 0.01)
    for line, name in (("is:ack", "fra1"), ("is:flap", "ams1"), ("flapping", "ams1")):
        chosen = parse_filter(line)
        assert [
            each
            for each, server_state in fleet_state.states.items()
            if chosen.matches(server_state, FilterContext(NOW))
        ] == [name]


@pytest.mark.parametrize("line", ["rtt>", "rtt>x", "loss>5ms", "since<1", "uptime<%", "!since>2y", "@onc"])
def test_a_comparison_that_is_not_whole_does_not_count_yet(line: str) -> None:
    chosen = parse_filter(line, SAVED)
    assert not chosen
    assert chosen.unfinished == (line,)
    assert found(line) == set(ROWS)


def test_a_saved_filter_stands_for_its_terms_and_can_be_inverted() -> None:
    assert found("@oncall") == {"fra1", "mad1"}
    assert found("@ONCALL tag:edge") == {"fra1"}
    assert found("!@oncall") == set(ROWS) - {"fra1", "mad1"}
    assert parse_filter("@nobody", SAVED).rejected == (
        RejectedWord("@nobody", 'unknown saved filter "@nobody"; possible: @oncall, @slow'),
    )


def test_a_lonely_exclamation_mark_in_front_inverts_the_whole() -> None:
    assert found("! tag:eu state:down") == set(ROWS) - {"fra1", "mad1"}


WORDS = st.sampled_from(
    ["!", "!!fra", "tag:eu", "!state:down", "rtt>20", "!loss<5%", "is:marked", "since<1", "@oncall", "state:"]
)


@given(st.lists(WORDS, min_size=1, max_size=4).map(" ".join))
def test_the_inverse_of_a_line_shows_exactly_the_rest(line: str) -> None:
    if parse_filter(line, SAVED):
        assert found(invert_filter(line)) == set(ROWS) - found(line)
        assert found(invert_filter(invert_filter(line))) == found(line)


@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [*KEYS, *NUMERIC_KEYS, ":", "!", " ", "eu", "down", "İ", "<", ">=", "9.", "٣", "%", "@oncall"]
        )
    ).map("".join)
)
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
        ("is:ma", "is:maintenance"),
        ("r", "rtt>"),
        ("!upt", "!uptime<"),
        ("state:up @s", "state:up @slow"),
        ("state:up|deg", "state:up|degraded"),
        ("name:f", None),
        ("verdict:", "verdict:healthy"),
        ("tag:", "tag:edge"),
        ("e", "endpoint:"),
        ("ed", "edge"),
        ("fra|ed", "fra|edge"),
        ("@", "@slow"),
        ("state:down", None),
        ("fra1 ", None),
        ("", None),
    ],
)
def test_a_word_is_carried_on_to_the_first_that_it_begins(line: str, whole: str | None) -> None:
    assert complete_filter(line, FilterWords(("edge", "eu"), ("Slow",))) == whole


def test_the_names_of_servers_are_completed() -> None:
    assert complete_filter("name:fr", FilterWords(names=("Fra1", "ams1"))) == "name:fra1"


def test_all_candidates_are_offered_in_order() -> None:
    assert list(completions("state:d", FilterWords())) == ["degraded", "down"]
    assert not completions("state:down", FilterWords())


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_can_be_completed(verdict: Verdict) -> None:
    assert complete_filter(f"verdict:{verdict.slug[:-1]}", FilterWords()) == f"verdict:{verdict.slug}"


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_can_be_completed(fact: str) -> None:
    assert complete_filter(f"is:{fact[:-1]}", FilterWords()) == f"is:{fact}"


@given(st.text() | st.sampled_from(KEYS).map("{}:".format))
def test_completing_keeps_what_was_typed(line: str) -> None:
    whole = complete_filter(line, FilterWords(("eu", "Zürich")))
    assert whole is None or (whole.startswith(line) and len(whole) > len(line))


# From several places


def from_there(line: str) -> set[str]:
    lookout = Lookout()
    lookout.record_from_all(Verdict.HEALTHY)
    lookout.record("nyc", Verdict.SILENT)
    fleet_state = lookout.fleet_state
    return {
        name
        for name, server_state in fleet_state.states.items()
        if parse_filter(line).matches(server_state, BESIDE)
    }


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ("vantage:nyc", True),
        ("vantage:LOCAL", True),
        ("vantage:oslo", False),
        ("downfrom:ny", True),
        ("downfrom:local", False),
        ("downfrom:nyc !downfrom:fra verdict:regional", True),
    ],
)
def test_a_server_is_found_by_who_watches_it_and_from_where_it_is_down(line: str, holds: bool) -> None:
    assert bool(from_there(line)) is holds


def test_a_server_that_only_we_watch_is_down_from_here() -> None:
    assert found("downfrom:here") == {"fra1", "mad1"}
    assert found("vantage:nyc") == set()


def test_vantages_are_completed() -> None:
    known = FilterWords(vantages=("local", "NYC"))
    assert complete_filter("downfrom:n", known) == "downfrom:nyc"
    assert complete_filter("down", known) == "downfrom:"
    assert complete_filter("vantage:l", known) == "vantage:local"
