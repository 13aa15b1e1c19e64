from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.openvpn.compression import CompressedError, frame, unframe
from wgmon_tui.protocols.openvpn.data_channel import (
    CIPHERS,
    DataChannel,
    DataError,
    DataFault,
    PacketIdWindow,
    UnknownCipherError,
)
from wgmon_tui.protocols.openvpn.profile import Compression

KEYS = bytes(range(256))
ALL = [(cipher, "SHA256") for cipher in CIPHERS] + [("AES-256-CBC", "SHA1"), ("AES-128-CBC", "SHA512")]


def pair(
    cipher: str = "AES-256-GCM",
    digest: str = "SHA256",
    *,
    peer_id: int | None = 5,
    compression: Compression = Compression.NONE,
) -> tuple[DataChannel, DataChannel]:
    client = DataChannel(cipher, digest, KEYS, peer_id=peer_id, compression=compression)
    server = DataChannel(cipher, digest, KEYS, peer_id=peer_id, compression=compression, is_server=True)
    return client, server


def fault_of(channel: DataChannel, packet: bytes) -> DataFault:
    with pytest.raises(DataError) as caught:
        channel.open(packet)
    return caught.value.fault


@pytest.mark.parametrize("peer_id", [None, 5, 0xFFFFFF])
@pytest.mark.parametrize(("cipher", "digest"), ALL)
def test_both_sides_understand_each_other(cipher: str, digest: str, peer_id: int | None) -> None:
    client, server = pair(cipher, digest, peer_id=peer_id)
    for payload in (b"", b"\x45", os.urandom(15), os.urandom(16), os.urandom(1400)):
        assert server.open(client.seal(payload)) == payload
        assert client.open(server.seal(payload)) == payload


@pytest.mark.parametrize("compression", Compression)
@given(payload=st.binary(max_size=40))
def test_framing_changes_no_payload(compression: Compression, payload: bytes) -> None:
    assert unframe(frame(payload, compression), compression) == payload


@pytest.mark.parametrize(
    ("compression", "framed"),
    [
        (Compression.NONE, b"\x45ab"),
        (Compression.LZO, b"\xfa\x45ab"),
        (Compression.STUB, b"\xfbab\x45"),
        (Compression.STUB_V2, b"\x45ab"),
    ],
)
def test_framing_is_that_of_openvpn(compression: Compression, framed: bytes) -> None:
    assert frame(b"\x45ab", compression) == framed


def test_a_payload_like_the_indicator_of_stub_v2_is_escaped() -> None:
    assert frame(b"\x50x", Compression.STUB_V2) == b"\x50\x00\x50x"


@pytest.mark.parametrize(
    ("compression", "framed"),
    [(Compression.LZO, b"\x66x"), (Compression.STUB, b"\x69x"), (Compression.STUB_V2, b"\x50\x01x")],
)
def test_a_compressed_payload_is_refused(compression: Compression, framed: bytes) -> None:
    with pytest.raises(CompressedError):
        unframe(framed, compression)


@pytest.mark.parametrize("cipher", ["AES-256-GCM", "CHACHA20-POLY1305", "AES-256-CBC"])
def test_a_changed_byte_is_noticed(cipher: str) -> None:
    client, server = pair(cipher)
    sealed = client.seal(b"payload of some length")
    for at in range(4, len(sealed)):
        assert fault_of(server, sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]) is DataFault.FORGED


def test_the_peer_id_is_authenticated() -> None:
    client, server = pair()
    sealed = client.seal(b"x")
    assert fault_of(server, sealed[:3] + b"\x07" + sealed[4:]) is DataFault.FORGED


@pytest.mark.parametrize("cipher", ["AES-256-GCM", "AES-256-CBC"])
def test_a_packet_is_accepted_once(cipher: str) -> None:
    client, server = pair(cipher)
    sealed = client.seal(b"x")
    assert server.open(sealed) == b"x"
    assert fault_of(server, sealed) is DataFault.REPLAYED


def test_packets_may_come_out_of_order() -> None:
    client, server = pair()
    first, second = client.seal(b"1"), client.seal(b"2")
    assert (server.open(second), server.open(first)) == (b"2", b"1")


def test_a_fragment_of_a_larger_packet_is_told_apart() -> None:
    client, server = (
        DataChannel("AES-256-GCM", "SHA1", KEYS, has_fragments=True, is_server=each) for each in (False, True)
    )
    assert server.open(client.seal(b"whole")) == b"whole"
    without = DataChannel("AES-256-GCM", "SHA1", KEYS)
    without._sent = 1
    assert fault_of(server, without.seal(b"\x01\0\0\0part")) is DataFault.FRAGMENT


def test_a_packet_of_another_key_is_told_apart() -> None:
    client = DataChannel("AES-256-GCM", "SHA1", KEYS, key_id=1)
    assert fault_of(pair()[1], client.seal(b"x")) is DataFault.OTHER_KEY


def test_a_compressed_packet_is_told_apart() -> None:
    client, server = pair()[0], pair(compression=Compression.LZO)[1]
    assert fault_of(server, client.seal(b"\x66x")) is DataFault.COMPRESSED


@pytest.mark.parametrize(("cipher", "digest"), [("BF-CBC", "SHA1"), ("AES-256-CBC", "MD4")])
def test_an_unknown_cipher_is_named(cipher: str, digest: str) -> None:
    with pytest.raises(UnknownCipherError):
        DataChannel(cipher, digest, KEYS)


def test_the_window_is_as_wide_as_openvpns() -> None:
    window = PacketIdWindow()
    assert window.accept(100)
    assert window.accept(100 - 63)
    assert not window.accept(100 - 64)
    assert not window.accept(0)
    assert not window.accept(100)


@given(st.lists(st.integers(min_value=1, max_value=200)))
def test_no_id_is_accepted_twice(numbers: list[int]) -> None:
    window = PacketIdWindow()
    accepted = [each for each in numbers if window.accept(each)]
    assert len(accepted) == len(set(accepted))


@pytest.mark.parametrize("cipher", ["AES-256-GCM", "CHACHA20-POLY1305", "AES-256-CBC"])
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(cipher: str, packet: bytes) -> None:
    with pytest.raises(DataError):
        pair(cipher)[1].open(packet)


def test_the_repr_has_no_key() -> None:
    assert repr(pair()[0]) == "DataChannel(key_id=0)"
