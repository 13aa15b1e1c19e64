"""Diagnosis of a server when several vantages disagree.

A server that answers one vantage is up, listens and has its keys. What keeps another vantage from it lies on
the path, or at that vantage. Pure functions, like all diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class VantageView:
    """What one vantage reports about a server.

    `settled` is its severity by the damping rule, `diagnosis` that of its last check. `public_key` is the key
    of its identity. `has_answered` tells whether the server has ever answered this vantage.
    """

    vantage: str
    settled: Severity
    diagnosis: Diagnosis
    flapping: bool = False
    address: Address | None = None
    public_key: PublicKey | None = None
    has_answered: bool = True


def describe_views(views: Iterable[VantageView]) -> str:
    """List the views by severity, worst first.

    For example: "down from fra, nyc; up from local", or "down from all 2: local, fra".
    """
    by_severity: dict[Severity, list[str]] = {}
    for view in views:
        by_severity.setdefault(view.settled, []).append(view.vantage)
    if len(by_severity) == 1:
        [(severity, names)] = by_severity.items()
        whole = f"all {len(names)}: " if len(names) > 1 else ""
        return f"{severity.word} from {whole}{', '.join(names)}"
    worst_first = sorted(by_severity, key=lambda severity: severity.rank)
    return "; ".join(f"{severity.word} from {', '.join(by_severity[severity])}" for severity in worst_first)


def diagnose_regional(views: Sequence[VantageView], server: Server) -> Diagnosis:
    """Diagnose a server that is down from some vantages only."""
    failing = [view for view in views if view.settled is Severity.DOWN]
    others = [view for view in views if view.settled is not Severity.DOWN]
    summary = f"Down from {_with_verdicts(failing)}, not from {_names(others)}: the server itself answers."
    evidence = (describe_views(views), *(f"{view.vantage}: {view.diagnosis.summary}" for view in views))
    return Diagnosis(Verdict.REGIONAL, summary, evidence, tuple(_causes(failing, others, server)))


def add_view_evidence(diagnosis: Diagnosis, views: Sequence[VantageView]) -> Diagnosis:
    """Add the result of each vantage to the diagnosis of one of them."""
    return replace(diagnosis, evidence=(describe_views(views), *diagnosis.evidence))


def diagnose_outvoted(
    diagnosis: Diagnosis, views: Sequence[VantageView], needed: int, server: Server
) -> Diagnosis:
    """Diagnose a server that is down from fewer vantages than needed; `diagnosis` is that of the others."""
    failing = [view for view in views if view.settled is Severity.DOWN]
    others = [view for view in views if view.settled is not Severity.DOWN]
    alone = " alone" if len(failing) == 1 else ""
    summary = f"Down from {_with_verdicts(failing)}{alone}; {needed} must agree. {diagnosis.summary}"
    causes = (*diagnosis.causes, *_causes(failing, others, server))
    return Diagnosis(diagnosis.verdict, summary, (describe_views(views), *diagnosis.evidence), causes)


_PATH_VERDICTS = frozenset({Verdict.SILENT, Verdict.UNREACHABLE, Verdict.PORT_CLOSED})
"""Verdicts that the path or a filter can cause for a healthy server. Any other cause is at the vantage."""


def _causes(failing: Sequence[VantageView], others: Sequence[VantageView], server: Server) -> list[Cause]:
    """Rank the causes, likeliest first.

    Those at the vantage come first if its verdict shows one, then those on the path.
    """
    vantage_causes = [
        *_find_key_causes(failing),
        *_find_name_causes(failing, others, server),
        *_find_vantage_causes(failing),
    ]
    path_failures = [view for view in failing if view.diagnosis.verdict in _PATH_VERDICTS]
    if not path_failures:
        return vantage_causes
    there, answered = _names(path_failures), _names(others)
    port, host = server.endpoint.port, server.endpoint.host
    path = Cause(
        f"the path between {there} and the server",
        f"the server answers {answered}: it is up, listens and has its keys",
        f"on {path_failures[0].vantage} and on {others[0].vantage}, to compare: mtr -u -P {port} {host}",
    )
    filtered = Cause(
        "a firewall that allows only some source addresses: an allowlist, or a country filter",
        f"it would drop or refuse packets from {there}, even with correct keys",
        f"on the server: nft list ruleset | grep -e saddr -e {port}; tcpdump -ni any udp port {port}",
    )
    limited = Cause(
        "a rate limiter, or a scrubbing service in front of the server",
        f"limits count per source address, and {there} may share its address with others",
        "on the server: nft list ruleset | grep -e limit -e meter; iptables-save | grep -e hashlimit",
    )
    if any(view.diagnosis.verdict is not Verdict.SILENT for view in path_failures):
        return [*vantage_causes, filtered, path, limited]
    if any(view.flapping for view in path_failures):
        return [*vantage_causes, limited, path, filtered]
    return [*vantage_causes, path, filtered, limited]


def _find_key_causes(failing: Sequence[VantageView]) -> Iterable[Cause]:
    """Suspect an unknown key where a vantage never had an answer."""
    for view in failing:
        if not view.has_answered and view.diagnosis.verdict in (Verdict.SILENT, Verdict.PEER_MISSING):
            key = view.public_key or "THE-KEY-OF-THAT-VANTAGE"
            yield Cause(
                f"the server does not know the key of {view.vantage}",
                "it has never answered there, and WireGuard never answers unknown peers",
                f"on the server: wg show wg0 peers — must list {key}",
            )


def _find_name_causes(
    failing: Sequence[VantageView], others: Sequence[VantageView], server: Server
) -> Iterable[Cause]:
    """Suspect name resolution: the name may have another address at that vantage, or none."""
    host = server.endpoint.host
    answering = {view.address for view in others if view.address}
    for view in failing:
        if view.diagnosis.verdict is Verdict.DNS_FAILURE:
            yield Cause(
                f"the resolver of {view.vantage}",
                f"the name {host} resolves on {_names(others)}",
                f"on {view.vantage}: dig {host}; dig @1.1.1.1 {host}",
            )
        elif view.address and answering and view.address not in answering:
            yield Cause(
                f"{view.vantage} checks another address than the others",
                f"it checks {view.address}; {', '.join(sorted(map(str, answering)))} answers the others",
                f"on {view.vantage} and on {others[0].vantage}, to compare: dig +short {host} A {host} AAAA",
            )


def _find_vantage_causes(failing: Sequence[VantageView]) -> Iterable[Cause]:
    """Report causes at a vantage that neither the path nor an unknown key explains."""
    settled = (*_PATH_VERDICTS, Verdict.DNS_FAILURE)
    for view in failing:
        verdict = view.diagnosis.verdict
        never_let_in = verdict is Verdict.PEER_MISSING and not view.has_answered
        if verdict not in settled and not never_let_in and verdict.severity is Severity.DOWN:
            for cause in view.diagnosis.causes[:1]:
                yield replace(cause, cause=f"at {view.vantage}: {cause.cause}")


def _names(views: Iterable[VantageView]) -> str:
    return ", ".join(view.vantage for view in views)


def _with_verdicts(views: Iterable[VantageView]) -> str:
    return ", ".join(f"{view.vantage} ({view.diagnosis.verdict.slug})" for view in views)
