"""The offer of a profile in a ClientHello, with OpenSSL's server as the judge."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest

from tests.protocols.openvpn.certificates import Authority
from tests.protocols.openvpn.memory_tls import server_context
from tests.protocols.openvpn.test_profile_parser import parsed
from wgmon_tui.protocols.openvpn.tls_offer import TlsOffer, find_offer

_ALERT, _HANDSHAKE = 21, 22
_CHOSEN_SUITE = slice(76, 78)
"""In a ServerHello: after record, message, version, random and a session id of 32 bytes."""

_X25519, _P256, _P521, _CHACHA20 = 29, 23, 25, 0x1303
"""P-256 is the curve of the server's key, without which TLS 1.2 fails whatever the group."""


def hello(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """The ClientHello of OpenSSL, with all groups."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def answer_to(record: bytes, group: str = "secp521r1") -> bytes:
    """What a server says that has one group."""
    context = server_context(Authority().issue("vpn.example", "server"))
    context.set_ecdh_curve(group)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(record)
    with suppress(ssl.SSLError):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    return outgoing.read()


def test_without_an_offer_the_hello_stays_as_it_is() -> None:
    record = hello()
    assert TlsOffer((), (), ()).narrow(record) == record


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("groups", "expected"),
    [((_X25519, _P256), _ALERT), ((_P256, _P521), _HANDSHAKE), ((_P521, _P256), _HANDSHAKE)],
)
def test_a_server_answers_an_offer_with_its_group_alone(
    groups: tuple[int, ...], expected: int, version: ssl.TLSVersion
) -> None:
    record = hello(version)
    assert answer_to(record)[0] == _HANDSHAKE
    assert answer_to(TlsOffer((), groups, ()).narrow(record))[0] == expected


def test_a_server_chooses_from_the_cipher_suites_of_the_offer() -> None:
    chosen = answer_to(TlsOffer((_CHACHA20,), (), ()).narrow(hello()), "X25519")[_CHOSEN_SUITE]
    assert int.from_bytes(chosen) == _CHACHA20


def test_cipher_suites_of_tls_1_3_are_not_put_into_a_hello_without_them() -> None:
    record = hello(ssl.TLSVersion.TLSv1_2)
    assert TlsOffer((_CHACHA20,), (), ()).narrow(record) == record


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        (("tls-groups secp256r1:P-384:x25519",), TlsOffer((), (23, 24, 29), ("tls-groups",))),
        (
            ("tls-ciphersuites TLS_AES_256_GCM_SHA384", "tls-groups prime256v1"),
            TlsOffer((0x1302,), (23,), ("tls-ciphersuites", "tls-groups")),
        ),
        (("tls-groups x25519:of-tomorrow",), None),
    ],
)
def test_the_offer_is_that_of_the_profile(lines: tuple[str, ...], expected: TlsOffer | None) -> None:
    assert find_offer(parsed(*lines)) == expected
