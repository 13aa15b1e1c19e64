"""Proposals as words."""

from __future__ import annotations

import pytest

from wgmon_tui.protocols.ikev2.proposals import (
    Encryption,
    Group,
    Integrity,
    Prf,
    ProposalError,
    TransformType,
    parse_esp_proposal,
    parse_proposal,
)


def test_aead_has_no_integrity_algorithm() -> None:
    found = parse_proposal("aes256gcm16-prfsha384-ecp384")
    assert found.numbers(TransformType.ENCRYPTION) == (Encryption.AES_GCM_16,)
    assert found.transforms[0].key_bits == 256
    assert found.numbers(TransformType.PRF) == (Prf.HMAC_SHA2_384,)
    assert found.numbers(TransformType.INTEGRITY) == ()
    assert found.numbers(TransformType.GROUP) == (Group.ECP_384,)


def test_the_integrity_algorithm_gives_the_prf() -> None:
    found = parse_proposal("aes128-sha256-modp2048")
    assert found.numbers(TransformType.PRF) == (Prf.HMAC_SHA2_256,)
    assert found.numbers(TransformType.INTEGRITY) == (Integrity.HMAC_SHA2_256_128,)


def test_the_integrity_algorithm_of_aead_is_its_prf() -> None:
    assert str(parse_proposal("aes128gcm-sha256-x25519")) == "aes128gcm16-prfsha256-curve25519"


def test_a_type_may_have_several_algorithms() -> None:
    text = "aes128-aes256-sha256-prfsha256-modp2048-ecp256"
    assert str(parse_proposal(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aes256gcm16-prfsha256", "encryption and group"),
        ("prfsha256-ecp256", "encryption and group"),
        ("aes256gcm16-ecp256", "a PRF"),
        ("aes256-prfsha256-ecp256", "an integrity algorithm"),
        ("aes256-aes256gcm16-sha256-ecp256", "proposals of their own"),
        ("aes256-sha257-ecp256", 'unknown algorithm "sha257"; did you mean'),
        ("3des-sha1-modp1024", 'unknown algorithm "3des"'),
        ("", "unknown algorithm"),
    ],
)
def test_what_is_no_proposal_is_named(text: str, message: str) -> None:
    with pytest.raises(ProposalError, match=message):
        parse_proposal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aes256gcm16", "aes256gcm16"),
        ("aes128-aes256-sha256-sha1", "aes128-aes256-sha256-sha1"),
        ("aes256-sha256-modp2048-noesn", "aes256-sha256"),
        ("aes256gcm16-prfsha256-ecp256-esn-noesn", "aes256gcm16"),
    ],
)
def test_a_proposal_for_esp_has_encryption_and_integrity_alone(text: str, expected: str) -> None:
    assert str(parse_esp_proposal(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sha256", "an encryption"),
        ("aes256", "an integrity algorithm"),
        ("aes256gcm16-esn", "extended sequence numbers"),
        ("aes256-aes256gcm16-sha256", "proposals of their own"),
    ],
)
def test_what_is_no_proposal_for_esp_is_named(text: str, message: str) -> None:
    with pytest.raises(ProposalError, match=message):
        parse_esp_proposal(text)
