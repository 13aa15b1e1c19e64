"""Evidence that stands longer than one check: from what is looked at now and then, and from experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    KnownKeyAnswered,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    Silence,
    StampsAhead,
)
from wgmon_tui.net.addresses import Address

_OF_THE_DATA_PATH = (PassiveKeepalive, PathMtu)
_OF_SILENCE = (
    KnownKeyAnswered,
    IdentityAnswered,
    PresharedKeyFound,
    FreshPortAnswered,
    StampsAhead,
)


def still_valid(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """What of the earlier evidence holds beside a check: what it has not looked at anew.

    A completed handshake refutes what explained silence, and data that came back what was found of the data
    path in its absence. A refusal, or a fault of our own, is no silence and speaks for itself.
    """
    anew = {type(each) for each in check.evidence}
    passed = check.tunnel is not None and check.tunnel.received > 0
    kept: tuple[type[Evidence], ...] = ()
    if check.handshake:
        kept = _OF_THE_DATA_PATH
    elif Silence in anew:
        kept = _OF_SILENCE
    return tuple(
        each
        for each in before
        if isinstance(each, kept)
        and type(each) not in anew
        and not (passed and isinstance(each, PassiveKeepalive))
    )


def without_experiments(
    standing: Mapping[Address | None, Sequence[Evidence]],
) -> dict[Address | None, tuple[Evidence, ...]]:
    """What stands without the findings of experiments: before they are made again, or what they once found
    would hide for ever that they find nothing any more.
    """
    return {
        address: tuple(each for each in evidence if not isinstance(each, _OF_SILENCE))
        for address, evidence in standing.items()
    }


def carried_after(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """What stands when a check is over."""
    fresh = (each for each in check.evidence if isinstance(each, (*_OF_THE_DATA_PATH, *_OF_SILENCE)))
    return (*still_valid(before, check), *fresh)
