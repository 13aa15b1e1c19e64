"""Evidence that stays valid for more than one check: results of deep checks and of experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    Evidence,
    FlowCut,
    FreshPortAnswered,
    IcmpError,
    IdentityAnswered,
    InnerHop,
    KnownKeyAnswered,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    ProtocolEvidence,
    Silence,
    Soak,
    StampsAhead,
)
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.starvation import find_starvation
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.inner_packets import InnerIcmp

_OF_DEEP_CHECKS = (PathMtu, InnerFetch)
_OF_THE_DATA_PATH = (PassiveKeepalive, *_OF_DEEP_CHECKS)
_OF_THE_FLOW = (FlowCut, Soak)
_OF_SILENCE = (
    KnownKeyAnswered,
    IdentityAnswered,
    PresharedKeyFound,
    FreshPortAnswered,
    StampsAhead,
)
_CARRIED = (Expires, ProtocolEvidence, *_OF_THE_DATA_PATH, *_OF_THE_FLOW, *_OF_SILENCE)
"""All that a check may leave to later ones."""


def still_valid(before: Sequence[Evidence], check: Check) -> tuple[Evidence, ...]:
    """Select the earlier evidence that still holds after a check and that the check did not collect again.

    A completed handshake disproves every explanation of silence. Data that came back through the tunnel
    disproves what was found about the data path while no data came back. A refusal or a local fault is not
    silence, so it needs no earlier evidence. Only a soak that ran disproves what an earlier soak found.
    """
    if not before:  # those of most healthy servers
        return ()
    if _has_soaked(check):
        before = [each for each in before if not isinstance(each, _OF_THE_FLOW)]
    fresh_kinds = {_kind_of(each) for each in check.evidence}
    passed = (check.tunnel is not None and check.tunnel.received > 0) or any(
        isinstance(each, InnerIcmp) or (isinstance(each, InnerHop) and each.source) for each in check.evidence
    )
    kept: tuple[type[Evidence], ...] = ()
    is_silent = check.handshake is None and Silence in fresh_kinds and IcmpError not in fresh_kinds
    if check.handshake:
        kept = (*_OF_THE_DATA_PATH, *_OF_THE_FLOW)
    elif is_silent:
        kept = _OF_SILENCE
    lost_data = check.handshake is not None and not passed
    return tuple(
        each
        for each in before
        if (isinstance(each, kept) or _experiment_holds(each, is_silent=is_silent, lost_data=lost_data))
        and _kind_of(each) not in fresh_kinds
        and not (passed and isinstance(each, PassiveKeepalive))
    )


def without_experiments(
    carried: Mapping[Address | None, Sequence[Evidence]],
) -> dict[Address | None, tuple[Evidence, ...]]:
    """Drop experiment results from carried evidence, before rerunning the experiments.

    Otherwise an old finding would stay for ever, even when the experiment finds nothing any more.
    """
    return {
        address: tuple(each for each in evidence if not _is_experiment(each))
        for address, evidence in carried.items()
    }


def carried_after(
    before: Sequence[Evidence], check: Check, *, is_doubted: bool = False
) -> tuple[Evidence, ...]:
    """Return the evidence to carry over once a check has finished.

    Packet sizes are tested and URLs are fetched only by deep checks, so the results outlive a failed check in
    between. Otherwise a server with a narrow path would be healthy from its recovery until the next one.

    What a soak found stays until the next one, whatever happens between: a server whose path cuts flows off
    does not recover because it was silent for a while. A cut that an ordinary check finds asks for a soak.

    Of a check that waited for the processor only dates and a soak are carried over: what else it missed may
    have come. No soak is, where the diagnosis blames this machine for what failed (`is_doubted`).
    """
    if not before and not any(isinstance(each, _CARRIED) for each in check.evidence):
        return ()
    expiries = tuple(each for each in check.evidence if isinstance(each, Expires))  # see with_known_expiries
    soaked = _has_soaked(check) and not is_doubted
    of_the_flow = [each for each in (check.evidence if soaked else before) if isinstance(each, _OF_THE_FLOW)]
    if find_starvation(check.evidence):
        earlier = (each for each in before if not isinstance(each, (Expires, *_OF_THE_FLOW)))
        return (*earlier, *of_the_flow, *expiries)
    deep = [each for each in before if isinstance(each, _OF_DEEP_CHECKS) and not check.handshake]
    others = [each for each in still_valid(before, check) if not isinstance(each, _OF_THE_FLOW)]
    fresh = (each for each in check.evidence if isinstance(each, _OF_THE_DATA_PATH) or _is_experiment(each))
    return (*deep, *others, *of_the_flow, *fresh, *expiries)


def with_known_expiries(check: Check, carried: Sequence[Evidence]) -> Check:
    """Add the ends of certificates and keys that earlier checks saw, and that this one did not look at.

    Only deep checks see most of them. Each check carries all that are known, so that it can be read alone.
    """
    if not carried or has_seen_all_ends(check):
        return check
    fresh = {each.what for each in check.evidence if isinstance(each, Expires)}
    known = [each for each in carried if isinstance(each, Expires) and each.what not in fresh]
    return replace(check, evidence=(*check.evidence, *known)) if known else check


def has_seen_all_ends(check: Check) -> bool:
    """Whether a check has seen all that are left: keys that were deleted must not stay."""
    return check.handshake is not None and find_protocol(check.protocol).has_seen_all_ends(check)


def _kind_of(evidence: Evidence) -> object:
    return (evidence.protocol, evidence.kind) if isinstance(evidence, ProtocolEvidence) else type(evidence)


def _is_experiment(evidence: Evidence) -> bool:
    """Return whether an experiment that explains silence found this."""
    return isinstance(evidence, _OF_SILENCE) or (
        isinstance(evidence, ProtocolEvidence) and evidence.from_experiment
    )


def _experiment_holds(evidence: Evidence, *, is_silent: bool, lost_data: bool) -> bool:
    """Return whether what an experiment of one protocol found still holds."""
    if not isinstance(evidence, ProtocolEvidence) or not evidence.from_experiment:
        return False
    return lost_data if evidence.about_data else is_silent


def _has_soaked(check: Check) -> bool:
    """Return whether a check ran a soak that something answered."""
    return any(isinstance(each, Soak) and each.received for each in check.evidence)
