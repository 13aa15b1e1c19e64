"""Secrets of sinks: read once, never shown, with one-line problems."""

from __future__ import annotations

from pathlib import Path

from wgmon_tui.alerts.resolved_sinks import resolve_sinks
from wgmon_tui.config.config_sections import parse_config


def sink(form: str) -> str:
    return f'[[sink]]\nname = "pager"\ntype = "webhook"\n{form}\n'


def test_a_secret_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    file = tmp_path / "pager.url"
    file.touch(0o600)
    file.write_text("https://example.net/hook\n")
    orders = resolve_sinks(parse_config(sink('url_file = "pager.url"')).alerts, tmp_path)
    assert orders.secrets == {"pager": {"url": "https://example.net/hook"}}
    assert "example.net" not in repr(orders)


def test_a_secret_that_is_not_there_is_a_problem_of_its_sink_alone(tmp_path: Path) -> None:
    text = sink('url_file = "pager.url"') + '[[sink]]\nname = "chat"\ntype = "slack"\nurl = "https://a.b/c"'
    orders = resolve_sinks(parse_config(text).alerts, tmp_path)
    assert list(orders.problems) == ["pager"]
    assert orders.problems["pager"].startswith('config.toml: sink "pager": key url_file: ')
    assert orders.secrets["chat"] == {"url": "https://a.b/c"}


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pager.url"
    file.write_text("https://example.net/hook")
    file.chmod(0o644)
    problem = resolve_sinks(parse_config(sink('url_file = "pager.url"')).alerts, tmp_path).problems["pager"]
    assert "chmod" in problem
    assert "example.net" not in problem


def test_what_a_command_printed_is_not_asked_for_again(tmp_path: Path) -> None:
    text = sink('url_command = ["sh", "-c", "echo x >> ran; echo https://example.net"]')
    first = resolve_sinks(parse_config(text).alerts, tmp_path)
    second = resolve_sinks(parse_config(text).alerts, tmp_path, first)
    assert second.secrets == {"pager": {"url": "https://example.net"}}
    assert (tmp_path / "ran").read_text() == "x\n"


def test_a_secret_that_was_read_before_stays_in_use_and_a_line_says_so(tmp_path: Path) -> None:
    file = tmp_path / "pager.url"
    file.touch(0o600)
    file.write_text("https://example.net/hook\n")
    alerts = parse_config(sink('url_file = "pager.url"')).alerts
    first = resolve_sinks(alerts, tmp_path)
    file.unlink()
    second = resolve_sinks(alerts, tmp_path, first)
    assert (second.secrets, second.problems) == (first.secrets, {})
    [line] = second.kept
    assert line.startswith('config.toml: sink "pager": key url_file: there is no file ')
    assert line.endswith("; the last good secret stays in use")
