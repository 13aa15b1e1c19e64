"""The TLS settings of a profile, for the `ssl` module.

OpenVPN and this module use the same library, OpenSSL, so that both accept the same certificates. `ssl` reads
certificates from files only: `readable_path` gives it one that exists in memory.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from wgmon_tui.net.revocation import UnreadableListError, read_revocation_lists
from wgmon_tui.protocols.openvpn.profile import Profile

_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_SECURITY_LEVELS = {"insecure": 0, "legacy": 1, "": 1, "preferred": 2}
"""What `tls-cert-profile` means to OpenSSL; `legacy` is the default of OpenVPN (ssl_openssl.c)."""

_SUITE_B = "suiteb"
_CIPHERS = "DEFAULT:!EXP:!LOW:!MEDIUM:!DSS:!PSK:!SRP:!kRSA"
"""The cipher suites of TLS 1.2 that OpenVPN offers by default."""


_OTHER_KEY = "KEY_VALUES_MISMATCH"
"""What OpenSSL says of a key that it could read, and that is not the one of the certificate."""


class TlsSettingsError(Exception):
    """Certificates or keys of a profile that cannot be used. The message is one phrase without a secret."""


@contextmanager
def readable_path(content: bytes = b"") -> Iterator[str]:
    """The path of a file that only this process can read, and that is gone afterwards."""
    if make_memory_file := getattr(os, "memfd_create", None):
        with open(make_memory_file("wgmon-tui"), "w+b") as opened:  # noqa: PTH123
            opened.write(content)
            opened.flush()
            yield f"/proc/self/fd/{opened.fileno()}"
        return
    descriptor, path = tempfile.mkstemp()  # readable by its owner alone
    try:
        with open(descriptor, "wb") as opened:  # noqa: PTH123
            opened.write(content)
        yield path
    finally:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108


def make_context(profile: Profile, key_password: str | None, key_log: str) -> ssl.SSLContext:
    """The context of a client. `key_log` is the path that gets the secrets of its connections.

    Raises TlsSettingsError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the name is that of verify-x509-name, in certificates.py
    context.verify_mode = ssl.CERT_REQUIRED if profile.ca else ssl.CERT_NONE
    context.options |= ssl.OP_NO_TICKET
    with _as_problem("tls-version-min and tls-version-max"):
        context.minimum_version = _VERSIONS.get(profile.tls_version_min, ssl.TLSVersion.TLSv1_2)
        if profile.tls_version_max in _VERSIONS:
            context.maximum_version = _VERSIONS[profile.tls_version_max]
    if profile.tls_cert_profile == _SUITE_B:
        context.set_ciphers("SUITEB128")  # OpenSSL keeps these limits, whatever list comes after
    level = _SECURITY_LEVELS.get(profile.tls_cert_profile, 2)
    with _as_problem("tls-cipher"):
        context.set_ciphers(f"{_openssl_names(profile.tls_cipher) or _CIPHERS}:@SECLEVEL={level}")
    _trust(context, profile.ca)
    if profile.crl:
        _require_lists(profile.crl)
    if profile.certificate:
        own = f"{profile.certificate}\n{profile.extra_certificates}"
        _present(context, own, profile.private_key, key_password)
    context.keylog_filename = key_log
    return context


def make_widest_context() -> ssl.SSLContext:
    """A context that offers all versions and cipher suites of OpenSSL. It trusts anybody: send nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _openssl_names(suites: str) -> str:
    """Cipher suites as OpenSSL names them: profiles have IANA's names, with TLS and WITH in them."""
    return ":".join(map(_openssl_name, suites.split(":"))) if suites else ""


def _openssl_name(suite: str) -> str:
    """One of them. OpenSSL leaves out RSA as the key exchange, CBC, and the digest that POLY1305 implies."""
    if not suite.startswith("TLS-"):
        return suite
    name = suite.removeprefix("TLS-").replace("RSA-WITH-", "WITH-", int(suite.startswith("TLS-RSA-")))
    name = name.removeprefix("WITH-").replace("-WITH-", "-").replace("3DES-EDE-CBC", "DES-CBC3")
    name = re.sub(r"\b(AES|CAMELLIA)-(\d+)", r"\1\2", name).replace("-CBC-", "-")
    return name.replace("POLY1305-SHA256", "POLY1305")


def _trust(context: ssl.SSLContext, ca: str) -> None:
    if ca:
        with readable_path(f"{ca}\n".encode()) as path, _as_problem("ca"):
            context.load_verify_locations(path)


def _require_lists(crl: str) -> None:
    """Certificates are looked up in the lists once their chain is verified: see net/revocation.py."""
    try:
        read_revocation_lists(crl)
    except UnreadableListError as error:
        raise TlsSettingsError(f"crl-verify: {error}") from None


def _present(context: ssl.SSLContext, certificates: str, key: str, password: str | None) -> None:
    secret = (password or "").encode()
    with (
        readable_path(certificates.encode()) as certificate_path,
        readable_path(key.encode()) as key_path,
        _as_problem("cert or key"),
        _as_missing_password(key, password),
    ):
        # Without a password, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate_path, key_path, lambda: secret)


@contextmanager
def _as_missing_password(key: str, password: str | None) -> Iterator[None]:
    """Say of an encrypted key what its password is: OpenSSL says nothing of it. A mismatch comes later."""
    try:
        yield
    except ssl.SSLError as error:
        if "ENCRYPTED" not in key or getattr(error, "reason", None) == _OTHER_KEY:
            raise
        what = "its password is wrong" if password else "no password is set"
        raise TlsSettingsError(f"askpass: the key is encrypted, and {what}") from None


@contextmanager
def _as_problem(directive: str) -> Iterator[None]:
    """Turn what the libraries raise into one phrase. Their own texts name files in memory."""
    try:
        yield
    except ssl.SSLError as error:
        reason = (getattr(error, "reason", None) or "not usable").lower().replace("_", " ")
        raise TlsSettingsError(f"{directive}: {reason}") from None
    except (ValueError, OSError) as error:
        raise TlsSettingsError(f"{directive}: {type(error).__name__}: not usable") from None
