"""Requests for rounds, and their answers: what a one-shot command asks of the writer.

The writer runs the round only if it knows the very same server: the digest covers entry and keys. Otherwise
it answers with a reason, and the command checks the server itself.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, fields, replace
from ipaddress import IPv4Address, IPv6Address

from wgmon_tui.checks.protocol import ProbeServices, ProtocolTarget
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.fleet_prober import FleetProber
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass
from wgmon_tui.store.formats import record_codec
from wgmon_tui.store.formats.server_entry import server_to_entry

_FAMILIES: Mapping[str, Address] = {"4": IPv4Address("127.0.0.1"), "6": IPv6Address("::1")}


@dataclass(frozen=True, slots=True)
class RoundWithKeys:
    """A round with the one-time secrets of its packets and the source port of each IP version, if known."""

    outcome: Round
    ports: Mapping[str, int]
    secrets: tuple[str, ...] = field(repr=False)

    def port_for(self, address: Address) -> int | None:
        """The source port towards an address; None if unknown."""
        return self.ports.get(str(address.version))


async def run_with_keys(
    run: Callable[[FleetProber], Awaitable[Round]], server: Server, services: ProbeServices
) -> RoundWithKeys:
    """Run a round with a prober of its own, and keep its secrets. Raises OSError without a socket."""
    secrets: list[str] = []
    prober = FleetProber(replace(services, note_secret=secrets.append))
    prober.expect([server])
    try:
        await prober.open()
        ports = {version: prober.port_for(server, address) for version, address in _FAMILIES.items()}
        outcome = await run(prober)
    finally:
        await prober.close()
    return RoundWithKeys(outcome, {key: port for key, port in ports.items() if port}, tuple(secrets))


def target_digest(target: ProtocolTarget) -> str:
    """Hash the entry of a server and its keys, so that two processes can compare them."""
    parts = (target.server.name, server_to_entry(target.server), *target.digest_parts)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def depth_words(depth: CheckDepth) -> tuple[str, ...]:
    """Name the parts of a depth that are on."""
    return tuple(each.name for each in fields(CheckDepth) if getattr(depth, each.name))


def depth_from_words(words: Sequence[str]) -> CheckDepth | None:
    """Return the depth with these parts; None if this version does not have one of them."""
    known = {each.name for each in fields(CheckDepth)}
    return CheckDepth(**dict.fromkeys(words, True)) if known.issuperset(words) else None


def answer_soaks(running: Mapping[str, SoakProgress]) -> dict[str, object]:
    """Encode how far the soaks of these servers are."""
    return {"soaks": {name: [each.sent, each.planned, each.elapsed] for name, each in running.items()}}


def read_soaks(answer: Mapping[str, object]) -> dict[str, SoakProgress]:
    """Decode how far soaks are; a soak that this version cannot read is left out."""
    found, listed = {}, answer.get("soaks")
    for name, values in listed.items() if isinstance(listed, dict) else ():
        match values:
            case [int(sent), int(planned), int() | float() as elapsed]:
                found[str(name)] = SoakProgress(sent, planned, float(elapsed))
    return found


def answer_round(outcome: Round) -> dict[str, object]:
    """Encode a round as an answer."""
    return {"round": b64encode(record_codec.to_bytes(outcome)).decode()}


def answer_round_with_keys(done: RoundWithKeys) -> dict[str, object]:
    """Encode a round with its one-time keys, for the owner of the state directory and root."""
    return {**answer_round(done.outcome), "ports": dict(done.ports), "ephemerals": list(done.secrets)}


def answer_not_here(why: str) -> dict[str, object]:
    """Encode that this writer does not check the server, in one line."""
    return {"round": None, "why": why}


def read_round(answer: Mapping[str, object]) -> Round | None:
    """Decode the round of an answer; None if there is none, or this version cannot read it."""
    encoded = answer.get("round")
    try:
        return record_codec.from_bytes(b64decode(encoded)) if isinstance(encoded, str) else None
    except ValueError:  # not base64
        return None


def read_round_with_keys(answer: Mapping[str, object]) -> RoundWithKeys | None:
    """Decode a round with its keys; None if there is none, or this version cannot read it."""
    outcome, ports, secrets = read_round(answer), answer.get("ports"), answer.get("ephemerals")
    if outcome is None or not isinstance(ports, dict) or not isinstance(secrets, list):
        return None
    if not all(isinstance(each, str) and each.isprintable() for each in secrets):
        return None
    try:
        return RoundWithKeys(outcome, {str(key): int(port) for key, port in ports.items()}, tuple(secrets))
    except (ValueError, TypeError):
        return None
