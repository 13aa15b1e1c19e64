"""PUSH_REPLY, AUTH_FAILED and their like."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.openvpn.control_messages import (
    FailureKind,
    MessageKind,
    PushAssembly,
    parse_auth_failure,
    parse_message,
    parse_options,
    without_token,
)


def test_the_options_of_a_server_are_read() -> None:
    reply = PushAssembly().add(
        "route 10.0.0.0 255.0.0.0,route-gateway 10.8.0.1,topology subnet,ping 10,ping-restart 60,"
        "ifconfig 10.8.0.2 255.255.255.0,ifconfig-ipv6 fd00::2/64 fd00::1,peer-id 7,cipher AES-128-GCM,"
        "tun-mtu 1400,protocol-flags cc-exit tls-ekm"
    )

    assert reply is not None
    assert (reply.address, reply.gateway) == (IPv4Interface("10.8.0.2/24"), IPv4Address("10.8.0.1"))
    assert (reply.address_v6, reply.gateway_v6) == (IPv6Interface("fd00::2/64"), IPv6Address("fd00::1"))
    assert (reply.cipher, reply.peer_id, reply.ping_s) == ("AES-128-GCM", 7, 10)
    assert (reply.tun_mtu, reply.routes) == (1400, ("route 10.0.0.0 255.0.0.0",))
    assert reply.uses_key_export
    assert reply.takes_exit_message


def test_the_topology_counts_wherever_it_stands() -> None:
    first = parse_options(["topology subnet", "ifconfig 10.8.0.6 255.255.255.0"])
    last = parse_options(["ifconfig 10.8.0.6 255.255.255.0", "topology subnet"])

    assert first.address == last.address == IPv4Interface("10.8.0.6/24")


def test_without_a_topology_the_second_address_is_the_other_end() -> None:
    reply = parse_options(["ifconfig 10.8.0.6 10.8.0.5"])

    assert (reply.address, reply.peer_address) == (IPv4Interface("10.8.0.6/32"), IPv4Address("10.8.0.5"))


def test_a_reply_in_several_messages_is_joined() -> None:
    assembly = PushAssembly()

    assert assembly.add("ping 10,push-continuation 2") is None
    reply = assembly.add("cipher AES-256-GCM,push-continuation 1")

    assert reply is not None
    assert (reply.ping_s, reply.cipher) == (10, "AES-256-GCM")


def test_a_token_is_left_out_of_the_reply() -> None:
    reply = parse_options(["auth-token SESS_ID_secret", "ping 5"])

    assert reply.options == ("ping 5",)
    assert "secret" not in repr(reply)


def test_a_comma_in_quotes_does_not_split_an_option() -> None:
    reply = PushAssembly().add('dhcp-option DOMAIN "a,b",ping 5')

    assert reply is not None
    assert reply.options == ('dhcp-option DOMAIN "a,b"', "ping 5")


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_options_are_read_without_an_error(options: list[str]) -> None:
    parse_options([*options, *(f"ifconfig {each}" for each in options)])


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("", FailureKind.REFUSED, ""),
        ("account locked", FailureKind.REFUSED, "account locked"),
        ("account locked\n", FailureKind.REFUSED, "account locked"),
        ("CRV1:R,E:id:Ym9i:Your code", FailureKind.CHALLENGE, "Your code"),
        ("TEMP[backoff 10]:later", FailureKind.TEMPORARY, "later"),
        ("SESSION:Auth-token expired", FailureKind.SESSION_EXPIRED, "Auth-token expired"),
        (
            "Data channel cipher negotiation failed (no shared cipher)",
            FailureKind.CIPHER,
            "Data channel cipher negotiation failed (no shared cipher)",
        ),
    ],
)
def test_auth_failed_says_why(text: str, kind: FailureKind, reason: str) -> None:
    failure = parse_auth_failure(text)

    assert (failure.kind, failure.reason) == (kind, reason)


def test_the_reason_of_a_script_is_no_cipher_negotiation() -> None:
    assert parse_auth_failure("your cipher device is locked").kind is FailureKind.REFUSED


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("WEB_AUTH::https://vpn.example/login?state=SECRET", "WEB_AUTH::https://vpn.example"),
        ("OPEN_URL:https://bob:SECRET@vpn.example/x", "OPEN_URL:https://bob:SECRET@vpn.example"),
        ("timeout 60", "timeout 60"),
    ],
)
def test_the_address_of_a_web_login_is_told_without_its_token(asked: str, told: str) -> None:
    assert without_token(asked) == told.replace("bob:SECRET@", "")


def test_a_message_has_a_kind_and_a_text() -> None:
    found = parse_message("AUTH_FAILED,no")

    assert found is not None
    assert (found.kind, found.text) == (MessageKind.AUTH_FAILED, "no")
    assert parse_message("NONSENSE,no") is None
