"""`wgmon-tui alert`: test messages sent directly and through the writer, and the delivery log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.daemon.harness import quick_server, until, write_config
from tests.daemon.test_alerting import running
from wgmon_tui.cli.alert_run import EXIT_NOT_DELIVERED, print_log, send_test
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.store.store_version import STORE

SINKS = """
[[sink]]
name = "file"
type = "command"
command = ["sh", "-c", "cat > told"]

[[sink]]
name = "broken"
type = "command"
command = ["false"]

[[sink]]
name = "locked"
type = "slack"
url_file = "there-is-none"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "config"
    write_config(found, quick_server("ams1"))
    (found / "config.toml").write_text(SINKS)
    return found


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_without_a_writer_a_test_is_sent_from_here(
    config: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send_test(config, state, "file") == 0
    assert capsys.readouterr().out.startswith("file: sent in ")
    assert json.loads(Path("told").read_text())["kind"] == "test"


def test_a_test_that_does_not_arrive_says_why(
    config: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send_test(config, state, "broken") == EXIT_NOT_DELIVERED
    assert 'wgmon-tui: broken: "false" ended with exit code 1' in capsys.readouterr().err


def test_a_sink_that_is_not_there_is_an_error_with_what_was_meant(config: Path, state: Path) -> None:
    with pytest.raises(ConfigurationError, match='no sink "fil"; did you mean "file"'):
        send_test(config, state, "fil")


def test_a_secret_that_cannot_be_read_is_an_error_with_its_place(config: Path, state: Path) -> None:
    with pytest.raises(ConfigurationError, match=r'config\.toml: sink "locked": key url_file'):
        send_test(config, state, "locked")


async def test_where_somebody_writes_the_test_goes_out_by_him_and_into_the_log(
    config: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = build_writer(state, load_config(config), WriterLock.acquire(state), config_dir=config)
    async with running(writer):
        await until(lambda: (state / "control.sock").exists())
        assert await asyncio.to_thread(send_test, config, state, "file") == 0
        assert await asyncio.to_thread(send_test, config, state, "broken") == EXIT_NOT_DELIVERED
        assert "the writer retries at" in capsys.readouterr().err
        print_log(state, 10, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    logged = [each for each in lines if each["kind"] == "test"]  # the server may be down by now
    assert [(each["sink"], each["state"]) for each in logged] == [("broken", "pending"), ("file", "sent")]
    assert logged[0]["reason"].startswith('"false" ended with exit code 1')


def test_the_log_has_a_line_a_delivery_the_latest_first(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harness = OutboxHarness(state, all_to("pager"))
    harness.opens("fra1")
    harness.expand()
    harness.deliver(refused="HTTP 503")
    harness.close()
    print_log(state, 10, as_json=False)
    [line] = capsys.readouterr().out.splitlines()
    assert " ".join(line.split()).endswith("failing pager ✖ fra1 is down: silent (HTTP 503)")


def test_before_anything_was_sent_the_log_says_so(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_log(state, 10, as_json=False)
    assert capsys.readouterr().out == "No deliveries yet.\n"
    print_log(state, 10, as_json=True)
    assert capsys.readouterr().out == ""


def test_the_log_of_an_empty_file_is_refused_in_one_line(state: Path) -> None:
    state.mkdir(exist_ok=True)
    (state / STORE).touch()
    with pytest.raises(ConfigurationError, match="holds no history of wgmon-tui"):
        print_log(state, 10, as_json=False)
