"""The certificates of a server as OpenSSL has them, in DER, beginning with its own.

The `ssl` module has a public method for that since Python 3.13, and the same one inside before.
"""

from __future__ import annotations

import ssl
from typing import Any

_DER = 2
"""`_ssl.ENCODING_DER`."""


def find_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The chain up to the authority if OpenSSL verified it; without that, what came. Empty before it came."""
    inner: Any = getattr(tls, "_sslobj", None)
    find = getattr(tls, "get_verified_chain", None) or getattr(inner, "get_verified_chain", None)
    try:
        found = find() if find is not None else ()
    except (TypeError, ValueError, ssl.SSLError):  # nothing has come yet
        return ()
    return tuple(each if isinstance(each, bytes) else each.public_bytes(_DER) for each in found or ())
