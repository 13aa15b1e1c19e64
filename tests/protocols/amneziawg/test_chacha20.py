"""The stream cipher of header protection."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wgmon_tui.protocols.amneziawg import chacha20

KEY = bytes(range(32))
NONCE = bytes.fromhex("000000090000004a00000000")


def test_the_keystream_begins_at_block_0() -> None:
    """RFC 8439 appendix A.1, test vectors 1."""
    assert chacha20.xor(bytes(32), bytes(12), bytes(16)).hex() == "76b8e0ada0f13d90405d6ae55386bd28"


def test_adding_the_keystream_twice_gives_the_data_again() -> None:
    data = b"\0handshake\0"
    assert chacha20.xor(KEY, NONCE, chacha20.xor(KEY, NONCE, data)) == data
    assert chacha20.xor(KEY, NONCE, b"") == b""


@pytest.mark.parametrize(("key", "nonce", "wrong"), [(KEY, NONCE[:8], "nonce"), (KEY[:16], NONCE, "key")])
def test_a_short_key_or_nonce_is_refused(key: bytes, nonce: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        chacha20.xor(key, nonce, b"data")


def test_the_framing_without_protected_headers_does_not_load_cryptography() -> None:
    program = "import sys, wgmon_tui.protocols.amneziawg.framing; print('cryptography' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
