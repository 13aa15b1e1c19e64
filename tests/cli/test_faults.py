"""Internal faults: exit code 70, one line, and a report without secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.programs import reports, site_in, with_fault


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [
        ("wgmon_tui.cli.probe_output.format_result", "fault", ("probe", "--quick")),
        pytest.param(
            "wgmon_tui.cli.probe_run.read_witness",
            "thread_fault",
            ("probe", "--quick"),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            "wgmon_tui.cli.probe_run.read_witness",
            "task_fault",
            ("probe", "--quick"),
            marks=pytest.mark.thorough,
        ),
        ("wgmon_tui.doctor.run.check_prober", "async_fault", ("doctor",)),
        pytest.param(
            "wgmon_tui.monitor.fleet_state.FleetState.record", "fault", ("run",), marks=pytest.mark.thorough
        ),
        pytest.param(
            "wgmon_tui.monitor.fleet_state.FleetState.record",
            "thread_fault",
            ("run",),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            "wgmon_tui.monitor.fleet_state.FleetState.record", "fault", (), marks=pytest.mark.thorough
        ),
        pytest.param(
            "wgmon_tui.alerts.delivery_log.deliveries", "fault", ("alert", "log"), marks=pytest.mark.thorough
        ),
        ("wgmon_tui.cli.parser.parse_arguments", "fault", ("keygen", "here")),
        pytest.param("threading.Thread.start", "fault", ("run",), marks=pytest.mark.thorough),
    ],
)
def test_a_fault_anywhere_is_one_line_and_exit_code_70(
    tmp_path: Path, place: str, kind: str, words: tuple[str, ...]
) -> None:
    site = site_in(tmp_path)
    site.state.mkdir()
    (site.state / "history.db").touch()
    ran = with_fault(site, place, *words, kind=kind)
    lines = [line for line in ran.err.splitlines() if "internal fault" in line]
    assert ran.code == 70, ran.err
    assert len(lines) == 1
    assert "Traceback" not in ran.err + ran.out
    assert "hunter2" not in ran.err + ran.out


def test_the_report_is_private_and_has_places_but_no_values(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    site.state.mkdir()
    ran = with_fault(site, "wgmon_tui.cli.probe_output.format_result", "probe", "--quick")
    [report] = reports(site)
    assert str(report) in ran.err
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "RuntimeError: the fault with the token …" in text
    assert "wgmon_tui/cli/probe_output.py" in text
    assert "fra1" not in text


@pytest.mark.thorough
def test_a_plugin_reports_a_fault_as_unknown(tmp_path: Path) -> None:
    site = site_in(tmp_path)
    place = "wgmon_tui.output.nagios.nagios_line"
    ran = with_fault(site, place, "probe", "--quick", "--format", "nagios")
    assert (ran.code, ran.err) == (3, "")
    assert ran.out.startswith("WIREGUARD UNKNOWN - internal fault: RuntimeError in ")
