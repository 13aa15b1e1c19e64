"""Known answers: RFC 1320 §A.5, RFC 2759 §9.2, RFC 3079 §3.5.3."""

import pytest

from wgmon_tui.protocols.ikev2.md4 import md4
from wgmon_tui.protocols.ikev2.mschapv2 import prove_password

DIGESTS = {
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    "a": "bde52cb31de33e46245e05fbdbd6fb24",
    "abc": "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    "abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    "1234567890" * 8: "e33b4ddc9c38f2199c3e7b164fcc0536",
}
PROOF = prove_password(
    "User",
    "clientPass",
    bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628"),
    bytes.fromhex("21402324255e262a28295f2b3a337c7e"),
)


@pytest.mark.parametrize("text", DIGESTS)
def test_md4_is_that_of_its_rfc(text: str) -> None:
    assert md4(text.encode()).hex() == DIGESTS[text]


def test_the_response_is_that_of_the_rfc() -> None:
    assert PROOF.response.hex() == "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"


def test_the_session_key_begins_with_the_send_key_of_the_rfc() -> None:
    assert PROOF.session_key[16:32].hex() == "8b7cdc149b993a1ba118cb153f56dccb"
    assert len(PROOF.session_key) == 64


def test_only_the_right_answer_of_the_server_is_accepted() -> None:
    assert PROOF.accepts(b"S=407A5589115FD0D6209F510FE9C04566932CDA56 M=welcome")
    assert not PROOF.accepts(b"S=407A5589115FD0D6209F510FE9C04566932CDA57")
    assert not PROOF.accepts(b"")
