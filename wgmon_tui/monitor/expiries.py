"""What a round knows of the ends of certificates and keys, and which of those known before still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.monitor.carried_evidence import has_seen_all_ends
from wgmon_tui.monitor.models import Round

SUBSCRIPTION = "subscription"
"""`Expires.what` of a subscription. Each round has those that are followed: see subscription_ends.py."""


def expiries_of(outcome: Round) -> tuple[Expires, ...]:
    """The ends that a round knows, each once: those of all addresses, the first to end first.

    Of things with the same name, the first to end counts: one address may still have the old certificate.
    """
    found = {each for check in outcome.checks for each in check.evidence if isinstance(each, Expires)}
    if not found:
        return ()
    first: dict[tuple[str, str], Expires] = {}
    for expires in _in_order(found):
        first.setdefault((expires.what, expires.name), expires)
    return tuple(first.values())


def expiries_after(known: Sequence[Expires], outcome: Round) -> tuple[Expires, ...]:
    """The ends that hold after a round: those that it saw, and those of before that it did not look at.

    The first rounds after a start may know less than the history.
    """
    found = expiries_of(outcome)
    if not known or any(map(has_seen_all_ends, outcome.checks)):
        return found
    fresh = {SUBSCRIPTION, *(each.what for each in found)}
    kept = [each for each in known if each.what not in fresh]
    return _in_order({*found, *kept}) if kept else found


def without_subscriptions(expiries: Iterable[Expires]) -> tuple[Expires, ...]:
    """Those of a server itself."""
    return tuple(each for each in expiries if each.what != SUBSCRIPTION)


def _in_order(found: Iterable[Expires]) -> tuple[Expires, ...]:
    return tuple(sorted(found, key=lambda each: (each.at, each.what, each.name)))
