"""Settings of the relay (relay.py): what it does to packets, for each direction separately."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Towards(Enum):
    """The direction of a packet."""

    SERVER = "server"
    CLIENT = "client"


class Per(Enum):
    """What a killer counts: a flow is a client's address and port, a session a pair of receiver indices."""

    FLOW = "flow"
    SESSION = "session"


class AnswerFrom(Enum):
    """The source of packets to the client."""

    SAME = "the address and port that the client sent to"
    OTHER_PORT = "another port, which accepts nothing"
    OTHER_ADDRESS = "another address, which accepts nothing"


@dataclass(frozen=True, slots=True)
class OneWay:
    """What happens to packets in one direction.

    Times are in seconds, lengths in bytes. Each packet waits `delay_s` and a random part of `jitter_s`, so
    jitter reorders; data waits `data_delay_s` in addition. `loss` is a probability. `even_loss` is a share of
    each flow's packets, spread evenly: below a half, no two packets in a row are lost. `lose_first` drops the
    first packets of each flow. `largest_datagram` limits the UDP payload, `largest_inner` the padded packet
    inside the tunnel. Of data packets, only each `one_data_packet_of`-th passes; 0 lets none pass.
    """

    delay_s: float = 0.0
    data_delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    even_loss: float = 0.0
    lose_first: int = 0
    largest_datagram: int | None = None
    largest_inner: int | None = None
    one_data_packet_of: int = 1


@dataclass(frozen=True, slots=True)
class Killer:
    """Cuts a flow or a session after so many data packets, or bytes of them, or seconds.

    Packets of both directions count. `blocks` names the directions that are cut. Handshakes pass if
    `spares_handshakes`.
    """

    packets: int | None = None
    size: int | None = None
    seconds: float | None = None
    per: Per = Per.FLOW
    blocks: tuple[Towards, ...] = (Towards.SERVER, Towards.CLIENT)
    spares_handshakes: bool = True


@dataclass(frozen=True, slots=True)
class Forgery:
    """Forged responses to each initiation, for the public keys `clients`; `instead` drops the true ones."""

    clients: tuple[str, ...] = ()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """All settings. `service_answer` is what a service other than WireGuard sends to every packet."""

    to_server: OneWay = field(default_factory=OneWay)
    to_client: OneWay = field(default_factory=OneWay)
    killer: Killer | None = None
    answer_from: AnswerFrom = AnswerFrom.SAME
    forgery: Forgery | None = None
    service_answer: str = ""
    seed: int = 0

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=lambda member: member.value)


def both_ways(**settings: Any) -> RelaySettings:
    """The same `OneWay` in both directions."""
    return RelaySettings(OneWay(**settings), OneWay(**settings))


def settings_from_json(line: str) -> RelaySettings:
    """The inverse of `RelaySettings.to_json`."""
    found = json.loads(line)
    killer, forgery = found["killer"], found["forgery"]
    if killer:
        killer["per"] = Per(killer["per"])
        killer["blocks"] = tuple(map(Towards, killer["blocks"]))
    return RelaySettings(
        OneWay(**found["to_server"]),
        OneWay(**found["to_client"]),
        Killer(**killer) if killer else None,
        AnswerFrom(found["answer_from"]),
        Forgery(tuple(forgery["clients"]), forgery["instead"]) if forgery else None,
        found["service_answer"],
        found["seed"],
    )
