"""EAP-MSCHAPv2 from the view of the client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.ikev2.credentials import EapPassword
from wgmon_tui.protocols.ikev2.eap import EapPeer, EapRefusedError, EapUntrustedError
from wgmon_tui.protocols.ikev2.mschapv2 import prove_password

CHALLENGE = bytes(range(16))
OWN = bytes(16)


def peer() -> EapPeer:
    return EapPeer(EapPassword("monitor", "staple"), lambda size: OWN[:size])


def request(method: int, data: bytes = b"", identifier: int = 7) -> bytes:
    return bytes((1, identifier)) + (5 + len(data)).to_bytes(2, "big") + bytes((method,)) + data


CHALLENGE_REQUEST = request(26, b"\x01\x07\x00\x1a\x10" + CHALLENGE + b"gate")
SUCCESS, FAILURE = bytes((3, 8, 0, 4)), bytes((4, 8, 0, 4))


def test_the_identity_is_the_user() -> None:
    assert peer().receive(request(1)) == b"\x02\x07\x00\x0c\x01monitor"


def test_another_method_is_answered_with_the_wish_for_mschapv2_and_named_at_the_end() -> None:
    asked = peer()
    assert asked.receive(request(13)) == b"\x02\x07\x00\x06\x03\x1a"
    with pytest.raises(EapRefusedError) as caught:
        asked.receive(FAILURE)
    assert (caught.value.code, caught.value.offered) == (None, 13)


def test_the_response_proves_the_password_and_success_gives_the_key() -> None:
    proof = prove_password("monitor", "staple", CHALLENGE, OWN)
    asked = peer()
    answer = asked.receive(CHALLENGE_REQUEST) or b""
    assert answer[10:26] == OWN
    assert answer[34:58] == proof.response
    assert asked.receive(request(26, b"\x03\x07\x00\x2d" + proof.expected + b" M=ok")) == (
        b"\x02\x07\x00\x06\x1a\x03"
    )
    assert asked.receive(SUCCESS) is None
    assert asked.is_done
    assert asked.session_key == proof.session_key


def test_a_server_that_does_not_know_the_password_is_not_believed() -> None:
    asked = peer()
    asked.receive(CHALLENGE_REQUEST)
    with pytest.raises(EapUntrustedError):
        asked.receive(request(26, b"\x03\x07\x00\x2dS=" + b"0" * 40))


def test_success_without_the_servers_proof_is_not_believed() -> None:
    for messages in ((), (request(1),), (CHALLENGE_REQUEST,)):
        asked = peer()
        for each in messages:
            asked.receive(each)
        with pytest.raises(EapUntrustedError):
            asked.receive(SUCCESS)


def test_the_error_code_of_a_refusal_is_kept() -> None:
    asked = peer()
    asked.receive(CHALLENGE_REQUEST)
    refusal = b"\x04\x07\x00\x30E=691 R=1 C=00112233445566778899aabbccddeeff V=3 M=no"
    assert asked.receive(request(26, refusal)) == b"\x02\x07\x00\x06\x1a\x04"
    with pytest.raises(EapRefusedError) as caught:
        asked.receive(FAILURE)
    assert caught.value.code == 691


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_no_message_raises_anything_else_or_gives_a_key(messages: list[bytes]) -> None:
    asked = peer()
    try:
        for each in messages:
            asked.receive(each)
    except (EapRefusedError, EapUntrustedError):
        pass
    assert not asked.session_key


def test_the_password_is_not_shown() -> None:
    assert "staple" not in repr(peer())
