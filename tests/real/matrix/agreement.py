"""Whether a verdict agrees with what a real client got on the same path at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.real.fetching import Fetched
from wgmon_tui.checks.evidence import AnsweredFromElsewhere, Evidence, InnerService
from wgmon_tui.checks.verdict import Severity, Verdict

ACCEPTABLE_S = 8.0
"""A complete fetch within this time is one that `healthy` promises. Its client may wait once for a retry."""

QUICK_S = 1.5
"""A complete fetch within this time shows neither delay nor loss."""

Got = Sequence[Fetched]
"""What clients got: one for each address of the server's name."""


def _acceptable(got: Got) -> bool:
    return all(each.is_complete and each.seconds <= ACCEPTABLE_S for each in got)


def _complete(got: Got) -> bool:
    return all(each.is_complete for each in got)


def _incomplete(got: Got) -> bool:
    return not any(each.is_complete for each in got)


def _complete_but_slow(got: Got) -> bool:
    return _complete(got) and not _quick(got)


def _impaired(got: Got) -> bool:
    return not _quick(got)


def _mixed(got: Got) -> bool:
    return any(each.is_complete for each in got) and not _complete(got)


def _quick(got: Got) -> bool:
    return all(each.is_complete and each.seconds <= QUICK_S for each in got)


def _anything(_: Got) -> bool:
    return True


Rule = tuple[str, Callable[[Got], bool]]

_NOT_COMPLETE: Rule = "an incomplete fetch", _incomplete
_ANYTHING: Rule = "anything", _anything
_MIXED: Rule = "complete fetches from some addresses and not from others", _mixed
_RULES: dict[Verdict, Rule] = {
    Verdict.HEALTHY: (f"a complete fetch within {ACCEPTABLE_S:g} s", _acceptable),
    Verdict.UNDER_LOAD: ("a complete fetch", _complete),
    Verdict.SLOW: (f"a complete fetch that takes more than {QUICK_S:g} s", _complete_but_slow),
    Verdict.LOSSY: ("a slow or incomplete fetch", _impaired),
    Verdict.MTU_BLACKHOLE: ("a slow or incomplete fetch", _impaired),
    # A fresh source port works, but the client's usual one does not.
    Verdict.STUCK_FLOW: _NOT_COMPLETE,
    # It makes no statement on the data path.
    Verdict.UNPROVEN: _ANYTHING,
    # A target that answers no echo may serve TCP.
    Verdict.INNER_DEAD: _ANYTHING,
    # The fault of this machine hits its clients too.
    Verdict.LOCAL_FAULT: _NOT_COMPLETE,
    Verdict.MISCONFIGURED: _ANYTHING,
}


def find_disagreement(verdict: Verdict, evidence: Sequence[Evidence], got: Got) -> str:
    """One line that says how a verdict disagrees with what clients got; "" if it agrees."""
    wants, agrees = _rule(verdict, evidence, got)
    if agrees(got):
        return ""
    return f"{verdict.slug} means {wants}, but the client got {describe(got)}"


def describe(got: Got) -> str:
    """What clients got, one after the other."""
    return ", ".join(map(str, got))


def _rule(verdict: Verdict, evidence: Sequence[Evidence], got: Got) -> Rule:
    if verdict.severity is Severity.DOWN:
        return _NOT_COMPLETE
    if verdict is Verdict.INNER_DEAD and any(map(_is_dead_service, evidence)):
        return _NOT_COMPLETE
    if verdict.severity is Severity.DEGRADED:
        # Such answers reach some clients and not others: it depends on their NAT and firewall.
        if any(isinstance(each, AnsweredFromElsewhere) for each in evidence):
            return _ANYTHING
        if len(got) > 1:
            return _MIXED
    # The remaining one says that one address of a name is dead.
    return _RULES.get(verdict, _MIXED)


def _is_dead_service(evidence: Evidence) -> bool:
    return isinstance(evidence, InnerService) and (evidence.answer in (None, "closed") or evidence.rcode != 0)
