"""Known answers of NIST for HMAC-SHA2, as NSS has them: gtests/common/testvectors/ike-sha256-vectors.h."""

import pytest

from wgmon_tui.protocols.ikev2.key_derivation import (
    HmacPrf,
    Nonces,
    derive_child_keys,
    derive_keys,
    derive_seed,
)
from wgmon_tui.protocols.ikev2.proposals import Prf

SHA256 = HmacPrf(Prf.HMAC_SHA2_256)
NONCES = Nonces(
    bytes.fromhex("3f302be1abcb28e1"),
    bytes.fromhex("8c332ee006064c9b"),
    bytes.fromhex("40dac39e1e1a8640"),
    bytes.fromhex("8619a1cf9a6e4c07"),
)
SHARED = bytes.fromhex("0f4d257d7a58fc4545c7d7a88119eee5d5c9690c5b4c989171d3abbfd99d1d29")
SEED = bytes.fromhex("5f00d1bd2c58ec224b1e6b71fa0f19a1faa7a193952c444411b47c1a9d8ba6fe")
MATERIAL = bytes.fromhex(
    "0b137d669b0947d7d026d593f0305ad401ff0c471357d695778a9c7f4b4869ece98aca531188d16041b3bb936d2dbb3b4993a6e7"
    "68a809160de45d0283f273a6cdf6854379e31be72b8d3d1fa990cf9c5b015ca9f918a7df6253c958114a09d4e1c19bdcd4db14b2"
    "9d98db1a74ad405c588662c14a04d0d36aa4ab55e90f8986d12d4aad"
)


def test_skeyseed_is_that_of_nist() -> None:
    assert derive_seed(SHA256, NONCES, SHARED) == SEED


def test_skeyseed_of_sha384_is_that_of_nist() -> None:
    nonces = Nonces(bytes.fromhex("cec89d845add83ef"), bytes.fromhex("cebd43ab71d17db9"))
    shared = bytes.fromhex("1724dbd893523764bfef8c6fa927856fccfb77ae254358cce29c2769a32915c1")
    expected = (
        "6e4514610bf82d0ab7bf0260096f6146a153c712071abb633ced813c572156c783e36874a65a64690ca701d40d56ea18"
    )
    assert derive_seed(HmacPrf(Prf.HMAC_SHA2_384), nonces, shared).hex() == expected


@pytest.mark.parametrize("size", [15, 32, 132])
def test_expansion_is_that_of_nist(size: int) -> None:
    seed = NONCES.both + NONCES.initiator_spi + NONCES.responder_spi
    assert SHA256.expand(SEED, seed, size) == MATERIAL[:size]


def test_the_seven_keys_follow_one_another_in_the_material() -> None:
    keys = derive_keys(SHA256, NONCES, SHARED, encryption_size=20, integrity_size=0)
    assert keys.derive == MATERIAL[:32]
    assert (keys.encryption_i, keys.encryption_r) == (MATERIAL[32:52], MATERIAL[52:72])
    assert keys.identity_i == MATERIAL[72:104]
    assert (
        keys.identity_r
        == SHA256.expand(SEED, NONCES.both + NONCES.initiator_spi + NONCES.responder_spi, 136)[104:]
    )


def test_keys_of_the_child_are_those_of_its_rekeying_vector() -> None:
    derived = "2d63f6debc92048b4fef3889c4c99ca67d6496e0fac14a2bca9a2d6566ff2398"
    nonces = Nonces(NONCES.initiator, NONCES.responder)
    assert (
        SHA256(
            MATERIAL[:32],
            bytes.fromhex("25f3b12d6f282739256e39bf54eda53b60ffcf379bb7bcc90c27b4c4c578616c") + nonces.both,
        ).hex()
        == derived
    )
    assert len(derive_child_keys(SHA256, MATERIAL[:32], nonces, 72)) == 72


def test_no_key_is_shown() -> None:
    keys = derive_keys(SHA256, NONCES, SHARED, 20, 0)
    assert MATERIAL[:4].hex() not in repr(keys)
    assert repr(MATERIAL[:4])[2:-1] not in repr(keys)
