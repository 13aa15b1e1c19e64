"""The ChaCha20 keystream, by libsodium and computed here."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.amneziawg import chacha20

KEY = bytes(range(32))
NONCE = bytes.fromhex("000000090000004a00000000")


def test_pynacl_has_the_function_that_is_called_by_ctypes() -> None:
    assert chacha20.find_libsodium_stream() is not None


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12), st.integers(0, 200))
def test_both_keystreams_are_those_of_openssl(key: bytes, nonce: bytes, length: int) -> None:
    cipher = Cipher(algorithms.ChaCha20(key, bytes(4) + nonce), mode=None)
    expected = cipher.encryptor().update(bytes(length))
    libsodium = chacha20.find_libsodium_stream()
    assert libsodium is not None
    assert libsodium(key, nonce, length) == expected
    assert chacha20.compute_stream(key, nonce, length) == expected


def test_adding_the_keystream_twice_gives_the_data_again() -> None:
    data = b"\0handshake\0"
    assert chacha20.xor(KEY, NONCE, chacha20.xor(KEY, NONCE, data)) == data
    assert chacha20.xor(KEY, NONCE, b"") == b""


def test_a_short_nonce_is_refused_before_libsodium_reads_beyond_it() -> None:
    with pytest.raises(ValueError, match="nonce"):
        chacha20.xor(KEY, NONCE[:8], b"data")
