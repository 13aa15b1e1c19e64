"""Which certificates of sinks' servers are trusted, and what is wrong with one that is not.

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
from wgmon_tui.net.tls_trust import OTHER_HOST, SYSTEM_AUTHORITIES, accept_as_curl, explain_untrusted
from wgmon_tui.text import format_list, printable

_CA_FILES = 16
_MOST_NAMES = 5
_LONGEST_NAME = 60

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
    accept_as_curl(context)
    return context


def explain_rejection(
    error: ssl.SSLCertVerificationError, ca_file: str | None, reconnect: Callable[[ssl.SSLContext], object]
) -> UntrustedCertificateError:
    """Say what is wrong with a certificate.

    `reconnect` connects to the same server with another TLS context, which ends the connection after the
    handshake. It is called to read the names of a certificate for another host.
    """
    names = _list_names(ca_file, reconnect) if error.verify_code in OTHER_HOST else ""
    what = explain_untrusted(
        error,
        "ca_file" if ca_file else SYSTEM_AUTHORITIES,
        "" if ca_file else "; set ca_file to a file that holds it",
        "" if ca_file else "; for a private CA, set ca_file",
        names,
    )
    return UntrustedCertificateError(f"the certificate is not trusted: {what}")


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
    accept_as_curl(context)
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
