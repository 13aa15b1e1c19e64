"""The diagnosis of packet sizes: what the size check of the last deep check means.

Without `tunnel_mtu`, 1280 bytes must pass: IPv6 needs them, and phones use them. That 1420 bytes, the usual
MTU of WireGuard, pass as well is only noted. With `tunnel_mtu`, that size must pass; 0 tests nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, PathMtu
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.wireguard import tunnel_causes

NOT_TESTED = "size not tested, because nothing inside the tunnel answers echoes"


def diagnose_size(evidence: Sequence[Evidence], server: Server) -> tuple[Verdict, str, list[Cause]] | None:
    """Diagnose packets too large for the path. None if the required size passes, or is not tested."""
    found = _found(evidence, server)
    required = server.tunnel_mtu or tunnel_causes.LEAST_IPV6_MTU
    if found is None or found.smallest_failing is None or found.smallest_failing > required:
        return None
    summary = (
        f"Inner packets of {found.largest_passing} bytes pass, {found.smallest_failing} or more are lost."
    )
    return Verdict.MTU_BLACKHOLE, summary, [tunnel_causes.mtu(server, found)]


def is_required_but_untested(evidence: Sequence[Evidence], server: Server) -> bool:
    """Whether `tunnel_mtu` requires a size that the last deep check could not test."""
    found = _found(evidence, server)
    return bool(server.tunnel_mtu) and found is not None and not is_tested(found)


def is_tested(found: PathMtu) -> bool:
    """Whether any size was tested; if nothing inside echoes, none is."""
    return found.largest_passing > 0 or found.smallest_failing is not None


def summarise(answer: str, data: str, evidence: Sequence[Evidence], server: Server) -> str:
    """The summary of a healthy server, from what is known about its handshake and its data."""
    found = _found(evidence, server)
    works = f"The handshake works: {answer}, {data}"
    if server.tunnel_mtu == 0:
        return f"{works}. Packet size is not tested (tunnel_mtu = 0)."
    if found is None or (is_tested(found) and found.largest_passing < (server.tunnel_mtu or 0)):
        return f"{works}. Packet size is not tested yet."
    if not is_tested(found):
        return f"{works}. Packet {NOT_TESTED}."
    size = found.largest_passing
    if found.smallest_failing is not None:
        return (
            f"A client with MTU = {size} can connect: {answer}, {data}. "
            f"Inner packets over {size} bytes are lost: clients need MTU = {size}."
        )
    return f"A real client can connect: {answer}, {data}. Inner packets of {size} bytes pass."


def _found(evidence: Sequence[Evidence], server: Server) -> PathMtu | None:
    """The latest result that applies; one of an earlier configuration does not after tunnel_mtu = 0."""
    results = all_of_kind(PathMtu, evidence)
    return results[0] if results and server.tunnel_mtu != 0 else None
