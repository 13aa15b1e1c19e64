"""Links of Shadowsocks: the examples of SIP002 and of the form before it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.protocols.proxies.links.samples import base64_of
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.links.link_text import ShareLinkError
from wgmon_tui.protocols.proxies.links.parse import parse_link, write_link
from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink

_AT = Endpoint("192.168.100.1", 8888)
_KEY_2022 = "YctPZ6U7xPPcU+gp3u+0tx/tRizJN9K8y+uKlW2qjlI="


@pytest.mark.parametrize(
    ("text", "link"),
    [
        (
            "ss://YWVzLTEyOC1nY206dGVzdA@192.168.100.1:8888#Example1",
            ShadowsocksLink(_AT, "aes-128-gcm", "test", name="Example1"),
        ),
        (
            "ss://cmM0LW1kNTpwYXNzd2Q@192.168.100.1:8888/?plugin=obfs-local%3Bobfs%3Dhttp#Example2",
            ShadowsocksLink(_AT, "rc4-md5", "passwd", "obfs-local;obfs=http", "Example2"),
        ),
        (
            f"ss://2022-blake3-aes-256-gcm:{quote(_KEY_2022, safe='')}@192.168.100.1:8888#Example3",
            ShadowsocksLink(_AT, "2022-blake3-aes-256-gcm", _KEY_2022, name="Example3"),
        ),
    ],
)
def test_the_examples_of_sip002(text: str, link: ShadowsocksLink) -> None:
    assert parse_link(text) == link


def test_base64_of_the_whole_link_as_before_sip002() -> None:
    text = "ss://YmYtY2ZiOnRlc3QvIUAjOkAxOTIuMTY4LjEwMC4xOjg4ODg#example-server"
    assert parse_link(text) == ShadowsocksLink(_AT, "bf-cfb", "test/!@#:", name="example-server")


def test_base64_in_any_alphabet_and_padding() -> None:
    user = base64_of("aes-256-gcm:~~??>>")
    for written in (
        user,
        user.rstrip("="),
        user.replace("+", "-").replace("/", "_"),
        user.replace("=", "%3D"),
    ):
        assert parse_link(f"ss://{written}@h.example:1").password == "~~??>>"  # type: ignore[union-attr]


def test_a_key_of_2022_is_written_percent_encoded() -> None:
    written = write_link(ShadowsocksLink(_AT, "2022-blake3-aes-256-gcm", _KEY_2022))
    assert "%2B" in written
    assert "%3D@" in written


def test_the_keys_of_2022_for_several_users_stay_together() -> None:
    text = "ss://2022-blake3-aes-128-gcm:c2VydmVy%3D:dXNlcg%3D%3D@h.example:1"
    assert parse_link(text).password == "c2VydmVy=:dXNlcg=="  # type: ignore[union-attr]


def test_a_link_without_a_method_is_damaged() -> None:
    with pytest.raises(ShareLinkError, match="expected method:password"):
        parse_link("ss://cGFzc3dk@192.168.100.1:8888")
