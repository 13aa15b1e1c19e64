"""One check round: check every address of a server, diagnose each check, sort the worst first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import AllSilent, Evidence
from wgmon_tui.checks.misconfiguration import diagnose_misconfiguration
from wgmon_tui.checks.protocol import ProtocolProber, ProtocolTarget
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.soak_progress import SoakProgress, ignore_progress
from wgmon_tui.checks.verdict import Diagnosis, Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.carried_evidence import still_valid, with_known_expiries
from wgmon_tui.monitor.dead_addresses import degrade_dead_addresses, name_untested_addresses
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.loss_window import (
    LossesByAddress,
    is_explained_by_loss,
    known_loss,
    window_of,
    with_check,
)
from wgmon_tui.monitor.server_state import NO_CARRIED_EVIDENCE
from wgmon_tui.monitor.uplink_evidence import UplinkEvidence
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class CheckDepth:
    """How thorough a check round is.

    `deep` adds slow checks that run only now and then: passive keepalive, MTU search and the naive port
    check. `explain` allows the experiments that explain silence. `soak` adds the soak: half a minute of data.
    """

    deep: bool = False
    explain: bool = False
    soak: bool = False


async def run_check_round(
    prober: ProtocolProber,
    server: Server,
    target: ProtocolTarget | None,
    depth: CheckDepth,
    *,
    problem: str = "",
    recent: Sequence[float | None] = (),
    carried_evidence: Mapping[Address | None, Sequence[Evidence]] = NO_CARRIED_EVIDENCE,
    losses: LossesByAddress = (),
    on_soak: Callable[[SoakProgress], None] = ignore_progress,
    uplink_evidence: UplinkEvidence | None = None,
    known_about: Callable[[Sequence[Check]], Mapping[Address | None, Sequence[Evidence]]] = lambda _: (
        NO_CARRIED_EVIDENCE
    ),
) -> Round:
    """Check every address of a server and diagnose the results.

    Without a `target` nothing is sent; `problem` is then the line that explains why the server cannot be
    checked. `recent` holds the round-trip times of the last checks, None for a lost one (see `diagnose`).
    `carried_evidence` is the earlier evidence that still holds, and `losses` what the last checks lost, by
    address. `uplink_evidence` examines rounds without any answer. `known_about` returns what others show
    about the addresses of these checks. `on_soak` is called per echo of a soak.
    """
    if target is None:
        unsent = Check(
            server.name, prober.vantage, server.endpoint, None, time.time(), None, protocol=server.protocol
        )
        return Round((unsent,), (diagnose_misconfiguration(problem),))
    checks = await prober.check_all(
        target, deep=depth.deep, explain=depth.explain, soak=depth.soak, on_soak=on_soak
    )
    if carried_evidence:  # most servers have none
        checks = tuple(with_known_expiries(each, carried_evidence.get(each.address, ())) for each in checks)
    if uplink_evidence:
        checks = await uplink_evidence.examine(server.name, checks)
    known = known_about(checks)
    diagnosed = [
        (check, diagnose_with_carried_evidence(check, server, recent, carried_evidence, losses, known))
        for check in checks
    ]
    if len(diagnosed) > 1:
        diagnosed.sort(key=lambda pair: _weight(pair[1]))
        diagnosed = name_untested_addresses(degrade_dead_addresses(diagnosed))
    address = diagnosed[0][0].address
    port = None
    if depth.deep and address:
        port = await find_protocol(server.protocol).ask_naively(address, server.endpoint.port)
    checks, diagnoses = zip(*diagnosed, strict=True)
    return Round(checks, diagnoses, port)


def diagnose_with_carried_evidence(
    check: Check,
    server: Server,
    recent: Sequence[float | None],
    carried_evidence: Mapping[Address | None, Sequence[Evidence]],
    losses: LossesByAddress = (),
    known: Mapping[Address | None, Sequence[Evidence]] = NO_CARRIED_EVIDENCE,
) -> Diagnosis:
    """Diagnose a check together with the other evidence on its address.

    That is the earlier evidence that still holds, the loss of the last checks, and what is `known` from
    elsewhere.
    """
    standing: tuple[Evidence, ...] = ()
    if carried_evidence or known:  # an address takes three calls to hash
        earlier = still_valid(carried_evidence.get(check.address, ()), check)
        standing = (*earlier, *known.get(check.address, ()))
    window = with_check(window_of(losses, check.address), check)
    if loss := known_loss(window):
        standing = (*standing, loss)
    return find_protocol(server.protocol).diagnose(
        check, server, recent, standing, is_explained_by_loss=is_explained_by_loss(window, check)
    )


def blame_uplink(outcome: Round, server: Server, servers: int) -> Round:
    """Diagnose a round again, knowing that `servers` servers fell silent at the same time."""
    diagnose = find_protocol(server.protocol).diagnose
    diagnoses = tuple(diagnose(check, server, (), (AllSilent(servers),)) for check in outcome.checks)
    return replace(outcome, diagnoses=diagnoses)


def _weight(diagnosis: Diagnosis) -> int:
    """Sort key: worst first, unknown last.

    A result that proves nothing about the server comes last, so a missing IPv6 route hides no working IPv4
    address.
    """
    severity = diagnosis.verdict.severity
    return 99 if severity is Severity.UNKNOWN else severity.rank
