"""Links of VMess in each dialect."""

from __future__ import annotations

import pytest

from tests.protocols.proxies.links.samples import USER_ID, base64_of, vmess_json
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import parse_link
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    OtherTransport,
    TlsOptions,
    VmessLink,
    WebSocketOptions,
)

_AT = Endpoint("v.example", 443)
_WS = WebSocketOptions("/p", "h.example")
_WITH_TLS = VmessLink(_AT, USER_ID, "auto", 0, TlsOptions("s.example"), _WS, "n 1")


@pytest.mark.parametrize(
    "text",
    [
        vmess_json(ps="n 1", net="ws", path="/p", host="h.example", tls="tls", sni="s.example"),
        vmess_json(
            ps="n 1", net="ws", path="/p", host="h.example", tls="tls", sni="s.example", port=443, aid=0
        ),
        f"vmess://{USER_ID}@v.example:443?type=ws&path=%2Fp&host=h.example&security=tls&sni=s.example#n%201",
        f"vmess://ws+tls:{USER_ID}-0@v.example:443/?path=%2Fp&host=h.example&tlsServerName=s.example#n%201",
        "vmess://"
        + base64_of(f"auto:{USER_ID}@v.example:443")
        + "?remarks=n%201&obfs=websocket&obfsParam=h.example&path=/p&tls=1&peer=s.example",
        "vmess://"
        + base64_of(
            f'n 1 = vmess,v.example,443,auto,"{USER_ID}",over-tls=true,tls-host=s.example,certificate=1,'
            'obfs=ws,obfs-path="/p",obfs-header="Host: h.example[Rr][Nn]User-Agent: x"'
        ),
    ],
    ids=["v2rayN", "v2rayN numbers", "uri of 716", "uri of 26", "Shadowrocket", "Quantumult"],
)
def test_each_dialect_says_the_same(text: str) -> None:
    assert parse_link(text) == _WITH_TLS


def test_the_first_version_of_the_json_has_the_path_behind_the_host() -> None:
    link = parse_link(vmess_json(v="1", net="ws", host="h.example;/p"))
    assert link == VmessLink(_AT, USER_ID, transport=_WS)


def test_without_a_name_for_tls_the_host_header_is_the_name() -> None:
    link = parse_link(vmess_json(net="ws", path="/p", host="h.example", tls="tls"))
    assert link == VmessLink(_AT, USER_ID, tls=TlsOptions("h.example"), transport=_WS)


def test_grpc_has_its_service_in_the_path() -> None:
    link = parse_link(vmess_json(net="grpc", path="svc", type="multi"))
    assert link == VmessLink(_AT, USER_ID, transport=GrpcOptions("svc", is_multi=True))


def test_an_http_header_over_tcp_is_a_transport_of_its_own() -> None:
    link = parse_link(vmess_json(type="http"))
    assert link == VmessLink(_AT, USER_ID, transport=OtherTransport("tcp with an HTTP header"))


def test_the_legacy_header_is_kept() -> None:
    assert parse_link(vmess_json(aid="64")) == VmessLink(_AT, USER_ID, alter_id=64)


def test_a_huge_number_in_the_json_is_an_error() -> None:
    with pytest.raises(ShareLinkError):
        parse_link("vmess://" + base64_of('{"add":"a.example","port":' + "9" * 5000 + "}"))
