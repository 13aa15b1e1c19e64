"""The certificates of a server as OpenSSL has them, also of one that it refuses.

The `ssl` module has a public method for a chain since Python 3.13, and the same one inside before. It has
none for the dates of a certificate that was refused.
"""

from __future__ import annotations

import ssl
import time
from typing import Any

_DER = 2
"""`_ssl.ENCODING_DER`."""

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED: of the certificate of the server, or of an authority in its chain."""


def find_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain up to the authority if OpenSSL verified it; without that, what came. Empty before it came."""
    found = _find_chain(tls)
    return tuple(each if isinstance(each, bytes) else each.public_bytes(_DER) for each in found)


class ExpiredCertificateError(ssl.SSLCertVerificationError):
    """The certificate of the server ended at `ended_at`, in Unix seconds. All else about it was right."""

    ended_at = 0.0


class DatedSslObject(ssl.SSLObject):
    """TLS whose handshake raises ExpiredCertificateError, so that an end that has passed is known too."""

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises ssl.SSLError."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            ended_at = find_passed_end(self, error)
            if ended_at is None:
                raise
            raise _with_end(error, ended_at) from None


def find_passed_end(tls: ssl.SSLObject, error: ssl.SSLError) -> float | None:
    """When the refused certificate of a server ended, in Unix seconds; None if its end was not the reason.

    OpenSSL looks at dates last: the chain, the host and the signature were right.
    """
    if not isinstance(error, ssl.SSLCertVerificationError) or error.verify_code != _EXPIRED:
        return None
    found = _find_chain(getattr(tls, "_sslobj", tls))
    try:
        end = float(ssl.cert_time_to_seconds(found[0].get_info()["notAfter"]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None  # another Python than CPython, or an end that is no date
    return end if end < time.time() else None


def _find_chain(tls: object) -> Any:
    inner = getattr(tls, "_sslobj", None)
    find = getattr(tls, "get_verified_chain", None) or getattr(inner, "get_verified_chain", None)
    try:
        return (find() if find is not None else None) or ()
    except (TypeError, ValueError, ssl.SSLError):  # nothing has come yet
        return ()


def _with_end(error: ssl.SSLCertVerificationError, ended_at: float) -> ExpiredCertificateError:
    expired = ExpiredCertificateError(*error.args)
    expired.library, expired.reason = error.library, error.reason
    expired.verify_code, expired.verify_message = error.verify_code, error.verify_message
    expired.ended_at = ended_at
    return expired
