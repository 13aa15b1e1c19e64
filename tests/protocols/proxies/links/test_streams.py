"""TLS, REALITY and transports in the links of VLESS and Trojan."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.protocols.proxies.links.samples import REALITY_KEY, USER_ID
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError, encode_base64url
from wgmon_tui.protocols.proxies.links.parse import parse_link
from wgmon_tui.protocols.proxies.links.records import (
    OtherTransport,
    RealityOptions,
    TlsOptions,
    TrojanLink,
    VlessLink,
    WebSocketOptions,
)

_AT = Endpoint("h.example", 443)
_PBK = encode_base64url(REALITY_KEY)


def test_reality_and_vision() -> None:
    text = (
        f"vless://{USER_ID}@h.example:443?security=reality&sni=s.example&fp=chrome&pbk={_PBK}&sid=0a1b&spx=%2F"
        "&flow=xtls-rprx-vision-udp443&encryption=none&type=raw&headerType=none#n"
    )
    reality = RealityOptions(REALITY_KEY, b"\x0a\x1b", "/")
    tls = TlsOptions("s.example", fingerprint="chrome", reality=reality)
    assert parse_link(text) == VlessLink(_AT, USER_ID, "xtls-rprx-vision", tls=tls, name="n")


@pytest.mark.parametrize("options", ["pbk=c2hvcnQ", "", f"pbk={_PBK}&sid=abc", f"pbk={_PBK}&sid={'ab' * 9}"])
def test_reality_without_a_valid_key_or_short_id_is_damaged(options: str) -> None:
    with pytest.raises(ShareLinkError, match="REALITY"):
        parse_link(f"vless://{USER_ID}@h.example:443?security=reality&{options}")


def test_a_second_key_of_reality_is_kept_whole() -> None:
    key = bytes(range(16)) * 122
    text = f"vless://{USER_ID}@h.example:443?security=reality&pbk={_PBK}&pqv={encode_base64url(key)}"
    link = parse_link(text)
    assert isinstance(link, VlessLink)
    assert link.tls == TlsOptions(reality=RealityOptions(REALITY_KEY, mldsa65_key=key))
    with pytest.raises(ShareLinkError, match="ML-DSA-65"):
        parse_link(text[:-4])


def test_a_custom_id_becomes_the_uuid_that_xray_makes() -> None:
    link = parse_link("vless://example@h.example:443")
    assert link == VlessLink(_AT, UUID("feb54431-301b-52bb-a6dd-e1e93e81bb9e"))


def test_early_data_stands_in_the_query_of_the_path() -> None:
    link = parse_link(f"vless://{USER_ID}@h.example:443?type=ws&path=%2Fa%3Fed%3D2560%26x%3D1")
    assert link == VlessLink(_AT, USER_ID, transport=WebSocketOptions("/a?x=1", early_data=2560))


def test_trojan_has_tls_and_port_443_by_default() -> None:
    assert parse_link("trojan://p%40ss@h.example") == TrojanLink(_AT, "p@ss")


def test_trojan_without_tls_says_so() -> None:
    assert parse_link("trojan://p@h.example:443?security=none") == TrojanLink(_AT, "p", None)


def test_trojan_over_websocket_in_the_dialect_of_subconverter() -> None:
    link = parse_link("trojan://p@h.example:443?ws=1&wspath=%2Fa")
    assert link == TrojanLink(_AT, "p", transport=WebSocketOptions("/a"))


def test_an_at_sign_in_a_password_that_nobody_encoded() -> None:
    assert parse_link("trojan://p@ss@h.example:443") == TrojanLink(_AT, "p@ss")


def test_a_digest_of_the_certificate_in_either_form() -> None:
    for digest in (REALITY_KEY.hex(), ":".join(f"{each:02X}" for each in REALITY_KEY), _PBK):
        link = parse_link(f"trojan://p@h.example:443?pcs={digest}")
        assert link == TrojanLink(_AT, "p", TlsOptions(pinned_sha256=(REALITY_KEY,)))


def test_a_transport_that_nobody_knows_is_not_repeated() -> None:
    link = parse_link(f"vless://{USER_ID}@h.example:443?type=%3CSECRET%3E")
    assert link == VlessLink(_AT, USER_ID, transport=OtherTransport("unknown"))


def test_several_ports_of_hysteria() -> None:
    link = parse_link("hysteria2://p@h.example:443,5000-6000/?insecure=1")
    assert (link.endpoint, link.ports) == (_AT, "443,5000-6000")  # type: ignore[union-attr]
