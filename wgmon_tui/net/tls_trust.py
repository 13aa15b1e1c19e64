"""Which TLS certificates are trusted, and what is wrong with one that is not.

Trusted is what OpenSSL trusts by default, as curl does, on every Python. From 3.13 on, Python's own default
also refuses authorities that lack identifiers of RFC 5280, which the authorities of many operators lack.
Configured certificates may be any of the chain: a root, an intermediate authority, or the server's own.
"""

from __future__ import annotations

import ssl
from functools import lru_cache

from wgmon_tui.net.tls_chain import DatedSslObject
from wgmon_tui.text import printable

SYSTEM_AUTHORITIES = "the system's list of authorities"

OTHER_HOST = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH: their messages contain the host."""

_UNKNOWN_ISSUER = (2, 20, 21)
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_LOCALLY and X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE."""
_SELF_SIGNED, _SELF_SIGNED_AUTHORITY, _OTHER_SIGNATURE = 18, 19, 7

_FAULTS = {
    9: "it is not valid yet, or an authority of its chain is not; check the clocks of both machines",
    10: "it has expired, or an authority of its chain has",
    23: "it was revoked",
    25: "its chain is longer than an authority allows",
    26: "it, or an authority of its chain, is not made for servers: extendedKeyUsage lacks serverAuth",
    66: "its key is too short",
    67: "the key of an authority in its chain is too short",
    68: "it, or an authority of its chain, is signed with a hash that is too weak, such as SHA-1",
    79: "an authority of its chain may not sign certificates: basicConstraints lacks CA:TRUE",
}
"""By verify code (x509_vfy.h)."""

_CONTEXTS = 32


@lru_cache(_CONTEXTS)
def trusting_context(certificates: bytes = b"") -> ssl.SSLContext:
    """A context that trusts these certificates (DER, one after the other), or those of the system.

    Cached: reading the system's takes 50 ms. Its handshake raises ExpiredCertificateError for a certificate
    that has ended, and other ssl.SSLErrors. Raises ssl.SSLError.
    """
    context = (
        ssl.create_default_context(cadata=certificates) if certificates else ssl.create_default_context()
    )
    accept_as_curl(context)
    context.sslobject_class = DatedSslObject
    return context


def accept_as_curl(context: ssl.SSLContext) -> None:
    """Let any certificate of a chain be the trusted one, and let authorities lack identifiers."""
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def explain_untrusted(
    error: ssl.SSLCertVerificationError,
    trusted: str = SYSTEM_AUTHORITIES,
    advice: str = "",
    private_ca: str = "",
    names: str = "",
) -> str:
    """Say what is wrong with a certificate, as a clause about "it".

    `trusted` is where the trusted authorities are. `advice` is added for a certificate that signed itself,
    `private_ca` for an unknown authority, and `names` to a wrong host.
    """
    code = error.verify_code
    if code in OTHER_HOST:
        return f"it is not for this host{names}"
    if code == _SELF_SIGNED:
        return f"it is self-signed and not in {trusted}{advice}"
    if code == _SELF_SIGNED_AUTHORITY:
        return f"its authority is not in {trusted}{private_ca}"
    if code in _UNKNOWN_ISSUER:
        return f"its authority is not in {trusted}, or the server does not send the whole chain{private_ca}"
    if code == _OTHER_SIGNATURE:
        return f"its signature is wrong: {trusted} has an authority of the same name, but with another key"
    return _FAULTS.get(code) or printable(str(error.verify_message))
