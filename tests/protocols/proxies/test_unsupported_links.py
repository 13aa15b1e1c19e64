"""Links that wgmon-tui cannot check: one line says why, and nothing is sent."""

from __future__ import annotations

from uuid import UUID

import pytest

from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import Url
from wgmon_tui.protocols.proxies import proxy_protocol
from wgmon_tui.protocols.proxies.links.parse import write_link
from wgmon_tui.protocols.proxies.links.records import (
    PROTOCOL_OF,
    GrpcOptions,
    OtherTransport,
    ProxyLink,
    ShadowsocksLink,
    TrojanLink,
    VlessLink,
    VmessLink,
)
from wgmon_tui.protocols.proxies.settings import ProxySettings

AT = Endpoint("192.0.2.1", 443)
USER = UUID("b831381d-6324-4d53-ad4f-8cda48b30811")
RIGHT = ShadowsocksLink(AT, "aes-256-gcm", "secret-word")


def problem_of(link: ProxyLink, settings: ProxySettings | None = None) -> str:
    server = Server(name="p", endpoint=AT, protocol=PROTOCOL_OF[type(link)], protocol_settings=settings)
    keyring = Keyring({}, {}, protocol_secrets={"p": {"link": write_link(link).encode()}})
    targets = find_protocol(server.protocol).make_targets([server], Fleet((server,), ()), keyring)
    return targets.problems.get("p", "")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (ShadowsocksLink(AT, "aes-256-gcm", "secret-word", plugin="obfs-local;obfs=http"), "proxy-command"),
        (ShadowsocksLink(AT, "rc4-md5", "secret-word"), "the method is not supported"),
        (ShadowsocksLink(AT, "2022-blake3-aes-256-gcm", "c2VjcmV0"), "needs a key of 32 bytes, not 6"),
        (VmessLink(AT, USER, alter_id=4), "alterId"),
        (VlessLink(AT, USER, encryption="mlkem768x25519plus.native.1rtt.secret-word"), "VLESS Encryption"),
        (TrojanLink(AT, "secret-word", transport=GrpcOptions("tun", is_multi=True)), "multi of grpc"),
        (TrojanLink(AT, "secret-word", transport=OtherTransport("xhttp")), "xhttp"),
    ],
)
def test_a_link_that_cannot_be_spoken_is_a_problem_without_its_secrets(link: ProxyLink, words: str) -> None:
    problem = problem_of(link)
    assert words in problem
    assert "secret-word" not in problem
    assert str(USER) not in problem


def test_vision_takes_https_pages_too() -> None:
    link = VlessLink(AT, USER, flow="xtls-rprx-vision")
    https = ProxySettings(fetch=Url("example.net", 443, "/", is_tls=True))
    assert problem_of(link, https) == ""
    assert problem_of(VlessLink(AT, USER), https) == ""


def test_a_right_link_is_no_problem() -> None:
    assert problem_of(RIGHT) == ""
    assert problem_of(VlessLink(AT, USER)) == ""


def test_a_missing_package_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_protocol, "find_spec", lambda name: None if name == "blake3" else object())
    assert 'it needs the package blake3; type: pip install "wgmon-tui[proxy]"' in problem_of(RIGHT)
