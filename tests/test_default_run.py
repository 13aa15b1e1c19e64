"""`make test` tries every feature: a developer who breaks one sees it without the thorough run."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

FEATURES = {
    "a server form that saves": "test_a_new_server_is_written_to_servers_toml",
    "a server form that refuses": "test_a_save_is_refused_with_the_cursor_on_the_first_bad_field",
    "a secret in a form": "test_a_preshared_key_is_typed_out_of_sight_and_goes_to_a_file",
    "an identity form": "test_a_new_identity_comes_with_its_key_file_and_its_stanza",
    "deleting and undoing": "test_d_asks_and_u_brings_the_server_back_where_it_stood",
    "the plot of round-trip times": "test_the_plot_shows_the_last_hour_at_every_size",
    "the fields of a packet": "test_the_panel_explains_the_field_under_the_cursor",
    "asking the server": "test_i_asks_the_server_and_shows_what_it_says_above_the_diagnosis",
    "remapped keys": "test_a_chosen_key_works_and_the_one_before_does_not",
    "an import on the screen": "test_a_path_shows_what_it_would_add_and_enter_adds_it",
    "an import by command": "test_an_imported_file_can_be_probed_by_name",
    "a viewer that follows a writer": "test_a_change_is_on_the_viewers_board_within_a_second",
    "the second to start is a viewer": "test_who_comes_first_writes_and_who_comes_second_looks",
    "`run` as a process": "test_sigint_ends_it_with_0_and_the_history_is_whole",
    "`run` under systemd": "test_systemd_is_told_of_the_start_a_reload_its_health_and_the_end",
    "shards": "test_two_runners_check_each_server_once_and_say_which_part_is_theirs",
    "an agent that checks": "test_servers_are_checked_from_there_with_the_identity_that_is_there",
    "an agent's report on the board": (
        "test_vantages_come_and_go_with_config_toml_and_viewers_see_how_they_are"
    ),
    "an alert from verdict to sink": "test_a_server_that_fails_is_told_and_its_recovery_too",
    "the library": "test_check_is_for_programs_without_an_event_loop",
    "the Nagios plugin": "test_the_plugin_prints_one_status_line",
    "an export by command": "test_checks_are_lines_on_the_standard_output",
    "the metrics endpoint": "test_a_scrape_tells_of_every_server_and_of_ourselves",
    "the doctor": "test_the_doctor_tells_the_worst_in_its_exit_code_and_what_to_type",
    "a store that is damaged": (
        "test_a_store_that_is_damaged_while_it_is_written_is_set_aside_and_work_goes_on"
    ),
}
"""Of each feature, one test that the default run makes. A test that is renamed is renamed here too."""

THOROUGH_ALONE = {
    "test_sdist.py",  # builds the distribution
    "test_sizes.py",  # whole screens, drawn at every size
    "test_incident_sequences.py",  # a state machine, which hypothesis makes a test
}
"""Files without a test in the default run. Those of tests/real depend on what is installed."""

_TEST = re.compile(r"^((?:@.*\n(?:[ )\]].*\n)*)*)(?:async )?def (test_\w+)\(", re.MULTILINE)


@cache
def default_tests() -> dict[str, frozenset[str]]:
    """The tests of each file that are not marked as thorough, some of their parameters at least."""
    return {str(path.relative_to(HERE)): _default(path.read_text()) for path in HERE.rglob("test_*.py")}


def _default(text: str) -> frozenset[str]:
    if re.search(r"^pytestmark = .*thorough", text, re.MULTILINE):
        return frozenset()
    return frozenset(
        name for marks, name in _TEST.findall(text) if not re.search(r"^@pytest\.mark\.thorough", marks, re.M)
    )


@pytest.mark.parametrize("feature", FEATURES)
def test_the_default_run_tries(feature: str) -> None:
    assert any(FEATURES[feature] in tests for tests in default_tests().values())


def test_every_file_of_tests_has_a_part_in_the_default_run() -> None:
    without = {Path(name) for name, tests in default_tests().items() if not tests}
    assert {path.name for path in without if path.parts[0] != "real"} <= THOROUGH_ALONE
