"""Signatures of IKE_AUTH: RFC 7427 with RSA, ECDSA and Ed25519, and the earlier methods.

The identifiers are those of RFC 7427 Appendix A and RFC 8420 §3, in DER.
"""

from __future__ import annotations

from collections.abc import Collection

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from wgmon_tui.protocols.ikev2.credentials import SigningKey
from wgmon_tui.protocols.ikev2.iana_numbers import AuthMethod, HashAlgorithm
from wgmon_tui.protocols.ikev2.wire import Authentication

_HASHES: dict[HashAlgorithm, hashes.HashAlgorithm] = {
    HashAlgorithm.SHA2_256: hashes.SHA256(),
    HashAlgorithm.SHA2_384: hashes.SHA384(),
    HashAlgorithm.SHA2_512: hashes.SHA512(),
}
_RSA = {
    HashAlgorithm.SHA2_256: bytes.fromhex("300d06092a864886f70d01010b0500"),
    HashAlgorithm.SHA2_384: bytes.fromhex("300d06092a864886f70d01010c0500"),
    HashAlgorithm.SHA2_512: bytes.fromhex("300d06092a864886f70d01010d0500"),
}
_ECDSA = {
    HashAlgorithm.SHA2_256: bytes.fromhex("300a06082a8648ce3d040302"),
    HashAlgorithm.SHA2_384: bytes.fromhex("300a06082a8648ce3d040303"),
    HashAlgorithm.SHA2_512: bytes.fromhex("300a06082a8648ce3d040304"),
}
_ED25519 = bytes.fromhex("300506032b6570")
_RSA_PSS = bytes.fromhex("06092a864886f70d01010a")
_PSS_HASHES = {
    bytes.fromhex("0609608648016503040201"): HashAlgorithm.SHA2_256,
    bytes.fromhex("0609608648016503040202"): HashAlgorithm.SHA2_384,
    bytes.fromhex("0609608648016503040203"): HashAlgorithm.SHA2_512,
}
_CURVES = {
    256: (HashAlgorithm.SHA2_256, AuthMethod.ECDSA_P256),
    384: (HashAlgorithm.SHA2_384, AuthMethod.ECDSA_P384),
    521: (HashAlgorithm.SHA2_512, AuthMethod.ECDSA_P521),
}


class UnsupportedKeyError(Exception):
    """A key that the server cannot verify a signature of. The message is a phrase."""


def sign(key: SigningKey, content: bytes, server_hashes: Collection[int]) -> Authentication:
    """Prove this side's identity, in a way that the server supports. Raises UnsupportedKeyError.

    `server_hashes` is empty if the server does not know RFC 7427.
    """
    if isinstance(key, Ed25519PrivateKey):
        if HashAlgorithm.IDENTITY not in server_hashes:
            raise UnsupportedKeyError("the server takes no Ed25519 signatures")
        return _digital(_ED25519, key.sign(content))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _sign_ecdsa(key, content, server_hashes)
    for number, algorithm in _HASHES.items():
        if number in server_hashes:
            return _digital(_RSA[number], key.sign(content, padding.PKCS1v15(), algorithm))
    signature = key.sign(content, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return Authentication(AuthMethod.RSA_SIGNATURE, signature)


def _sign_ecdsa(
    key: ec.EllipticCurvePrivateKey, content: bytes, server_hashes: Collection[int]
) -> Authentication:
    if key.key_size not in _CURVES:
        raise UnsupportedKeyError("IKEv2 has no signatures with this curve")
    number, method = _CURVES[key.key_size]
    signature = key.sign(content, ec.ECDSA(_HASHES[number]))
    if number in server_hashes:
        return _digital(_ECDSA[number], signature)
    size = (key.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return Authentication(method, r.to_bytes(size, "big") + s.to_bytes(size, "big"))


def _digital(identifier: bytes, signature: bytes) -> Authentication:
    return Authentication(AuthMethod.DIGITAL_SIGNATURE, bytes((len(identifier),)) + identifier + signature)


def is_signed_by(public_key: object, authentication: Authentication, content: bytes) -> bool:
    """Whether the owner of a public key made this proof over `content`."""
    try:
        return _verify(public_key, authentication, content)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False


def _verify(public_key: object, authentication: Authentication, content: bytes) -> bool:
    method, data = authentication.method, authentication.data
    if method == AuthMethod.DIGITAL_SIGNATURE:
        end = 1 + int.from_bytes(data[:1], "big")
        return _verify_digital(public_key, data[1:end], data[end:], content)
    if method == AuthMethod.RSA_SIGNATURE and isinstance(public_key, RSAPublicKey):
        # RFC 7296 §3.8 says SHA-1 and allows others; servers without RFC 7427 use either.
        return any(
            _is_rsa(public_key, data, content, each)
            for each in (hashes.SHA1(), *_HASHES.values())  # noqa: S303
        )
    for number, legacy in _CURVES.values():
        if method == legacy and isinstance(public_key, ec.EllipticCurvePublicKey):
            half = len(data) // 2
            r, s = int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")
            public_key.verify(encode_dss_signature(r, s), content, ec.ECDSA(_HASHES[number]))
            return True
    return False


def _is_rsa(key: RSAPublicKey, signature: bytes, content: bytes, algorithm: hashes.HashAlgorithm) -> bool:
    try:
        key.verify(signature, content, padding.PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


def _verify_digital(public_key: object, identifier: bytes, signature: bytes, content: bytes) -> bool:
    if isinstance(public_key, Ed25519PublicKey) and identifier == _ED25519:
        public_key.verify(signature, content)
        return True
    for number, algorithm in _HASHES.items():
        if isinstance(public_key, RSAPublicKey) and identifier == _RSA[number]:
            public_key.verify(signature, content, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(public_key, ec.EllipticCurvePublicKey) and identifier == _ECDSA[number]:
            public_key.verify(signature, content, ec.ECDSA(algorithm))
            return True
    if isinstance(public_key, RSAPublicKey) and _RSA_PSS in identifier:
        found = next((number for oid, number in _PSS_HASHES.items() if oid in identifier), None)
        if found is not None:
            algorithm = _HASHES[found]
            scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
            public_key.verify(signature, content, scheme, algorithm)
            return True
    return False
