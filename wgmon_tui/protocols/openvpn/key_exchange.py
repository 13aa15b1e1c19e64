"""Key method 2: what both sides send through TLS first, and the keys of the data channel.

The keys come from random bytes of both sides through the PRF of TLS 1.0, or from TLS itself (ssl.c:
key_method_2_write, generate_key_expansion; doc/keying-material-exporter.txt).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from wgmon_tui.protocols.openvpn.wire import MalformedError

KEY_MATERIAL_LENGTH = 256
"""Two pairs of a cipher key and an HMAC key, 64 bytes each. The first pair is for what the client sends."""

EXPORTER_LABEL = b"EXPORTER-OpenVPN-datakeys"
_KEY_METHOD = 2
_PRE_MASTER_LENGTH, _RANDOM_LENGTH = 48, 32
_MASTER_LENGTH = 48
_LONGEST_TEXT = 0xFFFF

DATA_V2 = 1 << 1
TLS_KEY_EXPORT = 1 << 3
AUTH_PENDING_KEYWORDS = 1 << 4
CONTROL_EXIT_NOTIFY = 1 << 7
AUTH_FAILED_TEMPORARILY = 1 << 8
IV_PROTO = DATA_V2 | TLS_KEY_EXPORT | AUTH_PENDING_KEYWORDS | CONTROL_EXIT_NOTIFY | AUTH_FAILED_TEMPORARILY
"""What this client announces that it can do (ssl.h)."""


@dataclass(frozen=True, slots=True)
class KeySource:
    """The random bytes of one side. A server has no `pre_master`."""

    pre_master: bytes = field(repr=False)
    random1: bytes = field(repr=False)
    random2: bytes = field(repr=False)

    @classmethod
    def of_client(cls, random_bytes: bytes) -> KeySource:
        """The source of a client, from 112 random bytes."""
        first, second = _PRE_MASTER_LENGTH, _PRE_MASTER_LENGTH + _RANDOM_LENGTH
        return cls(random_bytes[:first], random_bytes[first:second], random_bytes[second:])


CLIENT_RANDOM_LENGTH = _PRE_MASTER_LENGTH + 2 * _RANDOM_LENGTH


@dataclass(frozen=True, slots=True)
class ServerKeyMessage:
    """The answer of the server. `options` describe its configuration; a client compares them with its own."""

    source: KeySource
    options: str
    length: int


def build_client_message(
    source: KeySource, options: str, username: str, password: str, peer_info: str
) -> bytes:
    """The first message through TLS. Raises ValueError if a text is too long."""
    texts = (_text(each) for each in (options, username, password, peer_info))
    random_bytes = source.pre_master + source.random1 + source.random2
    return bytes(4) + bytes((_KEY_METHOD,)) + random_bytes + b"".join(texts)


def parse_server_message(data: bytes) -> ServerKeyMessage | None:
    """Parse the answer; None if more bytes have to come. Raises MalformedError.

    A server may send user, password and peer information behind the options, all of them usually empty. They
    come in the same TLS record, so what follows the options belongs to them.
    """
    if len(data) >= 5 and data[4] & 0x0F != _KEY_METHOD:
        raise MalformedError("another key method than 2")
    at = 5 + 2 * _RANDOM_LENGTH
    if len(data) < at + 2:
        return None
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    if len(data) < end:
        return None
    randoms = data[5:at]
    source = KeySource(b"", randoms[:_RANDOM_LENGTH], randoms[_RANDOM_LENGTH:])
    options = data[at + 2 : end].rstrip(b"\0").decode("utf-8", "replace")
    return ServerKeyMessage(source, options, len(data))


def derive_from_sources(client: KeySource, server: KeySource, client_id: bytes, server_id: bytes) -> bytes:
    """The key material of the data channel, from the random bytes and the session ids of both sides."""
    seed = b"OpenVPN master secret" + client.random1 + server.random1
    master = tls1_prf(client.pre_master, seed, _MASTER_LENGTH)
    seed = b"OpenVPN key expansion" + client.random2 + server.random2 + client_id + server_id
    return tls1_prf(master, seed, KEY_MATERIAL_LENGTH)


def tls1_prf(secret: bytes, seed: bytes, length: int) -> bytes:
    """The pseudorandom function of TLS 1.0 (RFC 2246 §5). `seed` includes the label."""
    half = (len(secret) + 1) // 2
    md5 = _expand(secret[:half], seed, length, "md5")
    sha1 = _expand(secret[-half:], seed, length, "sha1")
    return bytes(first ^ second for first, second in zip(md5, sha1, strict=True))


def _expand(secret: bytes, seed: bytes, length: int, digest: str) -> bytes:
    output, chained = b"", seed
    while len(output) < length:
        chained = hmac.digest(secret, chained, digest)
        output += hmac.digest(secret, chained + seed, digest)
    return output[:length]


def _text(value: str) -> bytes:
    """A text with its length, which counts the null byte at its end. An empty one has neither."""
    if not value:
        return bytes(2)
    content = value.encode() + b"\0"
    if len(content) > _LONGEST_TEXT:
        raise ValueError("a text of more than 65,534 bytes")
    return len(content).to_bytes(2, "big") + content


def options_of_client(
    auth: str,
    cipher: str,
    transport: str,
    version: int,
    *,
    device: str,
    mtu: int,
    is_compressing: bool = False,
    is_fragmenting: bool = False,
) -> str:
    """What a client tells of its configuration. Servers only log a difference, apart from two words.

    A server without cipher negotiation takes the cipher from here. One with `compress migrate` pushes another
    framing to a client that tells of compression, whatever the algorithm.
    """
    proto = f"{'TCP' if transport == 'tcp' else 'UDP'}v{version}{'_CLIENT' if transport == 'tcp' else ''}"
    link_mtu = mtu + 41  # 1541 for the default, as every client says
    framing = (",comp-lzo" if is_compressing else "") + (",mtu-dynamic" if is_fragmenting else "")
    return (
        f"V4,dev-type {device},link-mtu {link_mtu},tun-mtu {mtu},proto {proto}{framing},"
        f"cipher {cipher},auth {auth},keysize 256,key-method 2,tls-client"
    )


def peer_info(version: str, ciphers: tuple[str, ...], more: tuple[tuple[str, str], ...] = ()) -> str:
    """The lines that tell a server what this client is and can do."""
    lines = [
        ("IV_VER", version),
        ("IV_PLAT", "linux"),
        ("IV_NCP", "2"),
        ("IV_TCPNL", "1"),
        ("IV_MTU", "1600"),
        ("IV_CIPHERS", ":".join(each.replace("NONE", "none") for each in ciphers)),
        ("IV_PROTO", str(IV_PROTO)),
        *((stub, "1") for stub in ("IV_LZO_STUB", "IV_COMP_STUB", "IV_COMP_STUBv2")),
        *more,
    ]
    return "".join(f"{name}={value}\n" for name, value in lines)
