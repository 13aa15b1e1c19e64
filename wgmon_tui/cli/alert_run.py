"""Run `wgmon-tui alert`: send a test message and wait for its result; print the delivery log."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

from wgmon_tui.alerts.delivery_log import Delivery, DeliveryState, deliveries
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import safe, title
from wgmon_tui.alerts.resolved_sinks import resolve_sinks
from wgmon_tui.alerts.sinks import sender
from wgmon_tui.cli.commands_to_type import command_in
from wgmon_tui.cli.progress import progress_line
from wgmon_tui.config.alerting import Sink
from wgmon_tui.config.config_toml import NAME, read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.output.json_lines import one_line
from wgmon_tui.shutdown import shutdown
from wgmon_tui.store.database import StoreUnavailableError
from wgmon_tui.store.store_version import STORE
from wgmon_tui.text import did_you_mean, format_iso_time, format_local_time, format_rtt, quoted

EXIT_NOT_DELIVERED = 1

_POLL_INTERVAL_S = 0.1
_EXTRA_WAIT_S = 5.0


def send_test(config_dir: Path, state_dir: Path, name: str) -> int:
    """Send a test message to a sink. Returns the exit code: 0 if delivered.

    The writer sends it; without a writer, this process does. Raises ConfigurationError.
    """
    sink = _find_sink(config_dir, name)
    started = time.monotonic()
    try:
        with progress_line("alert test") as progress:
            progress.show(f"sending to {name}")
            failed = _send(config_dir, state_dir, sink)
    except (AccessDeniedError, RequestRefusedError, StoreUnavailableError) as error:
        raise ConfigurationError(f"alert test: {error}") from None
    if failed:
        print(f"wgmon-tui: {name}: {safe(failed)}", file=sys.stderr)
        return EXIT_NOT_DELIVERED
    print(f"{name}: sent in {format_rtt(time.monotonic() - started)}")
    return 0


def _send(config_dir: Path, state_dir: Path, sink: Sink) -> str:
    """Return why it did not arrive; "" if it did. Raises what `_send_through_writer` raises."""
    try:
        return shutdown.run(_send_through_writer(state_dir, sink))
    except NoWriterError:
        return _send_directly(config_dir, sink)


def print_log(state_dir: Path, most: int, as_json: bool) -> int:
    """Print the delivery log, newest first. Raises ConfigurationError."""
    try:
        found = deliveries(state_dir, most) if (state_dir / STORE).exists() else []
    except StoreUnavailableError as error:
        raise ConfigurationError(str(error)) from None
    for each in found:
        print(_json_line(each) if as_json else _text_line(each))
    if not found and not as_json:
        print("No deliveries yet.")
    return 0


def _find_sink(config_dir: Path, name: str) -> Sink:
    alerts = read_config(config_dir).alerts
    sink = alerts.sink(name)
    if sink is None:
        names = [each.name for each in alerts.sinks]
        known = f"known sinks: {', '.join(names)}" if names else "there are no [[sink]] entries"
        hint = did_you_mean(name, names) or known
        raise ConfigurationError(f"{NAME}: no sink {quoted(name)}; {hint}")
    return sink


async def _send_through_writer(state_dir: Path, sink: Sink) -> str:
    """Return why it did not arrive; "" if it did.

    Raises what `ControlConnection` raises, and StoreUnavailableError.
    """
    connection = await ControlConnection.connect(state_dir)
    try:
        before = max((each.id for each in _list_deliveries(state_dir, sink)), default=0)
        await connection.ask(Operation.TEST_SINK, [sink.name])
    except TimeoutError:
        return "the writer does not answer"
    finally:
        await connection.close()
    deadline = time.monotonic() + sink.timeout + _EXTRA_WAIT_S
    while time.monotonic() < deadline:
        for each in _list_deliveries(state_dir, sink):
            if each.id > before and each.announcement.kind is AnnouncementKind.TEST:
                if each.state is DeliveryState.SENT:
                    return ""
                if each.is_failing or each.state is DeliveryState.GIVEN_UP:
                    return _failure_reason(each)
        await asyncio.sleep(_POLL_INTERVAL_S)
    log = command_in(None, state_dir, "alert", "log")
    return f"the writer has not sent it yet; for the result, type `{log}`"


def _list_deliveries(state_dir: Path, sink: Sink) -> list[Delivery]:
    return deliveries(state_dir, 20, sink.name)


def _failure_reason(delivery: Delivery) -> str:
    if delivery.state is DeliveryState.GIVEN_UP:
        return delivery.reason
    return f"{delivery.reason}; the writer retries at {format_local_time(delivery.due_at, zone=True)}"


def _send_directly(config_dir: Path, sink: Sink) -> str:
    """Return why it did not arrive; "" if it did. Raises ConfigurationError for an unreadable secret."""
    alerts = replace(read_config(config_dir).alerts, sinks=(sink,))
    resolved = resolve_sinks(alerts, config_dir)
    for problem in resolved.problems.values():
        raise ConfigurationError(problem)
    test = Announcement(f"test-{token_hex(4)}", AnnouncementKind.TEST, time.time())
    try:
        sender(sink.type)(sink, test, resolved.secrets[sink.name])
    except (RetryError, GiveUpError) as error:
        return error.reason
    return ""


def _text_line(delivery: Delivery) -> str:
    announcement = delivery.announcement
    what = "a test" if announcement.kind is AnnouncementKind.TEST else title(announcement)
    columns = [
        format_local_time(delivery.at, zone=True),
        f"{_state_word(delivery):<10}",
        f"{delivery.sink:<12}",
        what,
    ]
    if delivery.reason and delivery.state is not DeliveryState.SENT:
        columns.append(f"({safe(delivery.reason)})")
    if delivery.seen_at is not None:
        columns.append(f"seen by {safe(delivery.seen_by)} {format_local_time(delivery.seen_at, zone=True)}")
    if delivery.is_failing and delivery.due_at > time.time():
        columns.append(f"next attempt {format_local_time(delivery.due_at, zone=True)}")
    return "  ".join(columns)


def _state_word(delivery: Delivery) -> str:
    return "failing" if delivery.is_failing else delivery.state.value


def _json_line(delivery: Delivery) -> str:
    announcement = delivery.announcement
    is_pending = delivery.state is DeliveryState.PENDING
    return one_line(
        {
            "number": delivery.id,
            "id": announcement.id,
            "sink": delivery.sink,
            "state": delivery.state.value,
            "kind": announcement.kind.value,
            "title": title(announcement),
            "servers": list(announcement.servers),
            "at": format_iso_time(delivery.at),
            "attempts": delivery.attempts,
            "reason": safe(delivery.reason) or None,
            "due_at": format_iso_time(delivery.due_at) if is_pending else None,
            "done_at": None if delivery.done_at is None else format_iso_time(delivery.done_at),
            "seen_at": None if delivery.seen_at is None else format_iso_time(delivery.seen_at),
            "seen_by": safe(delivery.seen_by) or None,
        }
    )
