"""The client of IKEv2 without I/O: datagrams and times in, datagrams and events out.

Times are seconds of a monotonic clock. The client sends whatever `take_datagrams` returns, and must be asked
again at `next_at`.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from wgmon_tui.protocols.ikev2.client_options import IKE_PORT, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.decrypted_parts import DecryptedParts, message_key
from wgmon_tui.protocols.ikev2.events import (
    EapEnded,
    Established,
    Event,
    IkeSessionEnded,
    MessageDropped,
    Redirected,
    RequestRefused,
    RequestUnanswered,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, Notify, PayloadType
from wgmon_tui.protocols.ikev2.key_derivation import HmacPrf, KeyMaterial, derive_keys
from wgmon_tui.protocols.ikev2.payload_words import describe_payloads
from wgmon_tui.protocols.ikev2.proposals import TransformType
from wgmon_tui.protocols.ikev2.protection import is_usable, key_sizes, make_cipher
from wgmon_tui.protocols.ikev2.request_channel import (
    DroppedMessage,
    RequestChannel,
    Response,
    ServerRequest,
)
from wgmon_tui.protocols.ikev2.sa_init import (
    SaInitResult,
    SaInitScript,
    Script,
    ScriptEndedError,
    WaitOn,
)
from wgmon_tui.protocols.ikev2.wire import (
    NON_ESP_MARKER,
    IkeHeader,
    NotifyPayload,
    Payload,
    delete_ike_sa,
    parse_header,
)

DELETE_TIMEOUT_S = 1.0
"""How long the end of a session may take. The server forgets the session later in any case."""

_SPI_SIZE = 8
_MOST_DROPPED = 16


class _AtServer(Enum):
    """What the server holds of this session."""

    NOTHING = auto()
    HALF_OPEN = auto()
    UP = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class OutgoingDatagram:
    """Bytes to send. `to_nat_port`: to port 4500 of a server whose endpoint is port 500."""

    data: bytes
    to_nat_port: bool


class IkeClient:
    """One session with a server: IKE_SA_INIT, IKE_AUTH if wanted, and its end."""

    def __init__(self, options: ClientOptions, path: PathEnds) -> None:
        self._options, self._path = options, path
        self._spi = b"\x01" + secrets.token_bytes(_SPI_SIZE - 1)
        self._channel = RequestChannel(self._spi)
        # Any port but 500 may get ESP too, so that every IKE message there has the marker.
        self._has_marker = path.remote_port != IKE_PORT
        self._now = self._began = 0.0
        self._last_request = b""
        self._datagrams: list[OutgoingDatagram] = []
        self._events: list[Event] = []
        self._dropped = 0
        self._script: Script | None = None
        self._deadline = self._timeout = 0.0
        self._exchange = ExchangeType.IKE_SA_INIT
        self._is_ending = False
        self._at_server = _AtServer.NOTHING
        self.keys: KeyMaterial | None = None
        self.opened: SaInitResult | None = None
        self.is_done = False
        self.parts = DecryptedParts()
        """What the encrypted messages of the session held, in words."""

    @property
    def next_at(self) -> float | None:
        """When `advance` has something to do; None if the script waits for nothing."""
        if self.is_done or self._channel.next_retransmission is None:
            return None
        return min(self._deadline, self._channel.next_retransmission)

    @property
    def is_waiting(self) -> bool:
        """Whether a response is still to come. A session that is up waits for nothing."""
        return self.next_at is not None

    def take_datagrams(self) -> list[OutgoingDatagram]:
        """What to send now."""
        taken, self._datagrams = self._datagrams, []
        return taken

    def note_sent(self, now: float) -> None:
        """What `take_datagrams` returned has left at this time: round-trip times count from there."""
        self._now = max(self._now, now)
        self._channel.note_sent(self._now)

    def take_events(self) -> list[Event]:
        """What happened since the last call."""
        taken, self._events = self._events, []
        return taken

    def begin(self, now: float) -> None:
        """Begin with IKE_SA_INIT."""
        self._now = self._began = now
        self._script = self._run()
        self._resume(None)

    def advance(self, now: float) -> None:
        """Do what is due: send a request again, or give up on it."""
        self._now = max(self._now, now)
        if not self.is_waiting:
            return
        if self._now >= self._deadline:
            self._give_up()
        elif self._now >= (self._channel.next_retransmission or 0.0):
            self._send(self._channel.retransmit(self._now))

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram of the server's address, with or without the marker."""
        if self.is_done:
            return
        self._now = max(self._now, now)
        if data.startswith(NON_ESP_MARKER):
            data = data[len(NON_ESP_MARKER) :]
        found, answers = self._channel.receive(data, self._now)
        self._send(answers)
        if isinstance(found, Response):
            self._note_part(found.message.header, found.payloads)
        match found:
            case DroppedMessage(reason):
                self._note_dropped(reason, len(data))
            case ServerRequest(ends_session=True):
                self._finish(IkeSessionEnded(self._elapsed(), None, is_confirmed=False, by_server=True))
            case Response() if self._is_ending:
                self._finish(IkeSessionEnded(self._elapsed(), found.rtt, is_confirmed=True))
            case Response():
                self._resume(found)

    def end(self, now: float) -> None:
        """End the session, also after a failure: the server forgets it at once.

        A server blocks an address from which several sessions are half open. No request for their end exists;
        strongSwan drops one when IKE_AUTH has nothing but an error. Nothing comes back then.
        """
        self._now = max(self._now, now)
        if self.is_done or self._is_ending:
            return
        if self._exchange is ExchangeType.IKE_AUTH:
            self._expect_session()
        self._close_script()
        held, self._at_server = self._at_server, _AtServer.NOTHING
        if held is _AtServer.UP:
            self._is_ending = True
            self._request(ExchangeType.INFORMATIONAL, (delete_ike_sa(),), DELETE_TIMEOUT_S)
            return
        if held is _AtServer.HALF_OPEN:
            failed = NotifyPayload(Notify.AUTHENTICATION_FAILED).to_payload()
            self._request(ExchangeType.IKE_AUTH, (failed,), 0.0)
        elif held is _AtServer.UNKNOWN:
            self._request(ExchangeType.INFORMATIONAL, (delete_ike_sa(),), 0.0)
        self._channel.abandon()
        self.is_done = True

    def _run(self) -> Script:
        """The whole session up to its end."""
        first = SaInitScript(
            self._options, self._path, self._spi, self._emit, self._elapsed, lambda: self._last_request
        )
        yield from first.run()
        opened = self.opened = first.result
        if opened is None or not is_usable(opened.chosen):  # only a query can get such an answer
            return
        prf = self._protect(opened)
        wanted = self._options.authentication
        if wanted is None or self.keys is None:
            return
        from wgmon_tui.protocols.ikev2.authentication import AuthenticationScript

        yield from AuthenticationScript(wanted, opened, prf, self.keys, self._emit, self._elapsed).run()

    def _protect(self, opened: SaInitResult) -> HmacPrf:
        """Derive the keys, and use them and port 4500 from now on."""
        number = opened.chosen.first(TransformType.PRF)
        prf = HmacPrf(number.number if number else 0)
        keys = self.keys = derive_keys(prf, opened.nonces, opened.shared, *key_sizes(opened.chosen))
        self._channel.can_fragment = opened.can_fragment
        self._channel.protect(
            opened.nonces.responder_spi,
            make_cipher(opened.chosen, keys.encryption_i, keys.integrity_i),
            make_cipher(opened.chosen, keys.encryption_r, keys.integrity_r),
        )
        self._has_marker = True
        self._at_server = _AtServer.HALF_OPEN
        return prf

    def _resume(self, response: Response | None) -> None:
        """Run the script until it waits again."""
        script = self._script
        if script is None:
            return
        try:
            step = next(script) if response is None else script.send(response)
        except StopIteration:
            self._script = None
            self._channel.abandon()
        except ScriptEndedError as ended:
            self._script = None
            self._channel.abandon()
            self._emit(ended.event)
        else:
            if isinstance(step, WaitOn):
                self._note_dropped(step.reason, step.size)
            else:
                timeout = max(self._options.timeout, step.least_timeout)
                self._request(step.exchange, step.payloads, timeout)

    def _request(self, exchange: ExchangeType, payloads: tuple[Payload, ...], timeout: float) -> None:
        datagrams = self._channel.request(exchange, payloads, self._now)
        self._note_part(parse_header(datagrams[0]), payloads)
        self._last_request, self._exchange = datagrams[0], exchange
        self._timeout, self._deadline = timeout, self._now + timeout
        self._send(datagrams)

    def _note_part(self, header: IkeHeader, payloads: Sequence[Payload]) -> None:
        if header.first_payload in (PayloadType.SK, PayloadType.SKF):
            self.parts.add(message_key(header), describe_payloads(payloads))

    def _send(self, datagrams: tuple[bytes, ...]) -> None:
        marker = NON_ESP_MARKER if self._has_marker else b""
        moved = self._has_marker and self._path.remote_port == IKE_PORT
        self._datagrams += [OutgoingDatagram(marker + each, moved) for each in datagrams]

    def _give_up(self) -> None:
        if self._is_ending:
            self._finish(IkeSessionEnded(self._elapsed(), None, is_confirmed=False))
            return
        size = self._channel.pending_size
        self._expect_session()
        self._close_script()
        self._emit(RequestUnanswered(self._elapsed(), self._exchange, self._timeout, size))

    def _expect_session(self) -> None:
        """Note that the session may be up, because the answer to the last request is lost or on its way."""
        if self._at_server is _AtServer.HALF_OPEN and self.is_waiting:
            self._at_server = _AtServer.UNKNOWN

    def _close_script(self) -> None:
        if isinstance(self._script, Generator):
            self._script.close()
        self._script = None
        self._channel.abandon()

    def _finish(self, event: Event) -> None:
        self._close_script()
        self.is_done = True
        self._emit(event)

    def _note_dropped(self, reason: str, size: int) -> None:
        self._dropped += 1
        if self._dropped <= _MOST_DROPPED:
            self._emit(MessageDropped(self._elapsed(), reason, size))

    def _emit(self, event: Event) -> None:
        self._events.append(event)
        match event:
            case Established():
                self._at_server = _AtServer.UP
            case ServerRejected() if not self._has_eap:
                self._at_server = _AtServer.UP
            case Redirected() if self._exchange is ExchangeType.IKE_AUTH:
                self._at_server = _AtServer.UP
            case RequestRefused(exchange=ExchangeType.IKE_AUTH) | EapEnded():
                self._at_server = _AtServer.NOTHING

    @property
    def _has_eap(self) -> bool:
        wanted = self._options.authentication
        return wanted is not None and wanted.has_eap

    def _elapsed(self) -> float:
        return self._now - self._began
