"""One session of an embedded OpenVPN server: packets in, packets out."""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from wgmon_tui.lab.inner_packets import echo_reply, parse
from wgmon_tui.protocols.openvpn.data_channel import DATA_V1, DATA_V2, DataChannel, DataError
from wgmon_tui.protocols.openvpn.key_exchange import (
    CLIENT_RANDOM_LENGTH,
    KeySource,
    derive_from_sources,
)
from wgmon_tui.protocols.openvpn.reliability import Outgoing, ReliableChannel
from wgmon_tui.protocols.openvpn.tunnel_messages import OCC_EXIT, PING
from wgmon_tui.protocols.openvpn.wire import (
    SESSION_ID_LENGTH,
    ControlBody,
    MalformedError,
    Opcode,
    build_body,
    opcode_of,
    parse_body,
)
from wgmon_tui.protocols.openvpn.wrapping import Plain, TlsCrypt, UnauthenticError

GATEWAY = IPv4Address("10.98.0.1")
"""The server inside of its tunnel."""

NETMASK = "255.255.255.0"
PING_S, PING_RESTART_S = 10, 60
CIPHERS = ("AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305", "AES-256-CBC")
OPTIONS = "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,key-method 2,tls-server"
_CHUNK = 1100
_RESETS = (Opcode.HARD_RESET_CLIENT_V2,)
_KEY_MESSAGE_HEAD = 5
_NO_TEXTS = bytes(6)
"""User, password and peer information of a server: three texts of no length (ssl.c: key_method_2_write)."""

_LONGEST_PLAINTEXT = 1 << 16


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """What a session needs of its server. `address` is that of the client inside of the tunnel.

    `refusal` is the text behind AUTH_FAILED; None lets every client in. `ping_s` is the time between two
    keepalives.
    """

    context: ssl.SSLContext
    static_key: bytes = field(repr=False)
    address: IPv4Address
    peer_id: int
    refusal: str | None = None
    ping_s: int = PING_S


class LabSession:
    """One client of the server. `now` is in seconds of one clock."""

    def __init__(self, setup: SessionSetup) -> None:
        self._setup = setup
        self._wrapping = TlsCrypt(setup.static_key, is_server=True) if setup.static_key else Plain()
        self._channel = ReliableChannel()
        self._own_id = os.urandom(SESSION_ID_LENGTH)
        self._client_id = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = setup.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_established = False
        self._plaintext = b""
        self._data: DataChannel | None = None
        self._cipher = CIPHERS[0]
        self._answers: list[bytes] = []
        self.is_over = False
        self.has_pushed = False
        """Whether the client was let in."""
        self.has_data = False
        """Whether a data packet authenticated."""

    def receive(self, packet: bytes, now: float) -> list[bytes]:
        """Take a packet; returns what the server sends."""
        if packet and packet[0] >> 3 in (DATA_V1, DATA_V2):
            self._on_data(packet)
        else:
            self._on_control(packet)
        return self.take_due(now)

    def take_due(self, now: float) -> list[bytes]:
        """What is to be sent now."""
        answers, self._answers = self._answers, []
        if self._client_id:
            answers += [self._wrap(each) for each in self._channel.take_due(now)]
        return answers

    def send_ping(self) -> None:
        """Queue a keepalive, once there are keys."""
        if self._data is not None:
            self._answers.append(self._data.seal(PING))

    def _wrap(self, packet: Outgoing) -> bytes:
        body = build_body(ControlBody(packet.acks, self._client_id, packet.number, packet.payload))
        return self._wrapping.wrap(packet.opcode, self._own_id, body, int(time.time()))

    # Control channel

    def _on_control(self, packet: bytes) -> None:
        try:
            opened = self._wrapping.unwrap(packet)
            body = parse_body(opened.opcode, opened.body)
        except (MalformedError, UnauthenticError):
            return
        if not self._client_id:
            if opened.opcode not in _RESETS or opcode_of(packet) not in _RESETS:
                return
            self._client_id = opened.session_id
            self._channel.send(Opcode.HARD_RESET_SERVER_V2)
        if opened.session_id != self._client_id:
            return
        self._channel.acknowledge(body.acks)
        if body.number is None:
            return
        found = self._channel.receive(body.number, opened.opcode, body.payload)
        if stream := b"".join(payload for opcode, payload in found if opcode is Opcode.CONTROL_V1):
            self._incoming.write(stream)
            self._advance()

    def _advance(self) -> None:
        try:
            if not self._is_established:
                self._tls.do_handshake()
                self._is_established = True
            while len(self._plaintext) < _LONGEST_PLAINTEXT and not self.is_over:
                read = self._tls.read(_LONGEST_PLAINTEXT)
                self.is_over = self.is_over or not read  # the client closed TLS
                self._plaintext += read
                self._on_plaintext()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.is_over = True
        while piece := self._outgoing.read(_CHUNK):
            self._channel.send(Opcode.CONTROL_V1, piece)

    def _on_plaintext(self) -> None:
        if self._data is None:
            self._on_key_message()
        *messages, rest = self._plaintext.split(b"\0")
        if self._data is None:
            return
        self._plaintext = rest
        for message in messages:
            if message == b"PUSH_REQUEST" and not self.has_pushed:
                self._push()
            elif message == b"EXIT":
                self.is_over = True

    def _on_key_message(self) -> None:
        """Key method 2 of the client: zeros, 2, random bytes, and texts after their lengths."""
        texts_at = _KEY_MESSAGE_HEAD + CLIENT_RANDOM_LENGTH
        texts, end = _read_texts(self._plaintext, texts_at, 4)
        if texts is None:
            return
        source = KeySource.of_client(self._plaintext[_KEY_MESSAGE_HEAD:texts_at])
        self._plaintext = self._plaintext[end:]
        own = KeySource(b"", os.urandom(32), os.urandom(32))
        self._cipher = _choose_cipher(texts[3])
        keys = derive_from_sources(source, own, self._client_id, self._own_id)
        self._data = DataChannel(self._cipher, "SHA1", keys, peer_id=self._setup.peer_id, is_server=True)
        answer = bytes(4) + b"\x02" + own.random1 + own.random2
        self._tls.write(answer + _text(OPTIONS) + _NO_TEXTS)

    def _push(self) -> None:
        if self._setup.refusal is not None:
            self._tls.write(f"AUTH_FAILED,{self._setup.refusal}".rstrip(",").encode() + b"\0")
            return
        self.has_pushed = True
        options = (
            f"route-gateway {GATEWAY}",
            "topology subnet",
            f"ping {self._setup.ping_s}",
            f"ping-restart {PING_RESTART_S}",
            f"ifconfig {self._setup.address} {NETMASK}",
            f"peer-id {self._setup.peer_id}",
            f"cipher {self._cipher}",
        )
        self._tls.write(b"PUSH_REPLY," + ",".join(options).encode() + b"\0")

    # Data channel

    def _on_data(self, packet: bytes) -> None:
        if self._data is None or not self.has_pushed:
            return
        try:
            payload = self._data.open(packet)
        except DataError:
            return
        self.has_data = True
        if payload == OCC_EXIT:
            self.is_over = True
            return
        inner = parse(payload)
        if inner is not None and inner.destination == GATEWAY and (reply := echo_reply(inner)):
            self._answers.append(self._data.seal(reply))


def _read_texts(data: bytes, at: int, count: int) -> tuple[list[str] | None, int]:
    """So many texts, each after its length, and where they end; None if they are not whole."""
    texts = []
    for _ in range(count):
        if len(data) < at + 2:
            return None, at
        length = int.from_bytes(data[at : at + 2], "big")
        if len(data) < at + 2 + length:
            return None, at
        texts.append(data[at + 2 : at + 2 + length].rstrip(b"\0").decode("utf-8", "replace"))
        at += 2 + length
    return texts, at


def _text(value: str) -> bytes:
    content = value.encode() + b"\0"
    return len(content).to_bytes(2, "big") + content


def _choose_cipher(peer_info: str) -> str:
    """The first cipher that both sides know."""
    lines = dict(line.partition("=")[::2] for line in peer_info.splitlines())
    offered = lines.get("IV_CIPHERS", CIPHERS[0]).split(":")
    return next((each for each in CIPHERS if each in offered), CIPHERS[0])
