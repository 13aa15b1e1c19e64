"""The layers of a connection, as a share link names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.grpc_layer import GrpcLayer
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    HttpUpgradeOptions,
    RealityOptions,
    ShadowsocksLink,
    SocksLink,
    StreamLink,
    StreamLinkT,
    TlsOptions,
    Transport,
    WebSocketOptions,
)
from wgmon_tui.protocols.proxies.reality.layer import RealityLayer
from wgmon_tui.protocols.proxies.stream_layers import StreamLayer
from wgmon_tui.protocols.proxies.tls_layer import TlsLayer, make_context
from wgmon_tui.protocols.proxies.websocket_layer import UpgradeLayer, WebSocketLayer

OUTER_TLS, PAGE_TLS = "tls", "page-tls"
"""The names of the two layers of TLS: that of the proxy, and that of the page."""


def tls_of(link: StreamLink) -> TlsOptions | None:
    """The TLS options of a link; None without TLS."""
    return None if isinstance(link, ShadowsocksLink | SocksLink) else link.tls


def reality_of(link: StreamLink) -> RealityOptions | None:
    """The REALITY of a link; None without it."""
    tls = tls_of(link)
    return tls.reality if tls else None


def transport_of(link: StreamLink) -> Transport | None:
    """What carries the proxy protocol, such as WebSocket; None without."""
    return None if isinstance(link, ShadowsocksLink | SocksLink) else link.transport


def has_transport(link: StreamLink) -> bool:
    """Whether something such as WebSocket carries the proxy protocol."""
    return transport_of(link) is not None


def is_bare(link: StreamLink) -> bool:
    """Whether the proxy protocol lies on TCP itself, without TLS and without a transport."""
    return tls_of(link) is None and not has_transport(link)


def accepts_any_certificate(link: StreamLink) -> bool:
    """Whether the link says that a client takes any certificate: then TLS proves nothing."""
    tls = tls_of(link)
    return tls is not None and tls.is_insecure and not tls.pinned_sha256


def server_name_of(link: StreamLink) -> str:
    """The name that the proxy's certificate must have."""
    tls = tls_of(link)
    name = tls.server_name if tls else ""
    return name or str(link.endpoint.host)


def path_of(link: StreamLink) -> str:
    """The path of WebSocket or HTTP Upgrade; "" without one."""
    transport = transport_of(link)
    return transport.path if isinstance(transport, WebSocketOptions | HttpUpgradeOptions) else ""


def with_server_name(link: StreamLinkT, name: str) -> StreamLinkT:
    """The link with another name in its TLS."""
    tls = tls_of(link)
    return link if tls is None else _with_tls(link, replace(tls, server_name=name))


def with_reality(link: StreamLinkT, reality: RealityOptions) -> StreamLinkT:
    """The link with another REALITY in its TLS."""
    tls = tls_of(link)
    return link if tls is None else _with_tls(link, replace(tls, reality=reality))


def with_path(link: StreamLinkT, path: str) -> StreamLinkT:
    """The link with another path of WebSocket or HTTP Upgrade."""
    transport = transport_of(link)
    if not isinstance(transport, WebSocketOptions | HttpUpgradeOptions):
        return link
    return _with_transport(link, replace(transport, path=path))


def without_transport(link: StreamLinkT) -> StreamLinkT:
    """The link with its protocol on TCP or TLS itself."""
    return _with_transport(link, None)


def _with_tls(link: StreamLinkT, tls: TlsOptions) -> StreamLinkT:
    """The link with other options of TLS. The kind of the link stays, which mypy cannot see."""
    if isinstance(link, ShadowsocksLink | SocksLink):
        return link
    return cast("StreamLinkT", replace(link, tls=tls))


def _with_transport(link: StreamLinkT, transport: Transport | None) -> StreamLinkT:
    """The link with another transport, as `_with_tls`."""
    if isinstance(link, ShadowsocksLink | SocksLink):
        return link
    return cast("StreamLinkT", replace(link, transport=transport))


def make_outer_layers(
    link: StreamLink, ca: tuple[str, ...], unix_time: Callable[[], float], *, is_verified: bool = True
) -> list[StreamLayer]:
    """TLS and the transport below the proxy protocol. It may read certificates: call it in a thread."""
    layers: list[StreamLayer] = []
    tls, transport = tls_of(link), transport_of(link)
    if tls and tls.reality:
        layers.append(RealityLayer(tls.reality, server_name_of(link), unix_time))
    elif tls:
        is_web = path_of(link) != ""
        is_grpc = isinstance(transport, GrpcOptions)
        alpn = tls.alpn or (("http/1.1",) if is_web else ("h2",) if is_grpc else ())
        verified = is_verified and not accepts_any_certificate(link) and not tls.pinned_sha256
        context = make_context(ca, alpn, is_verified=verified)
        layers.append(TlsLayer(OUTER_TLS, context, server_name_of(link), tls.pinned_sha256))
    if isinstance(transport, WebSocketOptions | HttpUpgradeOptions):
        host = transport.host or server_name_of(link)
        kind = WebSocketLayer if isinstance(transport, WebSocketOptions) else UpgradeLayer
        layers.append(kind(transport.path, host))
    elif isinstance(transport, GrpcOptions):
        authority = transport.authority or server_name_of(link)
        layers.append(GrpcLayer(transport.service_name, authority, is_tls=tls is not None))
    return layers


def make_page_layers(page: HttpTarget) -> list[StreamLayer]:
    """The TLS of an https page. It may read certificates: call it in a thread."""
    return [TlsLayer(PAGE_TLS, make_context(), page.url.host)] if page.url.is_tls else []


def destination_of(page: HttpTarget) -> Destination:
    """Where the proxy shall connect to for a page: it resolves names itself, unless an address is given."""
    return Destination(str(page.address or page.url.host), page.url.port)


def find_secrets(link: StreamLink) -> list[bytes]:
    """What of a link goes over a connection without TLS as it is: nobody may see it in an exchange."""
    transport = transport_of(link)
    service = transport.service_name if isinstance(transport, GrpcOptions) else ""
    return [each.encode() for each in (path_of(link), service) if len(each) > 1]
