"""A server that fails for this identity while this machine's own VPN works through it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.context_evidence import InnerAddressAnswered, ServerOnInterface
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import causes, context_causes
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.text import printable

Meaning = tuple[Verdict, str, list[Cause]]


def find_working_vpn(evidence: Sequence[Evidence]) -> InnerAddressAnswered | None:
    """An address inside the tunnel that answers through an interface of this machine to the same server.

    That interface is another client of the server, so the server is proven to work.
    """
    clients = {each.interface for each in all_of_kind(ServerOnInterface, evidence)}
    return next(
        (each for each in all_of_kind(InnerAddressAnswered, evidence) if each.interface in clients), None
    )


def diagnose_own_vpn(check: Check, evidence: Sequence[Evidence], server: Server) -> Meaning | None:
    """Diagnose silence to this identity while the VPN of this machine works; None if that is not proven."""
    inner = find_working_vpn(evidence)
    if inner is None:
        return None
    summary = (
        f"{printable(inner.interface)} of this machine is up: {inner.address} answers through it. "
        "The same server does not answer this identity."
    )
    missing = Cause(
        "this identity was removed from the server's peers, or never added",
        f"{printable(inner.interface)} is another client of the same server, and works",
        f'on the server: wg show wg0 peers — then add identity "{server.identity}" with the section that '
        "`wgmon-tui keygen` printed",
        Hypothesis.KEY_REMOVED,
    )
    other = context_causes.this_identity_only(inner)
    return Verdict.PEER_MISSING, summary, [missing, causes.clock_ran_ahead(check.probed_as), other]


def add_own_vpn(meaning: Meaning, evidence: Sequence[Evidence]) -> Meaning:
    """Say of lost data, or of silence, that an address inside the tunnel answers by another way."""
    verdict, summary, ranked = meaning
    inner = next(iter(all_of_kind(InnerAddressAnswered, evidence)), None)
    if inner is None or verdict not in (Verdict.DATA_DEAD, Verdict.SILENT):
        return meaning
    by = f" through {printable(inner.interface)} of this machine" if inner.interface else ""
    summary = f"{summary} {inner.address} inside its tunnel answers{by}."
    if verdict is Verdict.SILENT:
        return verdict, summary, ranked
    return verdict, summary, [context_causes.data_of_this_identity_only(inner), *ranked]
