"""REALITY and the padding of Vision, without sockets."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from tests.real.proxies.certificates import IMITATED, self_signed
from wgmon_tui.protocols.proxies.links.records import XRAY_VERSION, RealityOptions
from wgmon_tui.protocols.proxies.reality.client_hello import make_hello
from wgmon_tui.protocols.proxies.reality.key_schedule import SUITES, derive_secret, extract
from wgmon_tui.protocols.proxies.reality.key_shares import X25519, X25519_MLKEM768, KeyShares, has_mlkem
from wgmon_tui.protocols.proxies.reality.layer import RealityLayer
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError
from wgmon_tui.protocols.proxies.vless.vision import Unpadding, pad_once

SERVER = X25519PrivateKey.generate()
PUBLIC = SERVER.public_key().public_bytes_raw()
SHORT_ID = bytes.fromhex("0123456789abcdef")
USER = UUID("b831381d-6324-4d53-ad4f-8cda48b30811")


OPTIONS = RealityOptions(PUBLIC, SHORT_ID)


def layer() -> RealityLayer:
    return RealityLayer(OPTIONS, "imitated.example", lambda: 1e9)


@pytest.mark.parametrize("offers_mlkem", [True, False])
def test_the_server_reads_version_time_and_short_id_from_the_session_id(*, offers_mlkem: bool) -> None:
    random = bytes(range(32))
    options = replace(OPTIONS, offers_mlkem=offers_mlkem)
    hello = make_hello(options, "imitated.example", 1e9, random)
    share = hello.message[-32:]
    shared = SERVER.exchange(X25519PublicKey.from_public_bytes(share))
    key = HKDF(algorithm=SHA256(), length=32, salt=random[:20], info=b"REALITY").derive(shared)
    sealed, plain = hello.message[39:71], hello.message[:39] + bytes(32) + hello.message[71:]
    content = AESGCM(key).decrypt(random[20:], sealed, plain)
    assert tuple(content[:3]) == XRAY_VERSION
    assert int.from_bytes(content[4:8], "big") == 10**9
    assert content[8:] == SHORT_ID


@pytest.mark.skipif(not has_mlkem(), reason="the library has no ML-KEM")
def test_the_hybrid_share_comes_once_and_before_that_of_x25519_with_the_same_key() -> None:
    """What Xray demands from 26.9.8 on: it shows its site to every other ClientHello."""
    offered = KeyShares().offered
    assert list(offered) == [X25519_MLKEM768, X25519]
    assert len(offered[X25519_MLKEM768]) == 1184 + 32
    assert offered[X25519_MLKEM768][-32:] == offered[X25519]
    assert list(KeyShares(offers_mlkem=False).offered) == [X25519]


@pytest.mark.skipif(not has_mlkem(), reason="the library has no ML-KEM")
def test_both_sides_of_the_hybrid_exchange_find_the_same_secret() -> None:
    """draft-ietf-tls-ecdhe-mlkem §4.3: the secret of ML-KEM, then that of X25519."""
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    client = KeyShares()
    share = client.offered[X25519_MLKEM768]
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(share[:1184]).encapsulate()
    expected = secret + SERVER.exchange(X25519PublicKey.from_public_bytes(share[1184:]))
    assert client.agree(X25519_MLKEM768, ciphertext + PUBLIC) == expected


@pytest.mark.parametrize(
    ("group", "share"),
    [(X25519_MLKEM768, PUBLIC), (0x0017, PUBLIC), (X25519, b"")],
    ids=["hybrid", "P-256", "empty"],
)
def test_a_share_that_was_not_asked_for_agrees_on_nothing(group: int, share: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyShares(offers_mlkem=False).agree(group, share)


def test_the_key_schedule_is_that_of_rfc_8448() -> None:
    """From RFC 8448 §3: the derived secret of an early secret without a preshared key."""
    suite = SUITES[0x1301]
    early = extract(suite, bytes(32), bytes(32))
    assert early.hex() == "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"
    derived = derive_secret(suite, early, "derived", b"")
    assert derived.hex() == "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"


def talk_to_a_web_server(client: RealityLayer) -> None:
    """The handshake with a server of TLS 1.3 that knows nothing of REALITY."""
    found = self_signed(IMITATED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as pem:
        pem.write(found.certificate + found.key)
        pem.flush()
        context.load_cert_chain(pem.name)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client.open())
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    client.unwrap(outgoing.read())


def test_a_web_site_is_told_from_the_server_that_imitates_it() -> None:
    client = layer()
    with pytest.raises(StreamLayerError, match="shows the site that it imitates") as raised:
        talk_to_a_web_server(client)
    assert raised.value.fault == "refused"
    assert not client.is_open


@given(
    st.lists(st.binary(max_size=400), max_size=4),
    st.sampled_from([b"", b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c"]),
)
def test_random_records_open_nothing(chunks: list[bytes], start: bytes) -> None:
    client = layer()
    client.open()
    try:
        for chunk in (start, *chunks):
            client.unwrap(chunk)
    except StreamLayerError:
        pass
    assert not client.is_open
    assert not client.is_proven


@given(st.binary(max_size=300), st.integers(1, 50))
def test_padded_data_is_read_however_it_is_cut(data: bytes, step: int) -> None:
    sent = pad_once(USER, data) + b"further"
    unpadding = Unpadding(USER, "vless")
    found = b"".join(unpadding.take(sent[start : start + step]) for start in range(0, len(sent), step))
    assert found == data + b"further"


@given(st.binary(max_size=300))
def test_random_blocks_raise_one_error_or_none(data: bytes) -> None:
    with suppress(StreamLayerError):
        Unpadding(USER, "vless").take(USER.bytes + data)


def test_data_without_padding_is_passed_on() -> None:
    assert Unpadding(USER, "vless").take(b"HTTP/1.1 204 No Content") == b"HTTP/1.1 204 No Content"


def test_what_follows_the_last_block_of_a_direct_flow_is_not_of_the_outer_tls() -> None:
    unpadding = Unpadding(USER, "vless")
    assert unpadding.take(USER.bytes + b"\x00\x00\x01\x00\x00x") == b"x"
    assert not unpadding.is_direct
    assert unpadding.take(b"\x02\x00\x01\x00\x02y..") == b"y"
    assert unpadding.is_direct


def test_a_block_with_another_command_is_refused() -> None:
    with pytest.raises(StreamLayerError, match="unknown command"):
        Unpadding(USER, "vless").take(USER.bytes + b"\x07\x00\x01\x00\x00x")
