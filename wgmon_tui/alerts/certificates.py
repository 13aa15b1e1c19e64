"""Which certificates of sinks' servers are trusted, and what is wrong with one that is not.

Trusted is what OpenSSL trusts by default, as curl does, on every Python. From 3.13 on, Python's own default
also refuses authorities that lack identifiers of RFC 5280, which the authorities of many operators lack.
`ca_file` may hold any certificate of the chain: a root, an intermediate authority, or the server's own.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.text import format_list, printable

_CA_FILES = 16
_MOST_NAMES = 5
_LONGEST_NAME = 60

_UNKNOWN_ISSUER = (2, 20, 21)
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_LOCALLY and X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE."""
_SELF_SIGNED, _SELF_SIGNED_AUTHORITY = 18, 19
_OTHER_HOST = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH: their messages contain the host."""

_FAULTS = {
    7: "its signature is wrong: ca_file has an authority of the same name, but with another key",
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


_MAX_CA_FILE_BYTES = 16 << 20
"""Bytes. A bundle of all public authorities has 250 kB."""


class CaFileError(ValueError):
    """`ca_file` cannot be used. The message is a phrase."""


class UntrustedCertificateError(OSError):
    """The server's certificate is not trusted. The message is a phrase that says why."""


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates in `ca_file`, or the authorities of the system.

    Raises OSError and CaFileError.
    """
    if ca_file is None:
        return _cached_tls_context(None, 0)
    # Read here too: the library would wait for ever for a FIFO.
    _, status = read_regular(Path(ca_file), _MAX_CA_FILE_BYTES)
    return _cached_tls_context(ca_file, status.st_mtime_ns)


@lru_cache(_CA_FILES)
def _cached_tls_context(ca_file: str | None, _written_ns: int) -> ssl.SSLContext:
    # Cached: reading the system's bundle takes 50 ms.
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise CaFileError("ca_file holds no certificate in PEM form") from None
    _accept_as_curl(context)
    return context


def _accept_as_curl(context: ssl.SSLContext) -> None:
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def explain_rejection(
    error: ssl.SSLCertVerificationError, ca_file: str | None, reconnect: Callable[[ssl.SSLContext], object]
) -> UntrustedCertificateError:
    """Say what is wrong with a certificate.

    `reconnect` connects to the same server with another TLS context, which ends the connection after the
    handshake. It is called to read the names of a certificate for another host.
    """
    code = error.verify_code
    if code in _OTHER_HOST:
        what = f"it is not for this host{_list_names(ca_file, reconnect)}"
    elif code == _SELF_SIGNED:
        what = f"it is self-signed and not in {_trusted_place(ca_file)}"
        what += "" if ca_file else "; set ca_file to a file that holds it"
    elif code == _SELF_SIGNED_AUTHORITY:
        what = f"its authority is not in {_trusted_place(ca_file)}"
        what += "" if ca_file else "; for a private CA, set ca_file"
    elif code in _UNKNOWN_ISSUER:
        what = (
            f"its authority is not in {_trusted_place(ca_file)}, or the server does not send the whole chain"
        )
        what += "" if ca_file else "; for a private CA, set ca_file"
    else:
        what = _FAULTS.get(code) or printable(str(error.verify_message))
    return UntrustedCertificateError(f"the certificate is not trusted: {what}")


def _trusted_place(ca_file: str | None) -> str:
    return "ca_file" if ca_file else "the system's list of authorities"


class _NameReadingSocket(ssl.SSLSocket):
    """Ends the connection after the handshake, and leaves the certificate's names in the context."""

    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        if isinstance(self.context, _NameReadingContext):
            self.context.names = _names_of(self.getpeercert() or {})
        raise OSError("the names are read")


class _NameReadingContext(ssl.SSLContext):
    """Trusts a certificate for any host, but sends nothing to it."""

    sslsocket_class = _NameReadingSocket
    names: tuple[str, ...] = ()


def _list_names(ca_file: str | None, reconnect: Callable[[ssl.SSLContext], object]) -> str:
    """The names of the certificate, as an addition to a sentence; "" if they cannot be read."""

    context = _NameReadingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _accept_as_curl(context)
    with suppress(Exception):  # the names are an addition; the rejection is known
        if ca_file:
            context.load_verify_locations(ca_file)
        else:
            context.load_default_certs()
        reconnect(context)
    names = context.names
    if not names:
        return ""
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return f", but for {format_list([*names[:_MOST_NAMES], *more])}"


def _names_of(certificate: Any) -> tuple[str, ...]:
    return tuple(
        printable(str(name))[:_LONGEST_NAME]
        for kind, name in certificate.get("subjectAltName", ())
        if kind in ("DNS", "IP Address")
    )
