"""The certificate authorities that this machine trusts."""

from __future__ import annotations

import ssl
from functools import cache

from cryptography import x509


@cache
def system_authorities() -> tuple[x509.Certificate, ...]:
    """Read them once: a hundred certificates take a few milliseconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    found = []
    for der in context.get_ca_certs(binary_form=True):
        try:
            found.append(x509.load_der_x509_certificate(der))
        except ValueError:
            continue
    return tuple(found)
