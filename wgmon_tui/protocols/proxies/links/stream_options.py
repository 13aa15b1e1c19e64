"""TLS and transport in the query of a link, as Xray-core's discussion 716 lists the keys.

VMess, VLESS and Trojan share them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from wgmon_tui.protocols.proxies.links.link_text import (
    ShareLinkError,
    UriParts,
    decode_base64,
    encode_base64url,
    parse_flag,
    parse_number,
    split_list,
)
from wgmon_tui.protocols.proxies.links.records import (
    EARLY_DATA_HEADER,
    GrpcOptions,
    HttpUpgradeOptions,
    OtherTransport,
    RealityOptions,
    TlsOptions,
    Transport,
    WebSocketOptions,
)

_REALITY_KEY_BYTES = 32
_LONGEST_SHORT_ID = 16
_MLDSA65_KEY_BYTES = 1952
"""FIPS 204 §4."""

_DIGEST_BYTES = 32
_PLAIN = ("", "tcp", "raw")
_TLS_WORDS = ("tls", "xtls")


def read_tls(parts: UriParts, default: str = "none") -> TlsOptions | None:
    """The TLS options of a link. `default` is what holds without a `security`. Raises ShareLinkError."""
    security = parts.get("security").lower() or default
    if security == "none":
        return None
    if security not in (*_TLS_WORDS, "reality"):
        raise ShareLinkError("its security is none of none, tls and reality")
    return TlsOptions(
        server_name=parts.get("sni", "peer", "servername"),
        alpn=split_list(parts.get("alpn")),
        fingerprint=parts.get("fp"),
        is_insecure=parse_flag(parts.get("allowInsecure", "insecure", "allow_insecure"), "allowInsecure"),
        pinned_sha256=read_pins(parts.get("pcs", "pinSHA256")),
        reality=_read_reality(parts) if security == "reality" else None,
    )


def _read_reality(parts: UriParts) -> RealityOptions:
    return make_reality(parts.get("pbk"), parts.get("sid"), parts.get("spx"), parts.get("pqv"))


def make_reality(
    public_key: str, short_id: str, spider_path: str = "", mldsa65_key: str = ""
) -> RealityOptions:
    """REALITY's values as text: base64url and hexadecimal. Raises ShareLinkError."""
    key = decode_base64(public_key)
    if key is None or len(key) != _REALITY_KEY_BYTES:
        raise ShareLinkError("its REALITY public key (pbk) is not 32 bytes of base64")
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", short_id) or len(short_id) > _LONGEST_SHORT_ID:
        raise ShareLinkError("its REALITY short id (sid) is not up to 16 hexadecimal digits, two a byte")
    second = decode_base64(mldsa65_key) if mldsa65_key else b""
    if second is None or len(second) not in (0, _MLDSA65_KEY_BYTES):
        raise ShareLinkError(f"its ML-DSA-65 key (pqv) is not {_MLDSA65_KEY_BYTES} bytes of base64")
    return RealityOptions(key, bytes.fromhex(short_id), spider_path, second)


def read_pins(text: str) -> tuple[bytes, ...]:
    """SHA-256 digests in hexadecimal or base64, between commas or ~. Raises ShareLinkError."""
    return tuple(_read_pin(each) for each in split_list(text.replace("~", ",")))


def _read_pin(text: str) -> bytes:
    digits = text.replace(":", "").replace("-", "")
    is_hex = re.fullmatch(r"[0-9a-fA-F]{64}", digits) is not None
    digest = bytes.fromhex(digits) if is_hex else decode_base64(text)
    if digest is None or len(digest) != _DIGEST_BYTES:
        raise ShareLinkError("its digest of a certificate is not a SHA-256 digest")
    return digest


def read_transport(parts: UriParts) -> Transport | None:
    """The transport of a link. Raises ShareLinkError."""
    kind = parts.get("type").lower()
    if kind in _PLAIN:
        return OtherTransport("tcp with an HTTP header") if parts.get("headerType") == "http" else None
    return make_transport(
        kind,
        parts.get("path"),
        parts.get("host"),
        service_name=parts.get("serviceName"),
        authority=parts.get("authority"),
        is_multi=parts.get("mode") == "multi",
    )


def make_transport(
    kind: str,
    path: str = "",
    host: str = "",
    *,
    service_name: str = "",
    authority: str = "",
    is_multi: bool = False,
) -> Transport:
    """A transport by its name. A path that ends in `ed=N` asks for early data. Raises ShareLinkError."""
    match kind:
        case "ws" | "websocket":
            bare, early = _split_early_data(path)
            return WebSocketOptions(rooted(bare), host, early)
        case "httpupgrade":
            return HttpUpgradeOptions(rooted(_split_early_data(path)[0]), host)
        case "grpc" | "gun":
            return GrpcOptions(service_name or path, authority, is_multi)
        case _:
            known = re.fullmatch(r"[a-z0-9+-]{1,20}", kind)
            return OtherTransport(kind if known else "unknown")


def with_early_data(transport: Transport, size: int, header: str) -> Transport:
    """The transport with up to `size` bytes of early data, if they go into the header that a link means.

    Elsewhere they are left out: a server takes them after the request, too.
    """
    if isinstance(transport, WebSocketOptions) and size and header.lower() == EARLY_DATA_HEADER.lower():
        return replace(transport, early_data=size)
    return transport


def rooted(path: str) -> str:
    """A path that begins with a slash."""
    return path if path.startswith("/") else f"/{path}"


def _split_early_data(path: str) -> tuple[str, int]:
    """A path without its `ed`, and the number of bytes in that: Xray reads it from the path's query."""
    bare, mark, query = path.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    early = next((value for key, value in pairs if key == "ed"), "")
    if not mark or not early:
        return path, 0
    rest = urlencode([pair for pair in pairs if pair[0] != "ed"])
    return (f"{bare}?{rest}" if rest else bare), parse_number(early, "ed")


def write_tls(tls: TlsOptions | None) -> Iterator[tuple[str, str]]:
    """The query of TLS options. Inverse of `read_tls`."""
    if tls is None:
        yield "security", "none"
        return
    yield "security", "reality" if tls.reality else "tls"
    yield "sni", tls.server_name
    yield "alpn", ",".join(tls.alpn)
    yield "fp", tls.fingerprint
    yield "allowInsecure", "1" if tls.is_insecure else ""
    yield "pcs", ",".join(digest.hex() for digest in tls.pinned_sha256)
    if tls.reality:
        yield "pbk", encode_base64url(tls.reality.public_key)
        yield "sid", tls.reality.short_id.hex()
        yield "spx", tls.reality.spider_path
        yield "pqv", encode_base64url(tls.reality.mldsa65_key)


def write_transport(transport: Transport | None) -> Iterator[tuple[str, str]]:
    """The query of a transport. Inverse of `read_transport`."""
    match transport:
        case None:
            yield "type", "tcp"
        case WebSocketOptions(path, host, early):
            yield "type", "ws"
            yield "path", f"{path}{'&' if '?' in path else '?'}ed={early}" if early else path
            yield "host", host
        case HttpUpgradeOptions(path, host):
            yield "type", "httpupgrade"
            yield "path", path
            yield "host", host
        case GrpcOptions(service_name, authority, is_multi):
            yield "type", "grpc"
            yield "serviceName", service_name
            yield "authority", authority
            yield "mode", "multi" if is_multi else "gun"
        case OtherTransport("tcp with an HTTP header"):
            yield "type", "tcp"
            yield "headerType", "http"
        case OtherTransport(name):
            yield "type", name
