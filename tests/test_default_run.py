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
    "the first server": "test_three_fields_and_enter_add_the_server_with_a_new_identity",
    "a server form in an editor": "test_an_edit_that_can_stand_is_saved_with_its_comments",
    "adding by command": "test_a_server_that_answers_turns_green_with_exit_code_0",
    "servers by command": "test_a_running_writer_pauses_and_resumes_at_once",
    "completion in a shell": "test_tab_completes_at_a_prompt",
    "the check of configuration files": "test_the_check_tells_all_errors_of_both_files",
    "signals": "test_a_stop_signal_ends_it_with_its_code_and_leaves_nothing",
    "output that cannot be written": "test_output_that_cannot_be_written_is_one_line_and_exit_code_74",
    "an internal fault": "test_a_fault_anywhere_is_one_line_and_exit_code_70",
    "files of another account": "test_a_command_that_would_write_is_refused_with_the_command_to_type",
    "hostile agents": "test_the_work_for_all_agents_together_is_limited",
    "hostile members": "test_owner_and_root_are_answered_while_a_member_holds_all_connections_that_it_gets",
    "kills of the writer": (
        "test_kills_of_run_lose_nothing_that_was_acknowledged_no_alert_and_repeat_no_timestamp"
    ),
    "every stage of OpenVPN": "test_a_real_server_passes_every_stage",
    "a check of OpenVPN beside its users": "test_a_check_harms_no_user_who_is_connected",
    "every stage of IKEv2": "test_a_healthy_server_passes_every_stage",
    "each way to authenticate with IKEv2": "test_each_method_authenticates_both_sides_and_leaves_no_session",
    "failures of IKEv2": "test_the_verdict_is_right_and_agrees_with_a_real_client",
    "a check of IKEv2 beside a live user": "test_checks_with_a_dedicated_identity_do_not_touch_a_live_user",
    "an echo through ESP": "test_an_echo_comes_back_through_the_esp_of_strongswan",
    "an IKEv2 server without credentials": (
        "test_an_ike_server_is_asked_without_credentials_and_without_servers_toml"
    ),
    "imports of IKEv2 clients": "test_the_import_recognises_a_format_by_its_content",
    "an IKEv2 session in Wireshark": "test_wireshark_decrypts_a_session_with_the_keys_of_an_export",
    "the import of an OpenVPN profile": "test_a_profile_becomes_a_server_with_a_private_file",
    "data through OpenVPN": "test_echoes_pass_with_each_cipher",
    "the embedded OpenVPN server": "test_a_healthy_server_lets_in_and_answers_echoes",
    "failures of OpenVPN": "test_a_failure_of_openvpn_has_its_verdict",
    "other systems": "test_what_differs_between_systems_works_there",
    "a real terminal": "test_it_starts_hears_keys_and_leaves_the_terminal_clean",
    "every screen in a real terminal": "test_every_screen_at_this_size",
    "a proxy that works": "test_a_right_link_is_healthy",
    "a proxy that a web site stands for": "test_a_web_site_that_answers_like_the_page_is_never_green",
    "pictures of the screens": "test_a_screen",
    "looks": "test_a_screen_in_every_look",
    "a theme while screens are open": "test_a_theme_that_is_put_on_meanwhile_reaches_every_word",
    "settings on the screen": "test_a_theme_applies_at_once_and_is_remembered",
    "keys that are refused": "test_every_key_has_an_effect_or_says_why_not",
    "a read-only dashboard": "test_a_key_that_changes_something_is_refused_in_one_line",
    "search in the help": "test_typing_narrows_the_help_to_what_has_all_words",
    "the filter": "test_the_filter_works_while_it_is_typed_and_enter_keeps_it",
    "sorting": "test_s_offers_every_column_and_sorts_by_the_chosen_one",
    "groups by tag": "test_z_groups_by_tag_with_totals_and_z_again_does_not",
    "marks": "test_what_is_done_is_done_to_the_marked_and_says_so",
    "the preview": "test_the_pane_shows_the_server_under_the_cursor",
    "muting": "test_m_asks_until_when_and_the_row_shows_it",
    "the mouse": "test_a_click_selects_and_a_double_click_opens",
    "comparing packets": "test_c_compares_with_the_last_good_exchange_and_back",
    "the history tab": "test_the_tab_shows_figures_hours_incidents_and_failed_checks",
    "packets of the past": "test_enter_on_a_failed_check_opens_its_packets_beside_the_last_good_ones",
    "views of other vantages": "test_the_tab_has_verdict_times_key_and_packets_of_each",
    "tracing the path": "test_the_hops_and_the_end_of_the_path_are_shown",
    "tailscaled on this machine": "test_its_peers_and_warnings_are_reported_without_a_token",
    "the relays of a mesh": "test_a_control_plane_whose_relays_work_is_healthy_with_the_stage_passed",
    "the client of a mesh": "test_a_ping_through_wireguard_alone_is_a_check",
    "releases of headscale": "test_each_release_of_headscale_is_read_without_drift",
    "the end of a subscription": "test_the_first_server_of_a_subscription_has_its_end_and_no_other_one",
    "the list of incidents": "test_the_open_ones_stand_on_top_then_the_newest",
    "an incident": "test_the_verdicts_stand_in_their_order_with_their_times",
    "acknowledging": "test_a_acknowledges_the_open_incident_with_a_note",
    "the log of alerts": "test_what_was_sent_and_what_failed_stand_there_with_the_reason",
    "explaining a verdict": "test_x_explains_the_verdict_under_the_cursor_and_every_column_that_is_shown",
    "copying a report": "test_y_on_the_fleet_copies_the_report_and_shift_y_its_markdown",
    "share links": "test_a_clash_file_becomes_servers_with_a_secret_file_each",
    "subscriptions": "test_a_list_is_applied_by_its_rule",
    "proxies through a program": "test_a_page_through_the_program_is_healthy_and_nothing_is_left",
    "copying a command": "test_the_command_is_copied_alone_and_the_notice_says_where_to_type_it",
    "files from the screen": "test_the_fleet_is_written_as_it_is_filtered_and_sorted",
    "commands of the operator": "test_output_in_the_background_is_shown_with_the_exit_code",
    "quitting": "test_ctrl_c_quits_from_every_screen",
    "stopping with Ctrl+Z": "test_after_fg_everything_is_drawn_again",
    "one prober for an identity": ("test_probe_beside_run_is_healthy_and_so_is_every_check_of_the_writer"),
    "a damaged state directory": "test_run_starts_on_a_damaged_state_directory_or_prints_one_line",
    "a store that is damaged": (
        "test_a_store_that_is_damaged_while_it_is_written_is_set_aside_and_work_goes_on"
    ),
    "a store of an earlier version": "test_a_store_of_an_earlier_version_is_as_one_that_was_made_now",
    "a kill during a migration": "test_a_kill_during_the_migration_leaves_the_old_or_the_new_store",
    "an upgrade under systemd": "test_an_upgrade_of_the_history_keeps_systemd_waiting",
    "alerts without the store": "test_what_opens_while_the_store_is_locked_is_told_at_once_and_once",
    "figures of another vantage": "test_each_vantage_has_its_own_percentiles_loss_and_uptime",
    "a fleet that appears while it is read": "test_servers_of_a_long_file_appear_while_it_is_read",
    "stages": "test_a_healthy_server_of_a_name_passes_every_stage",
    "AmneziaWG": "test_a_server_of_each_version_is_healthy",
    "AmneziaWG by another program": "test_a_server_with_header_protection_and_trailers_is_healthy",
    "a fetch through the tunnel": "test_a_whole_answer_is_healthy_and_tells_its_phases",
    "the system's own path": "test_a_host_that_answers_everything_is_healthy",
    "a protocol of one's own": "test_the_engine_checks_and_stores_it",
    "nodes that a rule selects": (
        "test_selected_nodes_become_servers_with_the_first_report_and_are_not_in_the_file"
    ),
    "the list of nodes": "test_each_node_has_what_its_control_plane_says_beside_what_is_true",
}
"""Of each feature, one test that the default run makes. A test that is renamed is renamed here too."""

THOROUGH_ALONE = {
    "test_sdist.py",  # builds the distribution
    "test_hostile_agent.py",  # a writer, its agents and a member of its group as processes
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
