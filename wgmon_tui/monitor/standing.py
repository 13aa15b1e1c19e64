"""Evidence that stands longer than one check: from what is looked at now and then, and from experiments."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.probe.records import (
    Check,
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    KnownKeyAnswered,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    StampsAhead,
)

_OF_THE_DATA_PATH = (PassiveKeepalive, PathMtu)
_OF_SILENCE = (
    KnownKeyAnswered,
    IdentityAnswered,
    PresharedKeyFound,
    FreshPortAnswered,
    StampsAhead,
)


def still_standing(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """What of the earlier evidence holds beside a check: what it has not looked at anew.

    A completed handshake refutes what explained silence, and data that came back what was found of the data
    path in its absence.
    """
    anew = {type(each) for each in check.evidence}
    answered = check.handshake is not None
    passed = check.tunnel is not None and check.tunnel.received > 0
    kept = _OF_THE_DATA_PATH if answered else _OF_SILENCE
    return tuple(
        each
        for each in before
        if isinstance(each, kept)
        and type(each) not in anew
        and not (passed and isinstance(each, PassiveKeepalive))
    )


def standing_after(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """What stands when a check is over."""
    fresh = (each for each in check.evidence if isinstance(each, (*_OF_THE_DATA_PATH, *_OF_SILENCE)))
    return (*still_standing(before, check), *fresh)
