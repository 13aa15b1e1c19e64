"""Tests of the primitives against published vectors and other implementations."""

from __future__ import annotations

import hmac as standard_hmac
from collections.abc import Callable
from hashlib import blake2s

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.protocols.wireguard import reference
from tests.protocols.wireguard.handshake_parties import CLIENT, LOW_ORDER_POINTS
from wgmon_tui.config.keys import is_low_order
from wgmon_tui.protocols.wireguard import primitives
from wgmon_tui.protocols.wireguard.primitives import (
    AuthenticationError,
    LowOrderPointError,
    aead_open,
    aead_seal,
    dh,
    dh_public,
    hash_,
    hmac,
    kdf1,
    kdf2,
    kdf3,
    mac,
    nonce,
    xaead_open,
    xaead_seal,
)

KEYS = st.binary(min_size=32, max_size=32)
TEXTS = st.binary(max_size=200)

# RFC 8439 §2.8.2 and draft-irtf-cfrg-xchacha A.3.1 seal the same text under the same key.
SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
    b"would be it."
)
SUNSCREEN_KEY = bytes(range(0x80, 0xA0))
SUNSCREEN_ASSOCIATED = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")


@pytest.mark.parametrize(
    ("scalar", "point", "product"),
    [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ],
)
def test_dh_gives_the_products_of_rfc_7748(scalar: str, point: str, product: str) -> None:
    assert dh(bytes.fromhex(scalar), bytes.fromhex(point)).hex() == product


def test_dh_a_thousand_times_over_itself_gives_the_result_of_rfc_7748() -> None:
    scalar = point = (9).to_bytes(32, "little")
    for _ in range(1000):
        scalar, point = dh(scalar, point), scalar
    assert scalar.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


def test_alice_and_bob_of_rfc_7748_agree() -> None:
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    assert dh_public(alice).hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    assert dh_public(bob).hex() == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert dh(alice, dh_public(bob)).hex() == shared
    assert dh(bob, dh_public(alice)).hex() == shared


@given(KEYS, KEYS)
def test_dh_agrees_with_openssl(ours: bytes, theirs: bytes) -> None:
    other = X25519PrivateKey.from_private_bytes(theirs).public_key()
    expected = X25519PrivateKey.from_private_bytes(ours).exchange(other)
    assert dh(ours, other.public_bytes_raw()) == expected
    assert dh_public(theirs) == other.public_bytes_raw()


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_dh_refuses_every_point_of_low_order(point: bytes) -> None:
    with pytest.raises(LowOrderPointError):
        dh(CLIENT.raw, point)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_every_point_of_low_order_is_known_without_the_multiplication(point: bytes) -> None:
    assert is_low_order(point)


@given(KEYS)
def test_what_dh_takes_is_not_of_low_order(point: bytes) -> None:
    assume(point not in LOW_ORDER_POINTS)
    assert not is_low_order(point)
    dh(CLIENT.raw, point)


@pytest.mark.parametrize("point", LOW_ORDER_POINTS, ids=bytes.hex)
def test_openssl_calls_the_same_points_low_order(point: bytes) -> None:
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.from_private_bytes(CLIENT.raw).exchange(X25519PublicKey.from_public_bytes(point))


def test_hash_of_abc_is_the_one_in_rfc_7693() -> None:
    assert hash_(b"abc").hex() == "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"


def test_the_self_test_of_rfc_7693_holds_with_our_hash_and_mac_in_their_places() -> None:
    def sequence(length: int, seed: int) -> bytes:
        a, b, out = 0xDEAD4BAD * seed & 0xFFFFFFFF, 1, bytearray()
        for _ in range(length):
            a, b = b, (a + b) & 0xFFFFFFFF
            out.append(b >> 24)
        return bytes(out)

    def plain(data: bytes, size: int) -> bytes:
        return hash_(data) if size == 32 else blake2s(data, digest_size=size).digest()

    def keyed(key: bytes, data: bytes, size: int) -> bytes:
        return mac(key, data) if size == 16 else blake2s(data, key=key, digest_size=size).digest()

    collected = b""
    for size in (16, 20, 28, 32):
        for length in (0, 3, 64, 65, 255, 1024):
            data = sequence(length, length)
            collected += plain(data, size) + keyed(sequence(size, size), data, size)
    assert hash_(collected).hex() == "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe"


@given(KEYS, TEXTS)
def test_hmac_is_the_standard_librarys(key: bytes, data: bytes) -> None:
    assert hmac(key, data) == standard_hmac.digest(key, data, "blake2s")


@given(KEYS, TEXTS)
def test_the_kdfs_are_hkdf_without_info(key: bytes, data: bytes) -> None:
    """RFC 5869 in OpenSSL: the whitepaper's KDF is HKDF with the chaining key as salt."""
    derived = HKDF(algorithm=hashes.BLAKE2s(32), length=96, salt=key, info=b"").derive(data)
    assert kdf1(key, data) == derived[:32]
    assert b"".join(kdf2(key, data)) == derived[:64]
    assert b"".join(kdf3(key, data)) == derived


def test_aead_gives_the_seal_of_rfc_8439() -> None:
    nonce_bytes = bytes.fromhex("070000004041424344454647")
    sealed = aead_seal(SUNSCREEN_KEY, SUNSCREEN, SUNSCREEN_ASSOCIATED, nonce_bytes)
    assert sealed.hex() == (
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b6116"
        "1ae10b594f09e26a7e902ecbd0600691"
    )
    assert aead_open(SUNSCREEN_KEY, sealed, SUNSCREEN_ASSOCIATED, nonce_bytes) == SUNSCREEN


def test_the_nonce_is_four_zero_bytes_and_the_counter_in_little_endian() -> None:
    assert nonce(0x0102030405060708).hex() == "000000000807060504030201"


@given(KEYS, TEXTS, TEXTS, st.integers(0, 2**64 - 1))
def test_aead_agrees_with_openssl_both_ways(key: bytes, text: bytes, associated: bytes, counter: int) -> None:
    sealed = ChaCha20Poly1305(key).encrypt(nonce(counter), text, associated)
    assert aead_seal(key, text, associated, nonce(counter)) == sealed
    assert aead_open(key, sealed, associated, nonce(counter)) == text


@given(KEYS, st.binary(max_size=80), TEXTS)
def test_aead_opens_nothing_that_openssl_refuses(key: bytes, sealed: bytes, associated: bytes) -> None:
    with pytest.raises(InvalidTag):
        ChaCha20Poly1305(key).decrypt(nonce(0), sealed, associated)
    with pytest.raises(AuthenticationError):
        aead_open(key, sealed, associated)


def test_xaead_gives_the_seal_of_the_xchacha_draft() -> None:
    nonce_bytes = bytes(range(0x40, 0x58))
    sealed = xaead_seal(SUNSCREEN_KEY, SUNSCREEN, SUNSCREEN_ASSOCIATED, nonce_bytes)
    assert sealed.hex() == (
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52e"
        "c0875924c1c7987947deafd8780acf49"
    )
    assert xaead_open(SUNSCREEN_KEY, sealed, SUNSCREEN_ASSOCIATED, nonce_bytes) == SUNSCREEN


def test_the_references_hchacha20_gives_the_subkey_of_the_xchacha_draft() -> None:
    subkey = reference.hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert subkey.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"


@given(KEYS, TEXTS, TEXTS, st.binary(min_size=24, max_size=24))
def test_xaead_agrees_with_the_reference(key: bytes, text: bytes, associated: bytes, number: bytes) -> None:
    sealed = reference.xaead(key, number, text, associated)
    assert xaead_seal(key, text, associated, number) == sealed
    assert xaead_open(key, sealed, associated, number) == text


@given(st.binary(max_size=80))
def test_xaead_opens_no_garbage_however_short(sealed: bytes) -> None:
    with pytest.raises(AuthenticationError):
        xaead_open(bytes(32), sealed, b"", bytes(24))


def test_what_is_too_short_for_libsodium_never_reaches_it() -> None:
    """Without PyNaCl's checks libsodium would read past the end of a short key."""
    calls: list[Callable[[], bytes]] = [
        lambda: primitives.dh(bytes(31), bytes(32)),
        lambda: primitives.dh(bytes(32), bytes(31)),
        lambda: primitives.dh_public(b""),
        lambda: primitives.aead_seal(bytes(31), b"", b""),
        lambda: primitives.aead_open(bytes(31), bytes(16), b""),
        lambda: primitives.aead_open(bytes(32), bytes(16), b"", bytes(8)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="bytes"):
            call()
