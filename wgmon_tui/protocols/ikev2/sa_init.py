"""IKE_SA_INIT as a script: requests out, responses in (RFC 7296 §1.2).

A script is a generator. It yields a request and gets the response; the client does everything between.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NoReturn

from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.ikev2.client_options import ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.events import (
    CookieAsked,
    Event,
    GroupAsked,
    Redirected,
    RequestRefused,
    SaInitAnswered,
)
from wgmon_tui.protocols.ikev2.iana_numbers import (
    FIRST_STATUS,
    ExchangeType,
    HashAlgorithm,
    Notify,
    PayloadType,
)
from wgmon_tui.protocols.ikev2.key_derivation import Nonces
from wgmon_tui.protocols.ikev2.key_exchange import InvalidShareError, KeyExchange, new_key_exchange
from wgmon_tui.protocols.ikev2.proposals import Group, TransformType
from wgmon_tui.protocols.ikev2.redirects import parse_gateway, redirected_from
from wgmon_tui.protocols.ikev2.request_channel import Response
from wgmon_tui.protocols.ikev2.security_association import SaProposal, encode_proposals, parse_proposals
from wgmon_tui.protocols.ikev2.wire import (
    NO_SPI,
    KeyShare,
    MalformedMessageError,
    NotifyPayload,
    Payload,
    find_payload,
    notifications,
    parse_key_share,
)

_NONCE_SIZE = 32
_NONCE_SIZES = range(16, 257)
_MOST_ROUNDS = 4
_MOST_COOKIE_BYTES = 64
_HASHES_SIZE = 2
_SIZES_OF_OTHERS = {1: 96, 22: 128, 23: 256, 24: 256}
"""The bytes of a share in groups that this client lacks: fields, in which nearly any number is valid."""

OWN_HASHES = (
    HashAlgorithm.SHA2_256,
    HashAlgorithm.SHA2_384,
    HashAlgorithm.SHA2_512,
    HashAlgorithm.IDENTITY,
)
"""The hashes of signatures that this client can verify, with that of Ed25519 (RFC 7427 §4, RFC 8420 §2)."""


class ScriptEndedError(Exception):
    """A script is over. The event says why."""

    def __init__(self, event: Event) -> None:
        super().__init__("the script is over")
        self.event = event


@dataclass(frozen=True, slots=True)
class Request:
    """What to send next. Its answer may take `least_timeout`, even where the timeout is shorter."""

    exchange: ExchangeType
    payloads: tuple[Payload, ...]
    least_timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class WaitOn:
    """Drop the response, which anybody on the path can forge before there are keys, and wait for another."""

    reason: str
    size: int


Script = Generator[Request | WaitOn, Response, None]
Emit = Callable[[Event], None]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class SaInitResult:
    """What IKE_AUTH builds on: the chosen proposal, the shared secret, and both messages."""

    chosen: SaProposal
    nonces: Nonces = field(repr=False)
    shared: bytes = field(repr=False)
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    server_hashes: frozenset[int]
    is_childless: bool
    can_fragment: bool


class SaInitScript:
    """One IKE_SA_INIT, with as many rounds as the server wants."""

    def __init__(
        self,
        options: ClientOptions,
        path: PathEnds,
        initiator_spi: bytes,
        emit: Emit,
        clock: Clock,
        sent: Callable[[], bytes],
    ) -> None:
        """`sent` returns the last request as bytes."""
        self._options, self._path = options, path
        self._spi = initiator_spi
        self._emit, self._clock, self._sent = emit, clock, sent
        self._nonce = secrets.token_bytes(_NONCE_SIZE)
        self._cookie = b""
        self._key_exchange: KeyExchange | None = None
        self._group = self._first_group()
        self.result: SaInitResult | None = None

    def run(self) -> Script:
        """Run it. Raises ScriptEndedError where the server refuses."""
        for _ in range(_MOST_ROUNDS):
            response = yield Request(ExchangeType.IKE_SA_INIT, self._payloads())
            while True:
                try:
                    if self._take_demand(response):
                        break
                    self.result = self._read(response)
                    return
                except MalformedMessageError as error:
                    response = yield WaitOn(str(error), len(response.data))
        self._end(RequestRefused(self._clock(), ExchangeType.IKE_SA_INIT, Notify.INVALID_KE_PAYLOAD))

    def _first_group(self) -> int:
        offered = [each for proposal in self._options.proposals for each in proposal.transforms]
        known = [
            each.number for each in offered if each.type is TransformType.GROUP and _is_known(each.number)
        ]
        # The wish of servers.toml counts; the cheapest of the usual ones, where there is none.
        return known[0]

    def _payloads(self) -> tuple[Payload, ...]:
        cookie = (NotifyPayload(Notify.COOKIE, self._cookie).to_payload(),) if self._cookie else ()
        path = self._path
        # A hash that fits no address makes both sides use UDP on port 4500, as behind a NAT. Only so ESP can
        # be sent without privileges, and clients in the field mostly sit behind one.
        source = secrets.token_bytes(hashlib.sha1().digest_size)  # noqa: S324
        destination = _address_hash(self._spi, NO_SPI, path.remote, path.remote_port)
        hashes = b"".join(each.to_bytes(_HASHES_SIZE, "big") for each in OWN_HASHES)
        return (
            *cookie,
            encode_proposals(self._options.proposals),
            KeyShare(self._group, self._share()).to_payload(),
            Payload(PayloadType.NONCE, self._nonce),
            NotifyPayload(Notify.NAT_DETECTION_SOURCE_IP, source).to_payload(),
            NotifyPayload(Notify.NAT_DETECTION_DESTINATION_IP, destination).to_payload(),
            NotifyPayload(Notify.IKEV2_FRAGMENTATION_SUPPORTED).to_payload(),
            NotifyPayload(Notify.SIGNATURE_HASH_ALGORITHMS, hashes).to_payload(),
            self._redirection().to_payload(),
        )

    def _redirection(self) -> NotifyPayload:
        """Whether this client can be sent elsewhere, or who sent it here."""
        origin = self._options.redirected_from
        if origin is None:
            return NotifyPayload(Notify.REDIRECT_SUPPORTED)
        return NotifyPayload(Notify.REDIRECTED_FROM, redirected_from(origin))

    def _share(self) -> bytes:
        if not _is_known(self._group):  # only a query gets here, and derives no secret
            size = _SIZES_OF_OTHERS.get(self._group, 0)
            return b"\x01" + secrets.token_bytes(size - 1)
        if self._key_exchange is None:
            self._key_exchange = new_key_exchange(Group(self._group))
        return self._key_exchange.public_value

    def _take_demand(self, response: Response) -> bool:
        """Take what the server wants first; False if it has answered. Raises ScriptEndedError."""
        for notification in notifications(response.payloads):
            if notification.number == Notify.COOKIE:
                if not 1 <= len(notification.data) <= _MOST_COOKIE_BYTES:
                    raise MalformedMessageError("a cookie of an impossible size")
                self._emit(CookieAsked(self._clock()))
                self._cookie = notification.data
                return True
            if notification.number == Notify.INVALID_KE_PAYLOAD:
                self._change_group(notification.data)
                return True
            if notification.number == Notify.REDIRECT:
                self._end(Redirected(self._clock(), parse_gateway(notification.data, self._nonce)))
            if notification.number < FIRST_STATUS:
                self._end(RequestRefused(self._clock(), ExchangeType.IKE_SA_INIT, notification.number))
        return False

    def _change_group(self, data: bytes) -> None:
        group = int.from_bytes(data, "big") if len(data) == 2 else 0
        offered = {
            each.number
            for proposal in self._options.proposals
            for each in proposal.transforms
            if each.type is TransformType.GROUP
        }
        if group not in offered or group == self._group:
            self._end(RequestRefused(self._clock(), ExchangeType.IKE_SA_INIT, Notify.INVALID_KE_PAYLOAD))
        asked = GroupAsked(self._clock(), group)
        if not _is_known(group) and group not in _SIZES_OF_OTHERS:
            self._end(asked)
        self._emit(asked)
        self._group, self._key_exchange = group, None

    def _end(self, event: Event) -> NoReturn:
        raise ScriptEndedError(event)

    def _read(self, response: Response) -> SaInitResult:
        """Read the answer. Raises MalformedMessageError."""
        payloads = response.payloads
        chosen = self._read_choice(find_payload(payloads, PayloadType.SA))
        share = find_payload(payloads, PayloadType.KE)
        nonce = find_payload(payloads, PayloadType.NONCE)
        if share is None or nonce is None or len(nonce.body) not in _NONCE_SIZES:
            raise MalformedMessageError("the answer to IKE_SA_INIT lacks its key exchange or nonce")
        header = response.message.header
        if header.responder_spi == NO_SPI:
            raise MalformedMessageError("the answer to IKE_SA_INIT has no SPI")
        key_share = parse_key_share(share.body)
        if key_share.group != self._group:
            raise MalformedMessageError("the key exchange of the server is in another group")
        noted = {each.number: each.data for each in notifications(payloads)}
        result = SaInitResult(
            chosen,
            Nonces(self._nonce, nonce.body, self._spi, header.responder_spi),
            self._shared_secret(key_share),
            self._sent(),
            response.data,
            _read_hashes(noted.get(Notify.SIGNATURE_HASH_ALGORITHMS, b"")),
            Notify.CHILDLESS_IKEV2_SUPPORTED in noted,
            Notify.IKEV2_FRAGMENTATION_SUPPORTED in noted,
        )
        self._emit(self._answered(response, result))
        return result

    def _shared_secret(self, share: KeyShare) -> bytes:
        if self._key_exchange is None:
            return b""
        try:
            return self._key_exchange.share(share.value)
        except InvalidShareError as error:
            raise MalformedMessageError(str(error)) from None

    def _read_choice(self, payload: Payload | None) -> SaProposal:
        if payload is None:
            raise MalformedMessageError("the answer to IKE_SA_INIT lacks the chosen proposal")
        chosen = parse_proposals(payload.body)
        offers = self._options.proposals
        if len(chosen) != 1 or not any(chosen[0].is_choice_of(each) for each in offers):
            raise MalformedMessageError("the server chose a proposal that was not offered")
        group = chosen[0].group
        if (group is None or group != self._group) and not self._options.is_query:
            raise MalformedMessageError("the server chose another group than that of the key exchange")
        return chosen[0]

    def _answered(self, response: Response, result: SaInitResult) -> SaInitAnswered:
        nat = _detect_nat(response, self._path)
        return SaInitAnswered(
            self._clock(),
            response.rtt,
            response.retransmits,
            result.chosen,
            result.is_childless,
            result.can_fragment,
            *nat,
        )


def _is_known(group: int) -> bool:
    return group in Group._value2member_map_


def _read_hashes(data: bytes) -> frozenset[int]:
    return frozenset(
        int.from_bytes(data[offset : offset + _HASHES_SIZE], "big")
        for offset in range(0, len(data), _HASHES_SIZE)
    )


def _address_hash(initiator_spi: bytes, responder_spi: bytes, address: Address, port: int) -> bytes:
    """The data of a NAT detection notification (RFC 7296 §2.23)."""
    content = initiator_spi + responder_spi + address.packed + port.to_bytes(2, "big")
    return hashlib.sha1(content).digest()  # noqa: S324


def _detect_nat(response: Response, path: PathEnds) -> tuple[bool | None, bool | None]:
    """Whether the addresses of this side and of the server were translated on the way."""
    header = response.message.header
    sources = {
        each.data
        for each in notifications(response.payloads)
        if each.number == Notify.NAT_DETECTION_SOURCE_IP
    }
    seen = {
        each.data
        for each in notifications(response.payloads)
        if each.number == Notify.NAT_DETECTION_DESTINATION_IP
    }
    spis = header.initiator_spi, header.responder_spi
    own = _address_hash(*spis, path.local, path.local_port)
    server = _address_hash(*spis, path.remote, path.remote_port)
    return (own not in seen if seen else None), (server not in sources if sources else None)
