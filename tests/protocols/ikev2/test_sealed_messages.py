"""Encrypted messages, whole and in fragments, with each cipher."""

from __future__ import annotations

import os

import pytest

from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.protection import (
    MessageCipher,
    SealBrokenError,
    key_sizes,
    make_cipher,
)
from wgmon_tui.protocols.ikev2.sealed_messages import (
    LARGEST_MESSAGE,
    FragmentBuffer,
    open_message,
    seal_fragments,
    seal_message,
)
from wgmon_tui.protocols.ikev2.security_association import SaProposal, offer
from wgmon_tui.protocols.ikev2.wire import (
    INITIATOR,
    IkeHeader,
    MalformedMessageError,
    Payload,
    encode_message,
    parse_message,
)

HEADER = IkeHeader(bytes(range(1, 9)), bytes(range(8, 16)), 0, 35, INITIATOR, 1)
CIPHERS = (
    "aes128gcm16-prfsha256-ecp256",
    "aes256gcm16-prfsha256-ecp256",
    "chacha20poly1305-prfsha256-ecp256",
    "aes128-sha256-ecp256",
    "aes256-sha512-ecp256",
    "aes256-sha384-ecp256",
    "aes128-sha1-ecp256",
)


def make_pair(words: str) -> tuple[MessageCipher, MessageCipher]:
    (chosen,) = offer([parse_proposal(words)])
    assert isinstance(chosen, SaProposal)
    keys = tuple(map(os.urandom, key_sizes(chosen)))
    return make_cipher(chosen, *keys), make_cipher(chosen, *keys)


def payloads(size: int) -> tuple[Payload, ...]:
    return Payload(35, os.urandom(20)), Payload(37, os.urandom(size))


def stripped(found: tuple[Payload, ...] | None) -> list[tuple[int, bytes]] | None:
    return None if found is None else [(each.kind, each.body) for each in found]


@pytest.mark.parametrize("words", CIPHERS)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 900])
def test_a_message_is_opened_as_it_was_sealed(words: str, size: int) -> None:
    sending, receiving = make_pair(words)
    content = payloads(size)
    data = seal_message(HEADER, content, sending)
    assert parse_message(data).header.length == len(data)
    opened = open_message(data, parse_message(data), receiving, FragmentBuffer())
    assert stripped(opened) == stripped(content)


@pytest.mark.parametrize("words", CIPHERS)
def test_each_changed_byte_breaks_the_seal(words: str) -> None:
    sending, receiving = make_pair(words)
    data = seal_message(HEADER, payloads(10), sending)
    for at in range(len(data)):
        if at in range(16, 18) or at in range(24, 34):  # parsing fails first: kinds, version and lengths
            continue
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        with pytest.raises((SealBrokenError, MalformedMessageError)):
            open_message(changed, parse_message(changed), receiving, FragmentBuffer())


@pytest.mark.parametrize("words", CIPHERS)
def test_a_large_message_goes_in_fragments_that_come_in_any_order(words: str) -> None:
    sending, receiving = make_pair(words)
    content = payloads(4000)
    parts = seal_fragments(HEADER, content, sending)
    assert len(parts) == 4
    assert all(len(each) <= LARGEST_MESSAGE for each in parts)
    buffer = FragmentBuffer()
    found = [open_message(each, parse_message(each), receiving, buffer) for each in reversed(parts)]
    assert found[:-1] == [None] * 3
    assert stripped(found[-1]) == stripped(content)


def test_a_repeated_fragment_does_not_complete_a_message() -> None:
    sending, receiving = make_pair(CIPHERS[0])
    first, *_ = seal_fragments(HEADER, payloads(4000), sending)
    buffer = FragmentBuffer()
    for _ in range(5):
        assert open_message(first, parse_message(first), receiving, buffer) is None


def test_smaller_fragments_replace_the_ones_before_them() -> None:
    buffer = FragmentBuffer()
    assert buffer.add(1, 2, 35, b"old") is None
    assert buffer.add(1, 3, 35, b"a") is None
    assert buffer.add(2, 2, 0, b"old") is None
    assert buffer.add(2, 3, 0, b"b") is None
    assert buffer.add(3, 3, 0, b"c") == b"abc"


def test_a_message_in_cleartext_is_refused() -> None:
    _, receiving = make_pair(CIPHERS[0])
    data = encode_message(HEADER, payloads(1))
    with pytest.raises(MalformedMessageError, match="not encrypted"):
        open_message(data, parse_message(data), receiving, FragmentBuffer())


def test_no_vector_comes_twice() -> None:
    sending, _ = make_pair(CIPHERS[0])
    vectors = {seal_message(HEADER, payloads(1), sending)[32:40] for _ in range(50)}
    assert len(vectors) == 50
