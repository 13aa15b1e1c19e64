"""Proxy servers as frozen records: what a share link says. The repr shows no secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from wgmon_tui.net.addresses import Endpoint

XRAY_VERSION = (26, 9, 9)
"""The version that a client of REALITY claims: that of the Xray whose ClientHello rules it follows.

Xray 26.7.11 and later refuse versions below 26.3.27, unless `minClientVer` says something else.
"""


@dataclass(frozen=True, slots=True)
class RealityOptions:
    """REALITY of Xray: `public_key` has 32 bytes, `short_id` up to 8; both come from the server.

    `mldsa65_key` is a second public key of the server, of ML-DSA-65 with 1952 bytes; a check does not use it.
    No link says the rest: `client_version` is what the client claims to be, and `offers_mlkem` whether its
    ClientHello has a key share of X25519MLKEM768, where the library of this machine can make one.
    """

    public_key: bytes = field(repr=False)
    short_id: bytes = field(default=b"", repr=False)
    spider_path: str = field(default="", repr=False)
    mldsa65_key: bytes = field(default=b"", repr=False)
    client_version: tuple[int, int, int] = XRAY_VERSION
    offers_mlkem: bool = True


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """TLS below the proxy protocol.

    `server_name` is the name in the ClientHello and in the certificate; "" means the host of the link.
    `fingerprint` is the browser whose ClientHello a client imitates. `is_insecure`: the client accepts any
    certificate. `pinned_sha256` are SHA-256 digests of accepted certificates.
    """

    server_name: str = ""
    alpn: tuple[str, ...] = ()
    fingerprint: str = ""
    is_insecure: bool = False
    pinned_sha256: tuple[bytes, ...] = ()
    reality: RealityOptions | None = None


EARLY_DATA_HEADER = "Sec-WebSocket-Protocol"
"""Where a link means early data to go. sing-box and mihomo may put it elsewhere: on the path, by default."""


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """WebSocket (RFC 6455). `host` is the Host header; "" means the TLS name, or the host of the link.

    Up to `early_data` bytes go into the header EARLY_DATA_HEADER of the request.
    """

    path: str = field(default="/", repr=False)
    host: str = ""
    early_data: int = 0


@dataclass(frozen=True, slots=True)
class HttpUpgradeOptions:
    """An HTTP Upgrade request without WebSocket frames."""

    path: str = field(default="/", repr=False)
    host: str = ""


@dataclass(frozen=True, slots=True)
class GrpcOptions:
    """gRPC: the stream is the method `Tun` of the service `service_name`."""

    service_name: str = field(default="", repr=False)
    authority: str = ""
    is_multi: bool = False


@dataclass(frozen=True, slots=True)
class OtherTransport:
    """A transport that wgmon-tui cannot speak, such as kcp or xhttp."""

    name: str


Transport = WebSocketOptions | HttpUpgradeOptions | GrpcOptions | OtherTransport
"""What carries the proxy protocol; without one, TCP carries it directly."""


@dataclass(frozen=True, slots=True)
class ShadowsocksLink:
    """A Shadowsocks server. `method` is the lower-case name of the cipher.

    `password` is a text, or one or several base64 keys with ":" between them for the 2022 methods.
    `plugin` is a SIP003 plugin with its options, "" for none.
    """

    endpoint: Endpoint
    method: str
    password: str = field(repr=False)
    plugin: str = field(default="", repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class VmessLink:
    """A VMess server. `security` is auto, aes-128-gcm, chacha20-poly1305, none or zero.

    An `alter_id` above 0 means the legacy header, which VMess AEAD replaced.
    """

    endpoint: Endpoint
    user_id: UUID = field(repr=False)
    security: str = "auto"
    alter_id: int = 0
    tls: TlsOptions | None = None
    transport: Transport | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class VlessLink:
    """A VLESS server. `flow` is "" or `xtls-rprx-vision`; `encryption` is `none` or that of VLESS itself."""

    endpoint: Endpoint
    user_id: UUID = field(repr=False)
    flow: str = ""
    encryption: str = field(default="none", repr=False)
    tls: TlsOptions | None = None
    transport: Transport | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class TrojanLink:
    """A Trojan server. It has TLS, unless a link turns that off in so many words."""

    endpoint: Endpoint
    password: str = field(repr=False)
    tls: TlsOptions | None = field(default_factory=TlsOptions)
    transport: Transport | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hysteria2Link:
    """A Hysteria 2 server, over QUIC. `ports` are further ports, such as `5000-6000`, to change between."""

    endpoint: Endpoint
    password: str = field(repr=False)
    tls: TlsOptions = field(default_factory=TlsOptions)
    ports: str = ""
    obfuscation: str = ""
    obfuscation_password: str = field(default="", repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class TuicLink:
    """A TUIC server of version 5, over QUIC."""

    endpoint: Endpoint
    user_id: UUID = field(repr=False)
    password: str = field(repr=False)
    tls: TlsOptions = field(default_factory=TlsOptions)
    congestion_control: str = ""
    udp_relay_mode: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class AnytlsLink:
    """An AnyTLS server."""

    endpoint: Endpoint
    password: str = field(repr=False)
    tls: TlsOptions = field(default_factory=TlsOptions)
    name: str = ""


CommandLink = Hysteria2Link | TuicLink | AnytlsLink
"""Servers that are checked through a program of the user: `protocol = "proxy-command"`."""

ProxyLink = ShadowsocksLink | VmessLink | VlessLink | TrojanLink
"""Servers whose protocol wgmon-tui speaks itself."""

AnyLink = ProxyLink | CommandLink


@dataclass(frozen=True, slots=True)
class SocksLink:
    """Where a program of the user listens, with SOCKS5. No share link says it."""

    endpoint: Endpoint
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    name: str = ""


StreamLink = ProxyLink | SocksLink
"""Servers that the common prober fetches through."""

StreamLinkT = TypeVar("StreamLinkT", bound=StreamLink)

PROXY_COMMAND = "proxy-command"

PROTOCOL_OF: dict[type[AnyLink], str] = {
    ShadowsocksLink: "shadowsocks",
    VmessLink: "vmess",
    VlessLink: "vless",
    TrojanLink: "trojan",
    Hysteria2Link: PROXY_COMMAND,
    TuicLink: PROXY_COMMAND,
    AnytlsLink: PROXY_COMMAND,
}
"""The word in servers.toml for each kind of link."""
