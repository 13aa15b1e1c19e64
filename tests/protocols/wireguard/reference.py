"""A second implementation of the whitepaper's sections 5.4.2 to 5.4.7, from other libraries.

It shares no function with wgmon_tui. X25519 and ChaCha20-Poly1305 come from `cryptography` (OpenSSL), BLAKE2s
and HMAC from the standard library. XChaCha20-Poly1305 uses an HChaCha20 in plain Python. So a library bug
cannot be the reason if both agree byte for byte.

`python -m tests.protocols.wireguard.reference` prints transcript.json. A test compares that file with
`transcript()`, so that package and reference cannot change together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"
LABEL_MAC1 = b"mac1----"
LABEL_COOKIE = b"cookie--"

INPUTS = {
    "initiator_static": bytes(range(0x01, 0x21)),
    "responder_static": bytes(range(0x41, 0x61)),
    "initiator_ephemeral": bytes(range(0x81, 0xA1)),
    "second_initiator_ephemeral": bytes(range(0x91, 0xB1)),
    "responder_ephemeral": bytes(range(0xC1, 0xE1)),
    "psk": bytes(range(0xE0, 0x100)),
    "initiator_index": bytes.fromhex("78563412"),
    "second_initiator_index": bytes.fromhex("79563412"),
    "responder_index": bytes.fromhex("efbeadde"),
    "timestamp": bytes.fromhex("4000000065920080075bcd15"),
    "second_timestamp": bytes.fromhex("4000000065920085075bcd15"),
    "cookie_secret": bytes(range(0x20, 0x40)),
    "cookie_source": bytes([192, 0, 2, 7, 0xD4, 0x31]),
    "cookie_nonce": bytes(range(0x60, 0x78)),
    "question": b"an inner packet of 31 bytes....",
    "answer": b"and its answer, 32 bytes to seal",
}
"""All inputs that are random or time-dependent in a real exchange."""


def dh(private: bytes, public: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def dh_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def aead(key: bytes, counter: int, plaintext: bytes, associated: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(struct.pack("<4xQ", counter), plaintext, associated)


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """The subkey of draft-irtf-cfrg-xchacha §2.2: the rounds of ChaCha20 without the final addition."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def xaead(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    subkey = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(subkey).encrypt(bytes(4) + nonce[16:], plaintext, associated)


def open_xaead(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    subkey = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(subkey).decrypt(bytes(4) + nonce[16:], sealed, associated)


def hash_(data: bytes) -> bytes:
    return hashlib.blake2s(data, digest_size=32).digest()


def mac(key: bytes, data: bytes) -> bytes:
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def kdf(outputs: int, key: bytes, data: bytes) -> list[bytes]:
    secret = hmac.new(key, data, hashlib.blake2s).digest()
    made = [b""]
    for number in range(1, outputs + 1):
        made.append(hmac.new(secret, made[-1] + bytes([number]), hashlib.blake2s).digest())
    return made[1:]


def initiation(
    static: bytes, server: bytes, ephemeral: bytes, index: bytes, timestamp: bytes, cookie: bytes | None
) -> tuple[bytes, bytes, bytes]:
    """§5.4.2: the message, and C and H after it."""
    c = hash_(CONSTRUCTION)
    h = hash_(c + IDENTIFIER)
    h = hash_(h + server)
    msg_ephemeral = dh_public(ephemeral)
    (c,) = kdf(1, c, msg_ephemeral)
    h = hash_(h + msg_ephemeral)
    c, k = kdf(2, c, dh(ephemeral, server))
    msg_static = aead(k, 0, dh_public(static), h)
    h = hash_(h + msg_static)
    c, k = kdf(2, c, dh(static, server))
    msg_timestamp = aead(k, 0, timestamp, h)
    h = hash_(h + msg_timestamp)
    message = b"\x01\x00\x00\x00" + index + msg_ephemeral + msg_static + msg_timestamp
    return with_macs(message, server, cookie), c, h


def response(
    c: bytes, h: bytes, client: bytes, client_ephemeral: bytes, ephemeral: bytes, indexes: bytes, psk: bytes
) -> tuple[bytes, bytes]:
    """§5.4.3, as the responder computes it: the message, and C after it."""
    msg_ephemeral = dh_public(ephemeral)
    (c,) = kdf(1, c, msg_ephemeral)
    h = hash_(h + msg_ephemeral)
    (c,) = kdf(1, c, dh(ephemeral, client_ephemeral))
    (c,) = kdf(1, c, dh(ephemeral, client))
    c, tau, k = kdf(3, c, psk)
    h = hash_(h + tau)
    msg_empty = aead(k, 0, b"", h)
    return with_macs(b"\x02\x00\x00\x00" + indexes + msg_ephemeral + msg_empty, client, None), c


def with_macs(message: bytes, receiver: bytes, cookie: bytes | None) -> bytes:
    """§5.4.4: the message with mac1, and mac2 or zeros."""
    message += mac(hash_(LABEL_MAC1 + receiver), message)
    return message + (bytes(16) if cookie is None else mac(cookie, message))


def transport(key: bytes, receiver: bytes, counter: int, inner: bytes) -> bytes:
    """§5.4.6: a data packet, its inner packet padded to a multiple of 16."""
    padded = inner + bytes(-len(inner) % 16)
    return b"\x04\x00\x00\x00" + receiver + struct.pack("<Q", counter) + aead(key, counter, padded, b"")


def transcript() -> dict[str, bytes]:
    """All messages for INPUTS: without a preshared key, with one, and under load."""
    i = INPUTS
    client, server = dh_public(i["initiator_static"]), dh_public(i["responder_static"])
    opening, c, h = initiation(
        i["initiator_static"], server, i["initiator_ephemeral"], i["initiator_index"], i["timestamp"], None
    )
    cookie = mac(i["cookie_secret"], i["cookie_source"])
    mac1 = opening[116:132]
    sealed_cookie = xaead(hash_(LABEL_COOKIE + server), i["cookie_nonce"], cookie, mac1)
    retry, _, _ = initiation(
        i["initiator_static"],
        server,
        i["second_initiator_ephemeral"],
        i["second_initiator_index"],
        i["second_timestamp"],
        cookie,
    )
    made = INPUTS | {
        "initiator_public": client,
        "responder_public": server,
        "initiation": opening,
        "initiation_mac1": mac1,
        "cookie": cookie,
        "cookie_reply": b"\x03\x00\x00\x00" + i["initiator_index"] + i["cookie_nonce"] + sealed_cookie,
        "initiation_with_cookie": retry,
        "initiation_with_cookie_mac2": retry[132:],
    }
    for suffix, psk in (("", bytes(32)), ("_with_psk", i["psk"])):
        answer, c_r = response(
            c,
            h,
            client,
            dh_public(i["initiator_ephemeral"]),
            i["responder_ephemeral"],
            i["responder_index"] + i["initiator_index"],
            psk,
        )
        initiator_sends, responder_sends = kdf(2, c_r, b"")  # §5.4.5
        made |= {
            f"response{suffix}": answer,
            f"initiator_sends{suffix}": initiator_sends,
            f"responder_sends{suffix}": responder_sends,
            f"data{suffix}": transport(initiator_sends, i["responder_index"], 0, i["question"]),
            f"keepalive{suffix}": transport(initiator_sends, i["responder_index"], 1, b""),
            f"data_back{suffix}": transport(responder_sends, i["initiator_index"], 0, i["answer"]),
        }
    return made


if __name__ == "__main__":
    json.dump({name: value.hex() for name, value in transcript().items()}, sys.stdout, indent=1)
    print()
