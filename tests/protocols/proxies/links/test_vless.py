"""Links of VLESS as Shadowrocket writes them."""

from __future__ import annotations

import pytest

from tests.protocols.proxies.links.samples import REALITY_KEY, USER_ID, base64_of
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError, encode_base64url
from wgmon_tui.protocols.proxies.links.parse import parse_link
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    RealityOptions,
    TlsOptions,
    VlessLink,
    WebSocketOptions,
)

_AT = Endpoint("v.example", 443)
_REALITY = TlsOptions("s.example", fingerprint="chrome", reality=RealityOptions(REALITY_KEY, b"\x0a\x1b"))


def _link(query: str, method: str = "auto") -> str:
    return f"vless://{base64_of(f'{method}:{USER_ID}@v.example:443').rstrip('=')}?{query}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "remarks=n%201&obfs=websocket&obfsParam=h.example&path=/p&tls=1&peer=s.example",
            VlessLink(
                _AT,
                USER_ID,
                tls=TlsOptions("s.example"),
                transport=WebSocketOptions("/p", "h.example"),
                name="n 1",
            ),
        ),
        (
            'obfs=websocket&obfsParam=%7B"Host":"h.example"%7D&path=/p?ed=2560',
            VlessLink(_AT, USER_ID, transport=WebSocketOptions("/p", "h.example", 2560)),
        ),
        (
            f"tls=1&peer=s.example&xtls=2&pbk={encode_base64url(REALITY_KEY)}&sid=0a1b&fp=chrome&obfs=none",
            VlessLink(_AT, USER_ID, "xtls-rprx-vision", tls=_REALITY),
        ),
        (
            "obfs=grpc&path=svc&tls=1&allowInsecure=1",
            VlessLink(_AT, USER_ID, tls=TlsOptions(is_insecure=True), transport=GrpcOptions("svc")),
        ),
        ("", VlessLink(_AT, USER_ID)),
    ],
    ids=["websocket", "early data", "REALITY and Vision", "grpc", "bare"],
)
@pytest.mark.parametrize("method", ["auto", "none"])
def test_a_link_of_shadowrocket_is_read(query: str, expected: VlessLink, method: str) -> None:
    assert parse_link(_link(query, method)) == expected


def test_base64_of_something_else_is_damaged() -> None:
    with pytest.raises(ShareLinkError, match="copy the link again"):
        parse_link(f"vless://{base64_of(f'{USER_ID} v.example 443')}")
