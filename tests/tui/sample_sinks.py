"""An engine with sinks, and deliveries to them that failed, were given up, or were held back."""

from __future__ import annotations

from tests.alerts.outbox_harness import OutboxHarness
from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW, QuietEngine
from tests.tui.sample_histories import MINUTE
from tests.tui.server_screen_harness import NAMES
from wgmon_tui.alerts.delivery_queue import DueDelivery
from wgmon_tui.alerts.models import Announcement, AnnouncementKind


class EngineWithSinks(QuietEngine):
    """An engine with sinks that records the requests to send."""

    def __init__(self, *sinks: str) -> None:
        super().__init__(sample_exchanges.server(name) for name in NAMES)
        self.named = sinks
        self.tested: list[str] = []
        self.retried: list[int] = []
        self.seen: list[tuple[str, int]] = []

    @property
    def sinks(self) -> tuple[str, ...]:
        return self.named

    def test_sink(self, name: str) -> None:
        self.tested.append(name)

    def retry_alert(self, number: int) -> None:
        self.retried.append(number)

    def acknowledge_alerts(self, sink: str, number: int = 0) -> None:
        self.seen.append((sink, number))


def fails_on_chat(harness: OutboxHarness) -> None:
    """An alert for fra1: sent to `pager`, refused by `chat`."""
    harness.opens("fra1")
    harness.expand()
    harness.deliver(to=["pager"])
    harness.deliver(to=["chat"], refused="HTTP 503")


def gives_up(harness: OutboxHarness, sink: str) -> None:
    """A test to `sink` that is given up."""
    now = harness.clock.now
    harness.deliveries.add(Announcement("test-1", AnnouncementKind.TEST, now), [sink], now)
    job = harness.deliveries.lease_next(harness.alerts.sinks[1], now)
    assert isinstance(job, DueDelivery)
    harness.deliveries.give_up(job, "HTTP 400: no such channel", now)


def holds_back(harness: OutboxHarness) -> None:
    """lon3 is down and muted by ada."""
    harness.opens("lon3", "192.0.2.3")
    harness.mutes("lon3", NOW + 60 * MINUTE)
    harness.expand()
