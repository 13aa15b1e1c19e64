"""Deliveries about an incident as lines of its report: when, to which sink, with which result."""

from __future__ import annotations

from collections.abc import Iterable

from wgmon_tui.alerts.delivery_log import Delivery, DeliveryState
from wgmon_tui.alerts.rendering import title
from wgmon_tui.output.incident_report import ReportedDelivery
from wgmon_tui.text import format_count, format_utc_time


def notifications_of(deliveries: Iterable[Delivery]) -> tuple[ReportedDelivery, ...]:
    """The deliveries in their order, for a report."""
    return tuple(
        ReportedDelivery(
            each.at,
            each.sink,
            _result(each),
            title(each.announcement),
            each.reason if each.state is not DeliveryState.SENT else "",
        )
        for each in deliveries
    )


def _result(delivery: Delivery) -> str:
    done = format_utc_time(delivery.done_at or delivery.at)
    match delivery.state:
        case DeliveryState.SENT:
            return f"delivered {done}"
        case DeliveryState.GIVEN_UP:
            return f"failed, given up {done}"
        case DeliveryState.HELD:
            return "not sent"
        case _ if delivery.is_failing:
            return f"{format_count(delivery.attempts, 'attempt')} failed, another one follows"
        case _:
            return "not sent yet"
