"""The path to a server, hop by hop: what a trace asks for, what it found, and how it is told.

Each packet of a trace is the protocol's own first packet with a small hop limit. A router that discards an
expired packet reports it (RFC 1812 §5.3.1, RFC 4443 §3.3). Not every router does, and ICMP can be forged. So
only an authentic answer of the server proves that packets arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from statistics import median

from wgmon_tui.checks.evidence import IcmpError
from wgmon_tui.checks.icmp_errors import icmp_name, is_port_closed
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_count

MOST_ROUNDS = 20
MOST_HOPS = 64
LONGEST_TIMEOUT_S = 10.0

MOST_SILENT = 8
"""Hop limits in a row without any answer, after which a trace ends."""

_BEHIND_THE_LAST_HOP = (
    "Packets are dropped behind that hop: by a router or firewall there, or by the server itself, which "
    "ignores keys that it does not know. Routers that do not report look the same."
)


_UNQUOTED = "That report quotes no packet of this trace, so it may be forged."


class TraceRefusedError(Exception):
    """The path cannot be traced from here, or not now. The message is one line."""


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """What to trace: `address` is one of the server's addresses, None for the first.

    Each hop limit up to `max_hops` is tried once in each of the `rounds`. `timeout` is how long a round waits
    for its last answers, in seconds.
    """

    rounds: int = 3
    max_hops: int = 30
    timeout: float = 1.0
    address: Address | None = None


class HopAnswer(Enum):
    """The best answer to the packets of one hop limit; the best is the last one here."""

    NOTHING = "no answer"
    EXPIRED = "router"
    REFUSED = "refused"
    UNPROVEN = "answer, not authentic"
    """An answer that anybody on the path could have made: a cookie reply, or a wrong preshared key."""
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Hop:
    """The answers to the packets of one hop limit.

    `addresses` sent the answers, the most frequent first: several if packets take several paths. `rtts` are
    in seconds. `refusal` is an ICMP error other than an expired hop limit. `is_quoted` is False if no answer
    proves that its sender has seen the packet.
    """

    hop_limit: int
    answer: HopAnswer
    addresses: tuple[str, ...] = ()
    sent: int = 0
    rtts: tuple[float, ...] = ()
    refusal: IcmpError | None = None
    is_quoted: bool = True

    @property
    def answered(self) -> int:
        """The number of packets that were answered."""
        return len(self.rtts)

    @property
    def loss(self) -> float:
        """The share of packets without an answer."""
        return 1 - self.answered / self.sent if self.sent else 0.0

    @property
    def rtt(self) -> float | None:
        """The median round-trip time in seconds."""
        return median(self.rtts) if self.rtts else None


@dataclass(frozen=True, slots=True)
class PathTrace:
    """The hops found so far, nearest first. The last one is the server if it answered.

    `tried` is the highest hop limit that was sent. `other_addresses` are those of the name that this trace
    did not use. `round` counts from 1; it is 0 before the first packet. `is_waiting` is True while a check of
    the server has its turn.
    """

    address: Address
    port: int
    hops: tuple[Hop, ...] = ()
    tried: int = 0
    round: int = 0
    rounds: int = 0
    is_finished: bool = False
    other_addresses: tuple[Address, ...] = ()
    is_waiting: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether the server proved with its key that packets arrive."""
        return any(hop.answer is HopAnswer.SERVER for hop in self.hops)

    @property
    def is_cut_short(self) -> bool:
        """Whether a router reported the packets with the highest hop limit: none went farther."""
        last = self.last_answering
        return (
            self.is_finished
            and last is not None
            and last.answer is HopAnswer.EXPIRED
            and last.hop_limit == self.tried
        )

    @property
    def last_answering(self) -> Hop | None:
        """The farthest hop from which anything came back."""
        return next((hop for hop in reversed(self.hops) if hop.answered), None)

    def has_less_loss_behind(self, hop: Hop) -> bool:
        """Whether a farther hop lost less: then this one forwards packets, and limits its reports."""
        return any(each.loss < hop.loss for each in self.hops if each.hop_limit > hop.hop_limit)


def hops_label(trace: PathTrace, hop: Hop) -> str:
    """The number of a hop; for the silence at the end, all hop limits that were tried: `3-11`."""
    is_end = hop is trace.hops[-1] and not hop.answered and trace.tried > hop.hop_limit
    return f"{hop.hop_limit}-{trace.tried}" if is_end else f"{hop.hop_limit}"


def describe_hop(trace: PathTrace, hop: Hop) -> str:
    """What a hop did, in a few words; "" for a router that reports every packet."""
    notes = []
    if hop.answer is HopAnswer.SERVER:
        notes.append("answered by the server")
    elif hop.answer is HopAnswer.UNPROVEN:
        notes.append("an answer that does not authenticate")
    elif hop.refusal:
        at = _hop_of_sender(trace, hop)
        who = "" if at == hop.hop_limit else f"hop {at} "
        notes.append(f"{who}refuses: {icmp_name(hop.refusal)}")
    elif not hop.answered:
        notes.append("no answer" if trace.is_finished or trace.round > 1 else "")
    if hop.answered and hop.loss and trace.has_less_loss_behind(hop):
        notes.append("limits its reports, forwards")
    if hop.answered and not hop.is_quoted:
        notes.append("quotes no packet")
    return ", ".join(filter(None, notes))


def conclusion(trace: PathTrace) -> tuple[str, ...]:
    """What the trace shows: a statement first, then sentences that limit or explain it."""
    last = trace.last_answering
    if trace.is_reached:
        server = trace.hops[-1]
        lost = server.sent - server.answered
        told = (
            f"The server answered {server.answered} of {server.sent} initiations, at hop {server.hop_limit}."
        )
        return (told, *(_about_loss(trace) if lost else ()))
    if last is None:
        return (
            f"Nothing answers, not even the first hop: {format_count(trace.tried, 'hop limit')} tried.",
            "If no router is on the way, the server itself is silent.",
            "Otherwise the network of this machine drops the packets, or the reports of routers.",
            *_about_farther_hops(trace, 0),
        )
    doubt = () if last.is_quoted else (_UNQUOTED,)
    where = f"hop {last.hop_limit} ({', '.join(last.addresses)})"
    if last.answer is HopAnswer.UNPROVEN:
        return (
            f"An answer came from hop {last.hop_limit}, but it does not authenticate.",
            "The preshared key differs, the server is under load, or the answer is forged.",
        )
    if last.refusal and is_port_closed(last.refusal):
        return (
            f"The port is closed, reports the server's own address at hop {last.hop_limit}.",
            *doubt,
            *(("Packets pass every hop before it.",) if last.hop_limit > 1 else ()),
            "ICMP is not authenticated.",
        )
    if last.refusal:
        return (
            f"{_refusal(trace, last)}: {icmp_name(last.refusal)}.",
            *doubt,
            "A firewall or a missing route there drops them. ICMP is not authenticated.",
        )
    if trace.is_cut_short:
        return (f"Stopped at hop {trace.tried} (--max-hops {trace.tried}); the server is farther.", *doubt)
    return (
        f"Nothing answers after {where}.",
        *doubt,
        *(_about_farther_hops(trace, last.hop_limit) or (_BEHIND_THE_LAST_HOP,)),
    )


def _about_farther_hops(trace: PathTrace, last: int) -> tuple[str, ...]:
    """Silence over a few hop limits may be routers that do not report, with the server behind them."""
    if trace.tried - last >= MOST_SILENT:
        return ()
    return (f"No packet went past hop {trace.tried}: the server may be farther (--max-hops).",)


def _refusal(trace: PathTrace, last: Hop) -> str:
    """Who refuses what. A router refuses for the next hop, which it cannot reach."""
    at = _hop_of_sender(trace, last)
    what = "the packets" if at == last.hop_limit else f"the packets for hop {last.hop_limit}"
    return f"Hop {at} ({last.addresses[0]}) refuses {what}"


def _hop_of_sender(trace: PathTrace, hop: Hop) -> int:
    """A router that reported expired packets before is at that hop, and not one farther."""
    return next(each.hop_limit for each in trace.hops if hop.addresses[0] in each.addresses)


def _about_loss(trace: PathTrace) -> Iterable[str]:
    """Where loss begins that lasts to the server; a hop with less loss behind it only limits its reports."""
    server = trace.hops[-1]
    lossy: Sequence[Hop] = [
        hop for hop in trace.hops[:-1] if hop.answered and hop.loss and not trace.has_less_loss_behind(hop)
    ]
    if lossy:
        return (f"Loss begins at hop {lossy[0].hop_limit} ({', '.join(lossy[0].addresses)}) and stays.",)
    return (f"Only initiations to the server are lost, {server.sent - server.answered} of {server.sent}.",)
