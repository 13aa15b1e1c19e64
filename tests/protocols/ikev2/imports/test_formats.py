"""Configurations of IKEv2 clients: what becomes of each."""

from __future__ import annotations

import json
import plistlib
from base64 import b64encode
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.hazmat.primitives.serialization import NoEncryption as Open
from hypothesis import example, given
from hypothesis import strategies as st

from tests.protocols.ikev2.certificates import issue, make_authority
from wgmon_tui.config.imports.protocol_import import (
    ProtocolImport,
    read_nothing_beside,
    read_of_protocols,
)
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import Imported, ImportedServer, UnreadServer
from wgmon_tui.protocols.ikev2.imports.reading import read_import as read_with_files
from wgmon_tui.protocols.ikev2.settings import SECTION

SWANCTL = """\
base {
  version = 2 # IKEv2
  proposals = aes256-sha256-modp2048,3des-sha1-modp1024
}
connections {
  fra1 : base {
    remote_addrs = fra1.example.net
    local { auth = psk
      id = monitor@example.net }
    remote-1 { auth = psk
      id = fra1.example.net }
  }
  ams1 {
    remote_addrs = 192.0.2.7, 192.0.2.8
    remote_port = 4500
    local { auth = eap-mschapv2
      eap_id = ada }
    remote { auth = pubkey
      cacerts = ours.pem }
  }
  lon1 {
    remote_addrs = lon1.example.net
    local { auth = pubkey
      certs = monitor.pem }
    remote { auth = pubkey }
  }
}
secrets {
  ike-any { secret = "not this one" }
  ike-1 {
    id-1 = monitor@example.net
    secret = "hunter2 \\"quoted\\""
  }
  eap-ada { id = ada
    secret = 0x68756e74657233 }
  private { file = monitor.key }
}
"""
IPSEC = """\
config setup
    uniqueids=no
conn %default
    keyexchange=ikev2
    ike=aes128gcm16-prfsha256-ecp256!
conn monitored
    authby=secret
    leftid=@monitor.example.net
conn fra1
    also=monitored
    right=fra1.example.net   # the first
    rightid=@fra1.example.net
conn ams1
    right=2001:db8::7
    leftauth=eap-mschapv2
    rightauth=pubkey
    eap_identity=ada

# ipsec.secrets
monitor.example.net fra1.example.net : PSK "hunter2"
: PSK "not this one"
ada : EAP "hunter3"
"""
WINDOWS = """\
Add-VpnConnection -Name "fra 1" -ServerAddress fra1.example.net `
  -TunnelType "Ikev2" -AuthenticationMethod Eap
Set-VpnConnectionIPsecConfiguration -ConnectionName "fra 1" -EncryptionMethod AES256 `
  -IntegrityCheckMethod SHA256 -DHGroup Group14 -PassThru -Force
"""


def read_all(text: str, name: str) -> Sequence[Imported]:
    return read_with_files(text, name, read_nothing_beside)


def read_import(text: str, name: str) -> list[ImportedServer]:
    return [each for each in read_all(text, name) if isinstance(each, ImportedServer)]


def texts(server: ImportedServer) -> dict[str, str]:
    return {key: secret.to_text() for key, secret in server.secrets.items()}


def test_swanctl_gives_a_preshared_key_of_the_right_identity() -> None:
    fra1 = next(each for each in read_import(SWANCTL, "x") if each.name == "fra1")
    assert fra1.endpoint == "fra1.example.net:500"
    assert fra1.settings == {
        "local_id": "monitor@example.net",
        "remote_id": "fra1.example.net",
        "proposals": ["aes256-sha256-prfsha256-modp2048"],
    }
    assert texts(fra1) == {"secret": 'hunter2 "quoted"'}


def test_swanctl_gives_a_password_and_the_files_of_certificates() -> None:
    servers = {each.name: each for each in read_import(SWANCTL, "x")}
    assert servers["ams1"].endpoint == "192.0.2.7:4500"
    assert servers["ams1"].settings == {"eap_user": "ada", "ca_file": "/etc/swanctl/x509ca/ours.pem"}
    assert texts(servers["ams1"]) == {"eap_password": "hunter3"}
    assert servers["lon1"].settings == {
        "certificate_file": "/etc/swanctl/x509/monitor.pem",
        "key_file": "/etc/swanctl/private/monitor.key",
    }


def test_sections_of_ipsec_conf_that_include_each_other_come_to_an_end() -> None:
    included = "  also=a\n  also=b\n  also=c\n"
    own = {"a": "right=a.example.net", "b": "leftid=us", "c": "rightid=them"}
    text = "".join(f"conn {name}\n{included}  {setting}\n" for name, setting in own.items())
    servers = read_import(text, "ipsec.conf")
    assert {each.endpoint for each in servers} == {"a.example.net:500"}
    assert [each.settings["local_id"] for each in servers] == ["us"] * 3


def test_of_two_included_sections_the_later_one_counts_and_the_own_setting_before_both() -> None:
    text = (
        "conn one\n  right=one.example.net\n  leftid=one\n  rightid=one\n"
        "conn two\n  right=two.example.net\n  leftid=two\n"
        "conn own\n  leftid=own\n  also=one\n  also=two\n"
    )
    own = next(each for each in read_import(text, "ipsec.conf") if each.name == "own")
    assert own.endpoint == "two.example.net:500"
    assert own.settings == {"local_id": "own", "remote_id": "one"}


def test_ipsec_conf_takes_its_secrets_from_behind() -> None:
    servers = {each.name: each for each in read_import(IPSEC, "ipsec.conf")}
    assert set(servers) == {"fra1", "ams1"}
    assert servers["fra1"].settings == {
        "local_id": "monitor.example.net",
        "remote_id": "fra1.example.net",
        "proposals": ["aes128gcm16-prfsha256-ecp256"],
    }
    assert texts(servers["fra1"]) == {"secret": "hunter2"}
    assert servers["ams1"].endpoint == "[2001:db8::7]:500"
    assert servers["ams1"].settings["eap_user"] == "ada"
    assert texts(servers["ams1"]) == {"eap_password": "hunter3"}


def test_ipsec_conf_takes_the_secrets_of_the_file_beside_it() -> None:
    conf, _, secrets = IPSEC.partition("# ipsec.secrets\n")
    beside = {"ipsec.secrets": secrets.encode()}
    servers = {each.name: each for each in read_with_files(conf, "ipsec.conf", beside.__getitem__)}
    assert isinstance(servers["fra1"], ImportedServer)
    assert texts(servers["fra1"]) == {"secret": "hunter2"}


def test_a_connection_that_cannot_be_imported_is_named_beside_the_others() -> None:
    unread = [each for each in read_all(IPSEC, "ipsec.conf") if isinstance(each, UnreadServer)]
    assert unread == [UnreadServer("monitored", "line 6: waits for clients: it has no right=HOST")]


def test_what_can_authenticate_says_that_it_does_not_yet() -> None:
    assert "dedicated = true" in read_import(SWANCTL, "x")[-1].notices[0]
    assert read_import(WINDOWS, "vpn.ps1")[0].notices == ()


def mobileconfig(**settings: object) -> str:
    authority = make_authority()
    monitor = issue("monitor.example.net", authority)
    packed = pkcs12.serialize_key_and_certificates(
        b"m", monitor.key, monitor.certificate, None, BestAvailableEncryption(b"open")
    )
    profile = {
        "PayloadType": "Configuration",
        "PayloadContent": [
            {
                "PayloadType": "com.apple.vpn.managed",
                "UserDefinedName": "fra1",
                "VPNType": "IKEv2",
                "IKEv2": {"RemoteAddress": "fra1.example.net", "LocalIdentifier": "m", **settings},
            },
            {
                "PayloadType": "com.apple.security.root",
                "PayloadContent": authority.certificate.public_bytes(Encoding.DER),
            },
            {"PayloadUUID": "own", "PayloadContent": packed, "Password": "open"},
        ],
    }
    return plistlib.dumps(profile).decode()


def test_a_mobileconfig_gives_its_secret_and_its_authority() -> None:
    text = mobileconfig(
        AuthenticationMethod="SharedSecret",
        SharedSecret="hunter2",
        IKESecurityAssociationParameters={"EncryptionAlgorithm": "AES-256-GCM", "DiffieHellmanGroup": 19},
    )
    [server] = read_import(text, "fra1.mobileconfig")
    assert server.settings == {"local_id": "m", "proposals": ["aes256gcm16-prfsha256-ecp256"]}
    assert texts(server)["secret"] == "hunter2"
    assert texts(server)["ca"].startswith("-----BEGIN CERTIFICATE-----\n")


def test_a_mobileconfig_gives_the_certificate_that_it_packs() -> None:
    text = mobileconfig(AuthenticationMethod="Certificate", PayloadCertificateUUID="own")
    [server] = read_import(text, "fra1.mobileconfig")
    assert texts(server)["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert texts(server)["key"].startswith("-----BEGIN PRIVATE KEY-----")


def sswan() -> str:
    authority = make_authority()
    monitor = issue("monitor.example.net", authority)
    packed = pkcs12.serialize_key_and_certificates(b"m", monitor.key, monitor.certificate, None, Open())
    profile = {
        "uuid": "x",
        "name": "fra1",
        "type": "ikev2-cert",
        "remote": {
            "addr": "fra1.example.net",
            "id": "vpn.example.net",
            "cert": b64encode(authority.certificate.public_bytes(Encoding.DER)).decode(),
        },
        "local": {"p12": b64encode(packed).decode()},
        "ike-proposal": "aes256-sha256-ecp384",
    }
    return json.dumps(profile)


def test_a_sswan_profile_gives_its_certificate() -> None:
    [server] = read_import(sswan(), "fra1.sswan")
    assert server.settings == {
        "remote_id": "vpn.example.net",
        "proposals": ["aes256-sha256-prfsha256-ecp384"],
    }
    assert set(server.secrets) == {"certificate", "key", "ca"}


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


def test_strongswan_offers_more_without_a_mark() -> None:
    [server] = read_import("conn a\n  right=a.example.net\n  ike=aes256-sha256-ecp256\n", "ipsec.conf")
    assert "strongSwan offers its own proposals too" in server.notices[0]


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
