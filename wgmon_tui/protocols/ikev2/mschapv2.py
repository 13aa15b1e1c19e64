"""MSCHAPv2: the proof of a password, and the key that follows from it (RFC 2759 §8, RFC 3079 §3.4)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.md4 import md4

CHALLENGE_SIZE = 16

_SIGNING = b"Magic server to client signing constant"
_ITERATION = b"Pad to make it do more than one iteration"
_MASTER = b"This is the MPPE Master Key"
_CLIENT_SENDS = b"On the client side, this is the send key; on the server side, it is the receive key."
_CLIENT_RECEIVES = b"On the client side, this is the receive key; on the server side, it is the send key."
_PAD_1, _PAD_2 = bytes(40), b"\xf2" * 40
_MSK_SIZE = 64


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """The proof of one login: what the server gets, what it must answer, and the master session key."""

    response: bytes = field(repr=False)
    expected: bytes = field(repr=False)
    session_key: bytes = field(repr=False)

    def accepts(self, message: bytes) -> bool:
        """Whether a success message of the server proves that it knows the password too."""
        return hmac.compare_digest(message[: len(self.expected)].upper(), self.expected)


def prove_password(
    user: str, password: str, server_challenge: bytes, client_challenge: bytes
) -> PasswordProof:
    """The proof for one pair of challenges."""
    name = user.rpartition("\\")[2].encode()
    challenge = hashlib.sha1(client_challenge + server_challenge + name).digest()[:8]  # noqa: S324
    password_hash = md4(password.encode("utf-16-le"))
    response = _encrypt(challenge, password_hash)
    hash_of_hash = md4(password_hash)
    digest = hashlib.sha1(hash_of_hash + response + _SIGNING).digest()  # noqa: S324
    expected = hashlib.sha1(digest + challenge + _ITERATION).digest()  # noqa: S324
    master = hashlib.sha1(hash_of_hash + response + _MASTER).digest()[:16]  # noqa: S324
    keys = _start_key(master, _CLIENT_SENDS) + _start_key(master, _CLIENT_RECEIVES)
    return PasswordProof(
        response, b"S=" + expected.hex().upper().encode(), keys + bytes(_MSK_SIZE - len(keys))
    )


def _start_key(master: bytes, magic: bytes) -> bytes:
    return hashlib.sha1(master + _PAD_1 + magic + _PAD_2).digest()[:16]  # noqa: S324


def _encrypt(challenge: bytes, password_hash: bytes) -> bytes:
    """Encrypt the challenge with DES under three keys out of the hash (RFC 2759 §8.5)."""
    padded = password_hash + bytes(21 - len(password_hash))
    return b"".join(_des(padded[offset : offset + 7], challenge) for offset in (0, 7, 14))


def _des(seven_bytes: bytes, block: bytes) -> bytes:
    """One block of DES: Triple DES with the same key three times is the same."""
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    except ImportError:  # before cryptography 43
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES

    bits = int.from_bytes(seven_bytes, "big")
    key = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(block) + encryptor.finalize()
