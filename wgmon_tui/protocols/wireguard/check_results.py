"""Completes the checks of a round: what was not sent, the stages, and what only the round shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence, NameMoved, NameUnresolved, OtherAddressAnswered, SocketError
from wgmon_tui.checks.stage import Stage
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.wireguard.stage_outcomes import make_stages


def make_unsent_check(
    server: Server, vantage: str, address: Address | None, why: NameUnresolved | SocketError
) -> Check:
    """A check for which nothing was sent."""
    return Check(
        server.name,
        vantage,
        server.endpoint,
        address,
        time.time(),
        None,
        (why,),
        protocol=server.protocol,
    )


def with_evidence(check: Check, evidence: Evidence | None) -> Check:
    """The check with one more piece of evidence, if there is one."""
    return replace(check, evidence=(*check.evidence, evidence)) if evidence else check


def with_stages(check: Check, server: Server, resolved: Stage) -> Check:
    """The check with its stages. `resolved` is the first one."""
    return replace(check, stages=make_stages(check, server, resolved))


def add_round_evidence(checks: Sequence[Check], moved: NameMoved | None) -> list[Check]:
    """Add to a round's checks what only the round shows: a moved name, another address that answered."""
    answered = [check.address for check in checks if check.handshake and check.address]
    extended = []
    for check in checks:
        added: list[Evidence] = [moved] if moved else []
        if check.handshake is None:
            added += [OtherAddressAnswered(each) for each in answered]
        extended.append(replace(check, evidence=(*check.evidence, *added)) if added else check)
    return extended
