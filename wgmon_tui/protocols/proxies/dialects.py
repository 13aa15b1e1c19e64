"""What each proxy protocol gives to the common prober: its stream, its UDP relay and its experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol

from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    HttpUpgradeOptions,
    OtherTransport,
    StreamLinkT,
    Transport,
    WebSocketOptions,
)
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Trial(Generic[StreamLinkT]):
    """An experiment: the same fetch with one thing changed.

    `kind` and `value` say what was changed; `link` is the changed link. `clock_shift_s` moves the timestamps
    of this machine.
    """

    kind: str
    value: str
    link: StreamLinkT = field(repr=False)
    clock_shift_s: float = 0.0


class Association(StreamLayer, Protocol):
    """A stream that is opened for datagrams beside it."""

    bound_port: int
    """Their port on the same address, once the stream is open."""


@dataclass(frozen=True, slots=True)
class Relay:
    """How datagrams go through a proxy: on a stream, framed, or each as a datagram of its own.

    `pack` makes the bytes to send for a datagram. `unpack` takes a buffer from its start, and returns the
    payload; None if it is not whole. Both raise StreamLayerError. `layer` is the stream, None over UDP. With
    an `association`, that stream must be open, and names the port for the datagrams.
    """

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes | None]
    layer: StreamLayer | None = None
    association: Association | None = None


class Dialect(Protocol[StreamLinkT]):
    """One proxy protocol, as the prober sees it, with its kind of link."""

    def find_unsupported(self, link: StreamLinkT) -> str | None:
        """Say in a phrase what of this link wgmon-tui cannot speak; None if all is well."""

    def make_stream(self, link: StreamLinkT, destination: Destination, unix_time: Clock) -> StreamLayer:
        """The layer of the proxy protocol for one connection."""

    def make_relay(self, link: StreamLinkT, destination: Destination, unix_time: Clock) -> Relay:
        """What carries datagrams to one destination."""

    def trials(self, link: StreamLinkT) -> Sequence[Trial[StreamLinkT]]:
        """The experiments that explain a failure, the likeliest first."""

    def uses_timestamps(self, link: StreamLinkT) -> bool:
        """Whether requests carry the time, so that both clocks must agree."""

    has_readable_secret: bool
    """Whether a request without TLS shows the secret to everybody on the path."""

    def with_wrong_secret(self, link: StreamLinkT) -> StreamLinkT:
        """The link with a secret that no server knows."""


def find_unsupported_transport(transport: Transport | None) -> str | None:
    """Say what of a transport wgmon-tui cannot speak; None if all is well."""
    match transport:
        case GrpcOptions(is_multi=True):
            return "the mode multi of grpc is not supported"
        case OtherTransport(name):
            return f"the transport {name} is not supported"
        case WebSocketOptions(early_data=early) if early:
            return None  # a server takes the data later too
        case GrpcOptions() | HttpUpgradeOptions() | WebSocketOptions() | None:
            return None


def shifted_clock(unix_time: Clock, shift_s: float) -> Clock:
    """A clock that is ahead by `shift_s` seconds."""
    return lambda: unix_time() + shift_s
