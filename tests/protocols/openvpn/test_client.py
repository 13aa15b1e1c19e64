"""The client of a session, over networks that lose, repeat, reorder and forge packets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocols.openvpn import vectors
from tests.protocols.openvpn.certificates import Authority
from tests.protocols.openvpn.sessions import Pair, authority
from wgmon_tui.protocols.openvpn.client import LONGEST_PACKET, Client
from wgmon_tui.protocols.openvpn.control_messages import PUSH_REQUEST
from wgmon_tui.protocols.openvpn.events import (
    OTHER_KEY,
    OTHER_SESSION,
    UNAUTHENTIC,
    Rejected,
    ResetAnswered,
    TlsFailed,
)
from wgmon_tui.protocols.openvpn.wire import (
    RESEND_WRAPPED_KEY,
    ControlBody,
    Opcode,
    build_body,
    opcode_of,
)
from wgmon_tui.protocols.openvpn.wrapping import Plain, TlsCrypt, Wrapping

IN_ORDER = ["ResetAnswered", "TlsEstablished", "KeysExchanged", "OptionsPushed"]
SERVER_ID = b"serverid"


def reset_of(client: Client) -> bytes:
    body = ControlBody((0,), client.session_id, 0)
    return Plain().wrap(Opcode.HARD_RESET_SERVER_V2, SERVER_ID, build_body(body), 0)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_session_comes_as_far_as_the_pushed_options(wrapped: bool) -> None:
    pair = Pair(wrapped)

    pair.run()

    assert pair.kinds() == IN_ORDER
    assert pair.client.reply is not None
    assert str(pair.client.reply.address) == "10.98.0.2/24"


STEPS = st.lists(
    st.tuples(st.sampled_from(["deliver", "drop", "repeat", "forge", "wait"]), st.integers(0, 30))
)


@given(STEPS, st.booleans(), st.binary(max_size=40))
@settings(deadline=None)
def test_no_network_breaks_a_session_for_good(
    steps: list[tuple[str, int]], wrapped: bool, noise: bytes
) -> None:
    """Whatever happened to the packets before, a session completes once they arrive."""
    pair = Pair(wrapped)
    flying: list[tuple[bool, bytes]] = []
    for action, which in steps:
        flying += [(False, each) for each in pair.client_packets()]
        flying += [(True, each) for each in pair.server.take_due(pair.now)]
        if action == "wait" or not flying:
            pair.now += 0.7
            continue
        to_client, packet = flying[which % len(flying)]
        if action in ("deliver", "repeat"):
            if to_client:
                pair.to_client(packet)
            else:
                flying += [(True, each) for each in pair.server.receive(packet, pair.now)]
        if action == "forge":
            pair.to_client(noise + packet[len(noise) :] if wrapped else noise)
        if action in ("deliver", "drop"):
            flying.remove((to_client, packet))

    pair.run(120)

    assert pair.kinds() == IN_ORDER


@given(st.lists(st.binary(max_size=120)))
def test_without_the_server_nothing_is_ever_answered(packets: list[bytes]) -> None:
    client = Client(TlsCrypt(vectors.STATIC_KEY))

    events = [event for number, each in enumerate(packets) for event in client.receive(each, number)]

    assert {type(each) for each in events} <= {Rejected}
    assert client.remote_session_id == b""


def test_after_the_reset_alone_nothing_more_is_sent() -> None:
    client = Client(Plain())
    assert [opcode_of(each) for each in client.take_packets(0.0, 0)] == [Opcode.HARD_RESET_CLIENT_V2]

    events = client.receive(reset_of(client), 0.1)

    assert events == [ResetAnswered(0.1)]
    assert [client.take_packets(at, 0) for at in (0.1, 5.0, 60.0)] == [[], [], []]
    assert client.next_due() is None


def test_an_answer_to_another_session_is_not_one_to_this() -> None:
    client = Client(Plain())

    events = client.receive(reset_of(Client(Plain())), 0.1)

    assert events == [Rejected(0.1, OTHER_SESSION, 26)]
    assert client.remote_session_id == b""


@pytest.mark.parametrize("wrapping", [Plain(), TlsCrypt(vectors.STATIC_KEY)])
def test_a_large_reset_has_the_size_of_the_longest_packet(wrapping: Wrapping) -> None:
    (packet,) = Client(wrapping, is_large=True).take_packets(0.0, 1)

    assert len(packet) == LONGEST_PACKET


@pytest.mark.parametrize(
    ("records", "has_begun"),
    [(b"\x15\x03\x03\x00\x02\x02\x28", False), (b"\x16\x03\x03\x00\x04nope", True)],
    ids=["alert", "hello"],
)
def test_an_alert_alone_is_no_beginning_of_tls(records: bytes, has_begun: bool) -> None:
    client = Client(Plain())
    client.take_packets(0.0, 0)
    client.receive(reset_of(client), 0.1)
    client.log_in(Pair(wrapped=False)._login(), 0.1)

    body = build_body(ControlBody((), b"", 1, records))
    client.receive(Plain().wrap(Opcode.CONTROL_V1, SERVER_ID, body, 0), 0.2)

    assert client.has_begun_tls is has_begun


def test_a_packet_under_another_key_is_not_authentic() -> None:
    client = Client(TlsCrypt(vectors.STATIC_KEY))
    body = build_body(ControlBody((0,), client.session_id, 0))
    packet = TlsCrypt(vectors.STATIC_KEY[::-1]).wrap(Opcode.HARD_RESET_SERVER_V2, SERVER_ID, body, 0)

    assert client.receive(packet, 0.1) == [Rejected(0.1, UNAUTHENTIC, len(packet))]


def test_a_server_that_keeps_no_state_gets_the_wrapped_key_twice_also_after_a_loss() -> None:
    wrapped_key = vectors.TLS_CRYPT_V2_CLIENT_KEY[256:]
    pair = Pair(wrapped=True)
    client = Client(TlsCrypt(vectors.STATIC_KEY, wrapped_key), wrapped_key_length=len(wrapped_key))
    flags = b"\0\1\0\2" + RESEND_WRAPPED_KEY.to_bytes(2, "big")
    body = build_body(ControlBody((0,), client.session_id, 0, flags))
    client.take_packets(0.0, 0)
    server = TlsCrypt(vectors.STATIC_KEY, is_server=True)
    client.receive(server.wrap(Opcode.HARD_RESET_SERVER_V2, SERVER_ID, body, 0), 0.1)
    client.log_in(pair._login(), 0.1)

    first, again = client.take_packets(0.1, 0), client.take_packets(2.0, 0)

    for sent in (first, again):
        assert opcode_of(sent[0]) is Opcode.CONTROL_WKC_V1
        assert sent[0].endswith(wrapped_key)
        assert len(sent[0]) <= 1250


def test_a_server_whose_certificate_is_not_accepted_gets_no_password() -> None:
    seen: list[bytes] = []

    def refuse(chain: Sequence[bytes]) -> bool:
        seen.extend(chain)
        return False

    pair = Pair(accepts=refuse)
    pair.run()

    assert pair.kinds() == ["ResetAnswered", "TlsEstablished"]
    assert seen[0].startswith(b"\x30")
    assert pair.server._data is None
    assert pair.server._plaintext == b""
    assert pair.server.is_over, "it is told that the session ends"


def test_a_packet_of_another_key_is_neither_taken_nor_acknowledged() -> None:
    """The server renegotiates: the numbers of that key start again."""
    pair = Pair(wrapped=False)
    pair.run()
    before = len(pair.events)
    body = build_body(ControlBody((), b"", 0, b""))
    soft_reset = bytes([Opcode.SOFT_RESET_V1 << 3 | 1]) + pair.client.remote_session_id + body

    pair.to_client(soft_reset)

    assert [each.reason for each in pair.events[before:] if isinstance(each, Rejected)] == [OTHER_KEY]
    assert pair.client.take_packets(pair.now, 1) == []


@pytest.mark.parametrize("is_expired", [True, False], ids=["expired", "of another authority"])
def test_the_alert_of_a_server_that_sends_one_is_told(is_expired: bool) -> None:
    """OpenVPN itself drops its alerts over UDP. Other servers send them."""
    expired = authority()._issue("monitor", ExtendedKeyUsageOID.CLIENT_AUTH, is_expired=True)
    pair = Pair(issued=expired if is_expired else Authority().issue("monitor"))

    pair.run()

    (failed,) = [each for each in pair.events if isinstance(each, TlsFailed)]
    assert failed.is_from_server
    assert failed.reason.endswith("_alert_certificate_expired" if is_expired else "_alert_unknown_ca")


def test_damaged_tls_ends_the_session_with_the_word_of_openssl() -> None:
    client = Client(Plain())
    client.take_packets(0.0, 0)
    client.receive(reset_of(client), 0.1)
    client.log_in(Pair(wrapped=False)._login(), 0.1)

    body = build_body(ControlBody((), b"", 1, b"\x16\x03\x03\x00\x04nope"))
    events = client.receive(Plain().wrap(Opcode.CONTROL_V1, SERVER_ID, body, 0), 0.2)

    assert isinstance(events[0], TlsFailed)
    assert not events[0].is_from_server
    assert client.is_over


def test_the_request_for_options_is_repeated_until_they_come() -> None:
    assert PUSH_REQUEST.endswith(b"\0")
    pair = Pair()
    pair.run()
    pair.client.reply, pair.client._ask_again_at = None, pair.now

    assert pair.client.next_due() == pair.now
    assert pair.client.take_packets(pair.now, 1) != []
    pair.client._channel.acknowledge(tuple(range(100)))
    assert pair.client.next_due() == pair.now + 1.0
