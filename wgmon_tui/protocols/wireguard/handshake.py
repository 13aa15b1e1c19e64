"""The Noise_IKpsk2 handshake of WireGuard (§5.4): initiator and responder.

The initiator's side is `Initiator` and `Attempt`. An `Initiator` holds one pair of static keys and computes
once what does not change between attempts. An `Attempt` is one initiation in flight, with the ephemeral key
and hash that a late response needs. The responder's side is `Responder` and `ReceivedInitiation`. Both sides
end in a `Session`.

A response is accepted only after the AEAD of `empty` authenticates. MAC1 needs only the initiator's public
key, so 92 bytes of type 2 with the right index prove nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache

from wgmon_tui.checks.rejection import Reason
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.protocols.wireguard.cookie import NO_MAC, Mac1, cookie_key, mac1_key, mac2, open_cookie_reply
from wgmon_tui.protocols.wireguard.primitives import (
    AuthenticationError,
    LowOrderPointError,
    aead_open,
    aead_seal,
    dh,
    dh_public,
    hash_,
    kdf1,
    kdf2,
    kdf3,
    mac,
)
from wgmon_tui.protocols.wireguard.session import Session
from wgmon_tui.protocols.wireguard.wire import MessageType, message_type

_CHAIN = hash_(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
_HASH = hash_(_CHAIN + b"WireGuard v1 zx2c4 Jason@zx2c4.com")
INITIATION_HEADER = b"\x01\0\0\0"
RESPONSE_HEADER = b"\x02\0\0\0"


class RejectedError(Exception):
    """A packet was rejected; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Initiator:
    """The initiator towards one server: static keys, preshared key and shared precomputed state."""

    __slots__ = (
        "_own_mac1",
        "_precomputed",
        "_private",
        "_psk",
        "_remote",
    )

    def __init__(self, private: PrivateKey, remote: PublicKey, psk: PresharedKey = NO_PRESHARED_KEY) -> None:
        """Raises RejectedError (LOW_ORDER) for a server key that no Curve25519 key pair has."""
        self._private = private
        self._remote = remote
        self._psk = psk
        try:
            static_static = dh(private.raw, remote.raw)
        except LowOrderPointError:
            raise RejectedError(Reason.LOW_ORDER) from None
        self._precomputed = static_static + hash_(_HASH + remote.raw) + mac1_key(remote)
        """32 bytes each, in one object: three would take 100 bytes more for each server."""
        self._own_mac1 = _shared_mac1(private.public)

    def has_preshared_key(self, psk: PresharedKey) -> bool:
        """Whether this is the preshared key of the handshakes."""
        return self._psk == psk

    def initiate(
        self,
        sender: int,
        timestamp: bytes,
        cookie: bytes | None = None,
        ephemeral: bytes | None = None,
        header: bytes = INITIATION_HEADER,
    ) -> Attempt:
        """Start an attempt (§5.4.2).

        `sender` is the index that the response carries as receiver. `timestamp` is a TAI64N stamp later than
        any that this key has used. `cookie` holds the 16 bytes of a cookie reply at most two minutes old.
        `ephemeral` is the one-time private key, random unless a test or a recorded exchange passes one.
        `header` are the first four bytes, which a framing may replace: only the MACs cover them.
        """
        ephemeral = ephemeral or os.urandom(32)
        ephemeral_public = dh_public(ephemeral)
        chain = kdf1(_CHAIN, ephemeral_public)
        transcript = hash_(self._precomputed[32:64] + ephemeral_public)
        chain, key = kdf2(chain, dh(ephemeral, self._remote.raw))
        static = aead_seal(key, self._private.public.raw, transcript)
        transcript = hash_(transcript + static)
        chain, key = kdf2(chain, self._precomputed[:32])
        timestamp = aead_seal(key, timestamp, transcript)
        transcript = hash_(transcript + timestamp)

        message = header + sender.to_bytes(4, "little") + ephemeral_public + static + timestamp
        mac1 = mac(self._precomputed[64:], message)
        message += mac1
        packet = message + (mac2(cookie, message) if cookie else NO_MAC)
        return Attempt(self, sender, packet, mac1, ephemeral, chain, transcript)

    def complete(self, attempt: Attempt, packet: bytes) -> Session:
        """Authenticate a response and derive the session (§5.4.3).

        Raises RejectedError. BAD_EMPTY does not prove a wrong key: anyone on the path can forge it.
        Take only one session from an attempt. If the network duplicates a response, a second session would
        encrypt with the same keys from packet number zero again.
        """
        chain, transcript = self._mix_response(attempt, packet)
        try:
            chain = _open_empty(chain, transcript, packet, self._psk)
        except AuthenticationError:
            raise RejectedError(Reason.BAD_EMPTY) from None
        send_key, receive_key = kdf2(chain, b"")
        return Session(
            send_key=send_key,
            receive_key=receive_key,
            local_index=attempt.sender,
            remote_index=int.from_bytes(packet[4:8], "little"),
        )

    def find_psk(
        self, attempt: Attempt, packet: bytes, candidates: Iterable[PresharedKey]
    ) -> PresharedKey | None:
        """Find the preshared key among `candidates` under which a response authenticates.

        The four Diffie-Hellman results do not depend on it, so each further candidate costs microseconds.
        Raises RejectedError for a packet that no preshared key could authenticate.
        """
        chain, transcript = self._mix_response(attempt, packet)
        for candidate in candidates:
            try:
                _open_empty(chain, transcript, packet, candidate)
            except AuthenticationError:
                continue
            return candidate
        return None

    def _mix_response(self, attempt: Attempt, packet: bytes) -> tuple[bytes, bytes]:
        """Chaining key and hash of a response, before the preshared key is mixed in. Raises RejectedError."""
        if message_type(packet) is not MessageType.RESPONSE:
            raise RejectedError(_type_mismatch(packet))
        if packet[8:12] != attempt.packet[4:8]:
            raise RejectedError(Reason.OTHER_INDEX)
        if not self._own_mac1.verify(packet):
            raise RejectedError(Reason.BAD_MAC1)
        remote_ephemeral = packet[12:44]
        try:
            chain = kdf1(attempt.chain, remote_ephemeral)
            chain = kdf1(chain, dh(attempt.ephemeral, remote_ephemeral))
            chain = kdf1(chain, dh(self._private.raw, remote_ephemeral))
        except LowOrderPointError:
            raise RejectedError(Reason.LOW_ORDER) from None
        return chain, hash_(attempt.transcript + remote_ephemeral)

    def open_cookie(self, attempt: Attempt, packet: bytes) -> bytes:
        """The cookie that the server demands in the next attempt's mac2. Raises RejectedError."""
        if message_type(packet) is not MessageType.COOKIE_REPLY:
            raise RejectedError(_type_mismatch(packet))
        if packet[4:8] != attempt.packet[4:8]:
            raise RejectedError(Reason.OTHER_INDEX)
        try:
            return open_cookie_reply(packet, cookie_key(self._remote), attempt.mac1)
        except AuthenticationError:
            raise RejectedError(Reason.BAD_COOKIE) from None


class Attempt:
    """One initiation in flight. Kept until no response can arrive: servers may answer late."""

    __slots__ = ("chain", "ephemeral", "initiator", "mac1", "packet", "sender", "transcript")

    def __init__(
        self,
        initiator: Initiator,
        sender: int,
        packet: bytes,
        mac1: bytes,
        ephemeral: bytes,
        chain: bytes,
        transcript: bytes,
    ) -> None:
        self.initiator = initiator
        self.sender = sender
        self.packet = packet
        self.mac1 = mac1
        self.ephemeral = ephemeral
        self.chain = chain
        self.transcript = transcript

    def __repr__(self) -> str:
        return f"Attempt(sender={self.sender:#010x})"

    def complete(self, packet: bytes) -> Session:
        """`Initiator.complete` for this attempt."""
        return self.initiator.complete(self, packet)

    def find_psk(self, packet: bytes, candidates: Iterable[PresharedKey]) -> PresharedKey | None:
        """`Initiator.find_psk` for this attempt."""
        return self.initiator.find_psk(self, packet, candidates)

    def open_cookie(self, packet: bytes) -> bytes:
        """`Initiator.open_cookie` for this attempt."""
        return self.initiator.open_cookie(self, packet)


class ReceivedInitiation:
    """A decrypted initiation: the peer's key, its timestamp, and the state for the response."""

    __slots__ = ("chain", "ephemeral", "sender", "static", "timestamp", "transcript")

    def __init__(
        self,
        sender: int,
        static: PublicKey,
        timestamp: bytes,
        ephemeral: bytes,
        chain: bytes,
        transcript: bytes,
    ) -> None:
        self.sender = sender
        self.static = static
        self.timestamp = timestamp
        self.ephemeral = ephemeral
        self.chain = chain
        self.transcript = transcript


class Responder:
    """The responder, for the lab and for tests. It holds no peers: the caller decides whom to admit."""

    __slots__ = ("_hash", "_mac1", "_private", "_static_static")

    def __init__(self, private: PrivateKey) -> None:
        self._private = private
        # Cached, as in real servers: it is the same for every handshake of a peer, and a third of the cost.
        self._static_static = lru_cache(4096)(lambda static: dh(private.raw, static))
        self._hash = hash_(_HASH + private.public.raw)
        self._mac1 = Mac1(private.public)

    def has_valid_mac1(self, packet: bytes) -> bool:
        """Whether the sender of a handshake packet knows this public key. Cheap: no DH."""
        return self._mac1.verify(packet)

    def open(self, packet: bytes) -> ReceivedInitiation:
        """Decrypt an initiation. Raises RejectedError; a real server stays silent then.

        The caller must drop a timestamp that is not later than the last one of that static key (§5.1).
        """
        if message_type(packet) is not MessageType.INITIATION:
            raise RejectedError(_type_mismatch(packet))
        if not self.has_valid_mac1(packet):
            raise RejectedError(Reason.BAD_MAC1)
        ephemeral, static_sealed, stamp_sealed = packet[8:40], packet[40:88], packet[88:116]
        chain = kdf1(_CHAIN, ephemeral)
        transcript = hash_(self._hash + ephemeral)
        try:
            chain, key = kdf2(chain, dh(self._private.raw, ephemeral))
            static = _open_or_reject(Reason.BAD_STATIC, key, static_sealed, transcript)
            transcript = hash_(transcript + static_sealed)
            chain, key = kdf2(chain, self._static_static(static))
        except LowOrderPointError:
            raise RejectedError(Reason.LOW_ORDER) from None
        timestamp = _open_or_reject(Reason.BAD_TIMESTAMP, key, stamp_sealed, transcript)
        transcript = hash_(transcript + stamp_sealed)
        sender = int.from_bytes(packet[4:8], "little")
        return ReceivedInitiation(sender, PublicKey(static), timestamp, ephemeral, chain, transcript)

    def respond(
        self,
        initiation: ReceivedInitiation,
        sender: int,
        psk: PresharedKey = NO_PRESHARED_KEY,
        ephemeral: bytes | None = None,
        header: bytes = RESPONSE_HEADER,
    ) -> tuple[bytes, Session]:
        """Make the 92-byte response (§5.4.3) and the responder's session. `header` is as in `initiate`.

        Raises RejectedError (LOW_ORDER).
        """
        ephemeral = ephemeral or os.urandom(32)
        ephemeral_public = dh_public(ephemeral)
        transcript = hash_(initiation.transcript + ephemeral_public)
        try:
            chain = kdf1(initiation.chain, ephemeral_public)
            chain = kdf1(chain, dh(ephemeral, initiation.ephemeral))
            chain = kdf1(chain, dh(ephemeral, initiation.static.raw))
        except LowOrderPointError:
            raise RejectedError(Reason.LOW_ORDER) from None
        chain, tau, key = kdf3(chain, psk.raw)
        empty = aead_seal(key, b"", hash_(transcript + tau))
        message = (
            header
            + sender.to_bytes(4, "little")
            + initiation.sender.to_bytes(4, "little")
            + ephemeral_public
            + empty
        )
        message += Mac1(initiation.static).compute(message)
        receive_key, send_key = kdf2(chain, b"")
        session = Session(
            send_key=send_key, receive_key=receive_key, local_index=sender, remote_index=initiation.sender
        )
        return message + NO_MAC, session


@lru_cache(256)
def _shared_mac1(own: PublicKey) -> Mac1:
    """One record for all servers that are checked with an identity."""
    return Mac1(own)


def _open_empty(chain: bytes, transcript: bytes, packet: bytes, psk: PresharedKey) -> bytes:
    """Authenticate `empty` and return the chaining key. Raises AuthenticationError."""
    chain, tau, key = kdf3(chain, psk.raw)
    aead_open(key, packet[44:60], hash_(transcript + tau))
    return chain


def _type_mismatch(packet: bytes) -> Reason:
    return Reason.NOT_WIREGUARD if message_type(packet) is None else Reason.UNEXPECTED_TYPE


def _open_or_reject(reason: Reason, key: bytes, sealed: bytes, associated: bytes) -> bytes:
    try:
        return aead_open(key, sealed, associated)
    except AuthenticationError:
        raise RejectedError(reason) from None
