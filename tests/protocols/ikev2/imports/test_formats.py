"""Imports of IKEv2 clients of every format: algorithms, what cannot be read, and what is left to others."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.protocols.ikev2.imports.sample_configurations import IPSEC, SWANCTL, WINDOWS, read_all, read_import
from wgmon_tui.config.imports.protocol_import import ProtocolImport, read_of_protocols
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.protocols.ikev2.settings import SECTION


def test_windows_by_itself_offers_an_old_group_alone() -> None:
    (line,) = [each for each in WINDOWS.splitlines() if "Add-VpnConnection" in each]
    [server] = read_import(line.rstrip("`"), "vpn.ps1")
    assert server.settings["proposals"] == [
        f"aes256-{each}-prf{each}-modp1024" for each in ("sha1", "sha256", "sha384")
    ]
    assert server.settings["esp_proposals"] == ["aes256-sha1", "aes128-sha1"]
    assert "modp1024 alone" in server.notices[0]


@pytest.mark.parametrize(
    ("proposals", "expected", "notice"),
    [
        (
            "aes256-sha256-ecp256,3des-sha1-modp1024",
            ["aes256-sha256-prfsha256-ecp256"],
            "3des-sha1-modp1024 left out",
        ),
        ("3des-sha1-modp1024", None, "checks offer everything else, and clients do not"),
        ("aes256-sha256-ecp256,default", None, ""),
    ],
)
def test_proposals_that_a_check_cannot_make_are_named(
    proposals: str, expected: list[str] | None, notice: str
) -> None:
    [server] = read_import(
        f"connections {{\n a {{\n remote_addrs = a.example.net\n proposals = {proposals}\n }}\n}}",
        "swanctl.conf",
    )
    assert server.settings.get("proposals") == expected
    assert notice in " ".join(server.notices)


@pytest.mark.parametrize(
    "text",
    [
        (
            "connections {\n a {\n remote_addrs = a.example.net\n"
            " children { net { esp_proposals = aes256-sha256-modp2048 } }\n }\n}"
        ),
        "conn a\n  right=a.example.net\n  esp=aes256-sha256-modp2048!\n",
        json.dumps(
            {
                "type": "ikev2-eap",
                "remote": {"addr": "a.example.net"},
                "esp-proposal": "aes256-sha256-modp2048",
            }
        ),
        (
            "Add-VpnConnection a -ServerAddress a.example.net\n"
            "Set-VpnConnectionIPsecConfiguration a -CipherTransformConstants AES256"
            " -AuthenticationTransformConstants SHA256128"
        ),
    ],
    ids=["swanctl", "ipsec.conf", "sswan", "Windows"],
)
def test_the_algorithms_of_the_tunnel_are_imported(text: str) -> None:
    [server] = read_import(text, "x")
    assert server.settings["esp_proposals"] == ["aes256-sha256"]


def test_a_windows_line_gives_server_and_algorithms() -> None:
    [server] = read_import(WINDOWS, "vpn.ps1")
    assert (server.name, server.endpoint) == ("fra 1", "fra1.example.net:500")
    assert server.settings == {"proposals": ["aes256-sha256-prfsha256-modp2048"]}


@pytest.mark.parametrize("text", [SWANCTL, IPSEC, WINDOWS])
def test_nothing_that_is_imported_is_said_to_be_dedicated(text: str) -> None:
    known = set(SECTION.known_keys)
    for each in read_import(text, "x"):
        assert "dedicated" not in each.settings
        assert set(each.settings) <= known


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("connections {\n a {\n", "x", "line 2: the section that begins here is not closed"),
        ("connections {\n a {\n  b\n }\n}", "x", "line 4: a } without its {, or after a word"),
        ('connections {\n a { b = "c\n', "x", "line 2: a value is not closed"),
        ("connections {\n}", "x", "line 1: has no connections"),
        (
            "# all there\ninclude conf.d/*.conf\n",
            "x",
            "no connections; type: wgmon-tui import /etc/swanctl/conf.d",
        ),
        ("connections {\n rw {\n }\n}", "x", "line 2: connection rw waits for clients"),
        (SWANCTL.replace("0x68756e74657233", "0xzz"), "x", "line 35: the secret is not text"),
        ("conn a\n  right\n", "x", 'line 2: expected key=value, got "right"'),
        ("conn a\n  left=%any\n", "x", "line 1: connection a waits for clients"),
        ("conn a\n  keyexchange=ikev1\n", "x", "line 1: connection a is not for IKEv2"),
        ('ada : PSK "hunter2"', "ipsec.secrets", "has secrets and no servers; type: cat "),
        ("garbage", "x.mobileconfig", "not an XML property list; if the profile is signed"),
        ("<plist><dict>\n<key>", "x.mobileconfig", "line 2: damaged XML"),
        ('<plist version="1.0"><dict/></plist>', "x.mobileconfig", "without an IKEv2 connection"),
        ("{", "x.sswan", "line 1: damaged JSON"),
        ("{}", "x.sswan", 'a .sswan profile without "remote"'),
        ('{"remote": {}}', "x.sswan", 'without "addr" in "remote"'),
        ('{"remote": {"addr": "a", "cert": "%"}}', "x.sswan", '"cert" is no base64'),
        (
            '{"name": "fra1", "remote": {"addr": "a b"}}',
            "x.sswan",
            "connection fra1 has no usable address: expected a host name",
        ),
        ("\nAdd-VpnConnection -Name x", "x", "line 2: Add-VpnConnection without -ServerAddress"),
        ("Add-VpnConnection x y.example L2tp", "x", 'line 1: connection x is "L2tp", not IKEv2'),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place(text: str, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_import(text, name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_import_recognises_a_format_by_its_content() -> None:
    found = read_of_protocols(WINDOWS, "notes.txt", "notes.txt")
    assert [each.protocol for each in found if isinstance(each, ProtocolImport)] == ["ikev2"]


@pytest.mark.parametrize(
    "text", ["", "[Interface]\nPrivateKey = x", "client\nremote a 1194", "proxies:\n - name: RSA x", "<xml/>"]
)
def test_another_format_is_left_to_others(text: str) -> None:
    assert read_all(text, "wg0.conf") == ()


_MARKS = st.sampled_from(
    (
        *("connections {", "secrets {", "conn a\n", " right=b\n", ': PSK "', "}", "{", '"', "=", "\n", "#"),
        *("Add-VpnConnection ", "-ServerAddress ", "`", "<plist>", "<key>IKEv2</key>", "<dict>", "</plist>"),
        *('{"type":"ikev2-cert","remote":', '{"addr":"', '"}', "0x", "%any", " : ", "also=a\n", "\0", "\\"),
    )
)


@given(
    st.lists(_MARKS | st.text(max_size=8)).map("".join),
    st.sampled_from(["x", "a.sswan", "a.mobileconfig", "ipsec.conf"]),
)
@example("conn a\n also=a\n right=b", "x")
def test_no_text_makes_an_error_of_another_kind(text: str, name: str) -> None:
    line = "one line"
    try:
        read_import(text, name)
    except ConfigurationError as error:
        line = str(error)
    assert line.isprintable()
