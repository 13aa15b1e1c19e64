"""swanctl.conf, ipsec.conf and their secrets: what becomes of each."""

from __future__ import annotations

from tests.protocols.ikev2.imports.sample_configurations import (
    IPSEC,
    SWANCTL,
    WINDOWS,
    read_all,
    read_import,
    texts,
)
from wgmon_tui.config.protocol_settings import ImportedServer, UnreadServer
from wgmon_tui.protocols.ikev2.imports.reading import read_import as read_with_files


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


def test_strongswan_offers_more_without_a_mark() -> None:
    [server] = read_import("conn a\n  right=a.example.net\n  ike=aes256-sha256-ecp256\n", "ipsec.conf")
    assert "strongSwan offers its own proposals too" in server.notices[0]
