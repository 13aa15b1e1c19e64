"""Tests of the cookie of a server under load, and what it is bound to."""

from __future__ import annotations

from tests.protocols.wireguard.handshake_parties import (
    CLIENT,
    CLIENT_INDEX,
    SERVER,
    STAMP,
    STRANGER,
    attempt,
    rejected,
)
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.protocols.wireguard.cookie import COOKIE_LIFETIME_S, NO_MAC, CookieJar
from wgmon_tui.protocols.wireguard.handshake import Initiator, Responder
from wgmon_tui.protocols.wireguard.wire import MessageType, label_of, message_type, receiver_index

SOURCE = b"\xc0\x00\x02\x07" + b"\xd4\x31"
OTHER_PORT = b"\xc0\x00\x02\x07" + b"\xd4\x32"


def with_cookie(cookie: bytes) -> bytes:
    """The client's next initiation, with the cookie in mac2."""
    return Initiator(CLIENT, SERVER.public).initiate(CLIENT_INDEX, STAMP, cookie).packet


def test_a_cookie_goes_round_and_is_accepted() -> None:
    jar = CookieJar(SERVER.public)
    first = attempt()
    cookie = first.open_cookie(jar.reply(first.packet, SOURCE, now_s=10.0))
    retry = with_cookie(cookie)
    assert jar.verify(retry, SOURCE, now_s=11.0)
    assert Responder(SERVER).open(retry).static == CLIENT.public


def test_a_cookie_reply_names_itself_and_the_attempt_it_answers() -> None:
    reply = CookieJar(SERVER.public).reply(attempt().packet, SOURCE, now_s=0.0)
    assert message_type(reply) is MessageType.COOKIE_REPLY
    assert label_of(reply) == "cookie reply"
    assert receiver_index(reply) == CLIENT_INDEX


def test_without_a_cookie_mac2_is_zeros_and_does_not_verify() -> None:
    packet = attempt().packet
    assert packet[-16:] == NO_MAC
    assert not CookieJar(SERVER.public).verify(packet, SOURCE, now_s=0.0)


def test_a_cookie_reply_is_bound_to_the_mac1_that_it_answers() -> None:
    """The ephemeral keys differ, hence the mac1; the index is the same."""
    reply = CookieJar(SERVER.public).reply(attempt().packet, SOURCE, now_s=0.0)
    with rejected(Reason.BAD_COOKIE):
        attempt().open_cookie(reply)


def test_a_cookie_reply_to_another_index_is_another_attempts() -> None:
    reply = CookieJar(SERVER.public).reply(attempt(sender=7).packet, SOURCE, now_s=0.0)
    with rejected(Reason.OTHER_INDEX):
        attempt(sender=8).open_cookie(reply)


def test_a_cookie_reply_of_another_server_does_not_open() -> None:
    sent = attempt()
    with rejected(Reason.BAD_COOKIE):
        sent.open_cookie(CookieJar(STRANGER.public).reply(sent.packet, SOURCE, now_s=0.0))


def test_a_late_cookie_reply_to_an_older_attempt_opens() -> None:
    jar = CookieJar(SERVER.public)
    older, newer = attempt(sender=1), attempt(sender=2)
    late = jar.reply(older.packet, SOURCE, now_s=0.0)
    with rejected(Reason.OTHER_INDEX):
        newer.open_cookie(late)
    assert older.open_cookie(late) == jar.cookie_for(SOURCE, now_s=0.0)


def test_a_cookie_is_bound_to_its_source_address_and_port() -> None:
    jar = CookieJar(SERVER.public)
    packet = with_cookie(jar.cookie_for(SOURCE, now_s=0.0))
    assert jar.verify(packet, SOURCE, now_s=0.0)
    assert not jar.verify(packet, OTHER_PORT, now_s=0.0)


def test_a_cookie_of_another_jar_does_not_verify() -> None:
    """Two jars of one key model a server before and after a restart."""
    cookie = CookieJar(SERVER.public).cookie_for(SOURCE, now_s=0.0)
    assert not CookieJar(SERVER.public).verify(with_cookie(cookie), SOURCE, now_s=0.0)


def test_mac2_is_bound_to_the_message() -> None:
    jar = CookieJar(SERVER.public)
    cookie = jar.cookie_for(SOURCE, now_s=0.0)
    one, other = with_cookie(cookie), with_cookie(cookie)
    assert not jar.verify(one[:-16] + other[-16:], SOURCE, now_s=0.0)


def test_the_secret_changes_after_two_minutes() -> None:
    jar = CookieJar(SERVER.public)
    packet = with_cookie(jar.cookie_for(SOURCE, now_s=1_000.0))
    assert COOKIE_LIFETIME_S == 120.0
    assert jar.verify(packet, SOURCE, now_s=1_119.9)
    assert not jar.verify(packet, SOURCE, now_s=1_120.0)


def test_the_two_minutes_run_from_the_last_change() -> None:
    jar = CookieJar(SERVER.public)
    first = jar.cookie_for(SOURCE, now_s=0.0)
    second = jar.cookie_for(SOURCE, now_s=200.0)
    assert second != first
    assert jar.cookie_for(SOURCE, now_s=319.9) == second
    assert jar.cookie_for(SOURCE, now_s=320.0) != second
