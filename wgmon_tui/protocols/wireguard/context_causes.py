"""Causes that history, neighbours, other addresses, other vantages and other clients suggest."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    IdentityOnInterface,
    IdentityUsedElsewhere,
    InnerAddressAnswered,
    NeighboursFailed,
    OtherVantagesAnswered,
)
from wgmon_tui.checks.evidence import (
    Evidence,
    NameMoved,
    OtherAddressAnswered,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, first_of_kind
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.config.models import Server
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.text import format_elapsed, format_list


def trace_command(server: Server) -> str:
    """The command that shows where on the path packets end, with WireGuard's own packets if possible."""
    if PLATFORM.has_error_queue:
        return f"wgmon-tui trace {quote(server.name)}"
    return f"mtr -u -P {server.endpoint.port} {server.endpoint.host}"


def from_context(server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """Causes of silence that only the context suggests, likeliest first."""
    found = identity_shared(server, evidence)
    if answered := [str(each.address) for each in all_of_kind(OtherAddressAnswered, evidence)]:
        found.append(path_to_address(server, answered))
    if moved := first_of_kind(NameMoved, evidence):
        found.append(name_moved(server, moved))
    found += [
        machine_or_path(server, each) for each in all_of_kind(NeighboursFailed, evidence) if each.failed
    ]
    if inner := first_of_kind(InnerAddressAnswered, evidence):
        found.insert(0, this_identity_only(inner))
    if others := first_of_kind(OtherVantagesAnswered, evidence):
        found.append(path_from_here(server, others.vantages))
    return found


def this_identity_only(inner: InnerAddressAnswered) -> Cause:
    """For a silent server whose tunnel this machine's own VPN reaches."""
    return Cause(
        "the server works, but not for this identity: its key there, its timestamps, or its path here",
        f'{inner.address} inside its tunnel answers the checks of server "{inner.server_name}"',
        "on the server: wg show wg0 peers",
        Hypothesis.THIS_IDENTITY,
    )


def data_of_this_identity_only(inner: InnerAddressAnswered) -> Cause:
    """For a server that answers handshakes, and whose tunnel this machine's own VPN reaches."""
    return Cause(
        "the server drops the data of this identity alone: its AllowedIPs there, or a firewall rule",
        f'{inner.address} inside its tunnel answers the checks of server "{inner.server_name}"',
        "on the server: wg show wg0 allowed-ips",
        Hypothesis.ALLOWED_IPS,
    )


def path_to_address(server: Server, answered: Sequence[str]) -> Cause:
    """For one silent address of a name of which others answer."""
    verb = "answers" if len(answered) == 1 else "answer"
    return Cause(
        "the path to this address is broken, or the server no longer has it",
        f"the same server, with the same keys, {verb} at {format_list(answered)}",
        f"on the server: ip addr; ss -uln sport = :{server.endpoint.port}",
        Hypothesis.PATH_TO_ADDRESS,
    )


def name_moved(server: Server, moved: NameMoved) -> Cause:
    """For a name that has other addresses than before."""
    before, now = format_list(moved.removed) or "none", format_list(moved.new) or "none"
    return Cause(
        "the name points to another machine now",
        f"{moved.host} moved from {before} to {now}",
        f"dig {server.endpoint.host} A {server.endpoint.host} AAAA",
        Hypothesis.NAME_MOVED,
    )


def machine_or_path(server: Server, found: NeighboursFailed) -> Cause:
    """For servers at one address that failed together."""
    return Cause(
        f"the machine at {found.address} is down, or the path to it is broken",
        f"{found.failed + 1} servers at this address failed together",
        trace_command(server),
        Hypothesis.MACHINE_OR_PATH,
    )


def path_from_here(server: Server, vantages: Sequence[str]) -> Cause:
    """For a server that other vantages reach."""
    return Cause(
        "the path between this machine and the server is broken, or a firewall drops this machine's address",
        f"the server answers {format_list(vantages)}",
        trace_command(server),
        Hypothesis.PATH_FROM_HERE,
    )


def identity_shared(server: Server, evidence: Sequence[Evidence]) -> list[Cause]:
    """For traces of another client with the same key. Empty without such traces."""
    session = first_of_kind(ForeignSession, evidence)
    elsewhere = first_of_kind(IdentityUsedElsewhere, evidence)
    interface = first_of_kind(IdentityOnInterface, evidence)
    if interface:
        why = f"the interface {interface.interface} of this machine has its key"
    elif session:
        why = f"{session.packets} packets arrived here for sessions that this process did not open"
    elif elsewhere:
        why = f"another process used this identity {format_elapsed(elsewhere.age)} before this check"
    else:
        return []
    return [
        Cause(
            "another client uses this identity",
            f"{why}: each handshake of one cuts off the other",
            f'here: wgmon-tui keygen NAME — then give server "{server.name}" an identity of its own',
            Hypothesis.IDENTITY_SHARED,
        )
    ]
