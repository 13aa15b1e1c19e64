"""Evidence that stays valid for more than one check: results of deep checks and of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    InnerHop,
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
    """Select the earlier evidence that still holds after a check and that the check did not collect again.

    A completed handshake disproves every explanation of silence. Data that came back through the tunnel
    disproves what was found about the data path while no data came back. A refusal or a local fault is not
    silence, so it needs no earlier evidence.
    """
    fresh_kinds = {type(each) for each in check.evidence}
    passed = (check.tunnel is not None and check.tunnel.received > 0) or any(
        isinstance(each, InnerHop) and each.source for each in check.evidence
    )
    kept: tuple[type[Evidence], ...] = ()
    if check.handshake:
        kept = _OF_THE_DATA_PATH
    elif Silence in fresh_kinds:
        kept = _OF_SILENCE
    return tuple(
        each
        for each in before
        if isinstance(each, kept)
        and type(each) not in fresh_kinds
        and not (passed and isinstance(each, PassiveKeepalive))
    )


def without_experiments(
    carried: Mapping[Address | None, Sequence[Evidence]],
) -> dict[Address | None, tuple[Evidence, ...]]:
    """Drop experiment results from carried evidence, before rerunning the experiments.

    Otherwise an old finding would stay for ever, even when the experiment finds nothing any more.
    """
    return {
        address: tuple(each for each in evidence if not isinstance(each, _OF_SILENCE))
        for address, evidence in carried.items()
    }


def carried_after(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """Return the evidence to carry over once a check has finished.

    Packet sizes are tested only by deep checks, so their result outlives a failed check in between. Otherwise
    a server with a narrow path would be healthy from its recovery until the next deep check.
    """
    fresh = [each for each in check.evidence if isinstance(each, (*_OF_THE_DATA_PATH, *_OF_SILENCE))]
    kept = still_valid(before, check)
    sizes = [each for each in before if isinstance(each, PathMtu) and not check.handshake]
    return (*sizes, *kept, *fresh)
