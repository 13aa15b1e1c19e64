"""Parses a client profile into records. Pure: the files that it names are already in it.

Source of the directives and of their defaults: openvpn(8), version 2.6.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from wgmon_tui.protocols.openvpn.compat_mode import Version, compatible_values, parse_version
from wgmon_tui.protocols.openvpn.compression import ALGORITHMS, find_compression
from wgmon_tui.protocols.openvpn.profile import (
    DEFAULT_CIPHERS,
    Credentials,
    NameMatch,
    Profile,
    Remote,
    ServerName,
    StaticChallenge,
    WrapperKind,
)
from wgmon_tui.protocols.openvpn.profile_remotes import WRAPPERS, Scope, TlsAuthSettings, make_remotes
from wgmon_tui.protocols.openvpn.profile_syntax import CONNECTION, Directive, ProfileError, read_directives
from wgmon_tui.protocols.openvpn.profile_values import (
    block_of,
    explain_missing_file,
    first_word,
    is_host,
    number,
    pem_of,
    protocol_of,
)
from wgmon_tui.protocols.openvpn.profile_words import DEMANDS, UNCHECKED, UNRELATED, UNSUPPORTED
from wgmon_tui.text import did_you_mean, printable, quoted

__all__ = ["ProfileError", "parse_profile"]

_MOST_REMOTES = 64
_KEPT_PROFILES = 64
_NOTICES = 20
_INLINE = "[inline]"


def parse_profile(content: bytes) -> Profile:
    """Parse a profile. Raises ProfileError."""
    return _parse(content)


@lru_cache(_KEPT_PROFILES)
def _parse(content: bytes) -> Profile:
    directives = read_directives(decode_profile(content))
    return _Reader().read(directives)


def decode_profile(content: bytes) -> str:
    """The text of a profile, with line feeds alone. Raises ProfileError."""
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        # Only names in comments and passwords can have such bytes; OpenVPN passes them on as they are.
        text = content.decode("latin-1")
    if "\0" in text:
        raise ProfileError("expected a .ovpn file, which is text, and got a binary file")
    return text.replace("\r\n", "\n")


_EXTENDED_USAGES = {
    "TLS Web Server Authentication": "server",
    "serverAuth": "server",
    "1.3.6.1.5.5.7.3.1": "server",
    "TLS Web Client Authentication": "client",
    "1.3.6.1.5.5.7.3.2": "client",
}
_DOCUMENTS = {
    "ca": "ca",
    "cert": "certificate",
    "key": "private_key",
    "extra-certs": "extra_certificates",
    "crl-verify": "crl",
}
_TEXTS = {
    "cipher": "cipher",
    "data-ciphers-fallback": "data_ciphers_fallback",
    "tls-version-max": "tls_version_max",
    "tls-cipher": "tls_cipher",
    "tls-ciphersuites": "tls_ciphersuites",
    "tls-groups": "tls_groups",
    "tls-cert-profile": "tls_cert_profile",
}


class _Reader:
    """Collects the values of one profile."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.notices: list[str] = []
        self.untested: dict[str, None] = {}
        self.whole = Scope()
        self.blocks: list[Scope] = []
        self.digest = "SHA1"
        self.direction: int | None = None
        self.tolerated: set[str] = set()
        self.compatible_with: Version | None = None

    def read(self, directives: Sequence[Directive]) -> Profile:
        """The profile of these directives. Raises ProfileError."""
        for each in directives:
            if each.name == "ignore-unknown-option":
                self.tolerated |= set(each.words)
        for each in directives:
            self._take(each, self.whole)
        if self.compatible_with is not None:
            self.values |= compatible_values(self.values, self.compatible_with)
        remotes = self._remotes()
        if not remotes:
            raise ProfileError("it names no server; write: remote HOST PORT")
        if len(remotes) > _MOST_REMOTES:
            raise ProfileError(f"it has {len(remotes)} remotes; at most {_MOST_REMOTES} are supported")
        self._require_trust()
        notices = self.notices[:_NOTICES]
        if left := len(self.notices) - len(notices):
            notices.append(f"{left} more directives are ignored")
        return Profile(remotes, notices=tuple(notices), untested=tuple(self.untested), **self.values)

    def _require_trust(self) -> None:
        if not any(self.values.get(each) for each in ("ca", "pkcs12", "peer_fingerprints")):
            raise ProfileError("it has no certificate authority; write it between <ca> and </ca>")
        if bool(self.values.get("certificate")) != bool(self.values.get("private_key")):
            missing = "key" if self.values.get("certificate") else "cert"
            raise ProfileError(
                f"it has only one of cert and key; write the other between <{missing}> and </{missing}>"
            )
        if not self.values.get("certificate") and not self.values.get("pkcs12"):
            self.values["needs_credentials"] = self.values.get("needs_credentials", False)
            if not self.values["needs_credentials"]:
                raise ProfileError(
                    "it has neither cert and key nor auth-user-pass; nothing proves this client"
                )

    def _take(self, each: Directive, scope: Scope) -> None:
        name = each.name
        if name in UNSUPPORTED:
            raise each.error(UNSUPPORTED[name])
        if each.block is None and each.words[:1] == (_INLINE,):
            self._announce(each)
            return
        if name in UNCHECKED:
            self.notices.append(f"line {each.line}: {name}: {UNCHECKED[name]}")
        if name in DEMANDS:
            self.untested[name] = None
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(self, each, scope)
        elif name == CONNECTION:
            self.blocks.append(Scope())
            for child in each.children:
                self._take(child, self.blocks[-1])
        elif name in _DOCUMENTS:
            self.values[_DOCUMENTS[name]] = pem_of(each)
        elif name in _TEXTS:
            self.values[_TEXTS[name]] = first_word(each)
        elif name not in UNRELATED and name not in self.tolerated and name not in UNCHECKED:
            # A file of another kind has thousands; to find a likeness takes a third of a millisecond.
            hint = did_you_mean(name, _KNOWN) if len(self.notices) < _NOTICES else ""
            asked = f"; {hint}" if hint else ""
            self.notices.append(
                f"line {each.line}: unknown directive {quoted(name[:40])}; it is ignored{asked}"
            )

    def _announce(self, each: Directive) -> None:
        """A directive whose block follows elsewhere: only the direction of tls-auth stands in it."""
        if each.name == WrapperKind.TLS_AUTH.value and len(each.words) > 1:
            self.direction = number(replace(each, words=each.words[1:]), 0, 1)

    def _remotes(self) -> tuple[Remote, ...]:
        if self.blocks and self.whole.remotes:
            line = self.whole.remotes[0][0].line
            self.notices.append(
                f"line {line}: remote: it is ignored, because the profile has <connection> blocks"
            )
        tls_auth = TlsAuthSettings(self.digest, self.direction)
        scopes = self.blocks or [self.whole]
        return tuple(each for scope in scopes for each in make_remotes(scope, self.whole, tls_auth))

    # One method for each directive, or for a few that are alike.

    def remote(self, each: Directive, scope: Scope) -> None:
        """`remote HOST [PORT] [PROTO]`."""
        if not each.words or not is_host(each.words[0]):
            raise each.error("expected a host; write: remote vpn.example.net 1194")
        port = number(replace(each, words=each.words[1:]), 1, 65535) if len(each.words) > 1 else None
        proto = each.words[2] if len(each.words) > 2 else None
        if proto:
            protocol_of(each, proto)
        scope.remotes.append((each, each.words[0], port, proto))

    def port(self, each: Directive, scope: Scope) -> None:
        """`port` and `rport`."""
        scope.port = number(each, 1, 65535)

    def proto(self, each: Directive, scope: Scope) -> None:
        """`proto udp`, `tcp-client`, `udp6` …"""
        scope.proto = protocol_of(each, first_word(each))

    def wrap(self, each: Directive, scope: Scope) -> None:
        """tls-auth, tls-crypt and tls-crypt-v2."""
        if scope.wrapper is not None and scope.wrapper.name != each.name:
            raise each.error(
                f"line {scope.wrapper.line} has {scope.wrapper.name}; only one of them can be meant"
            )
        scope.wrapper = each

    def exit_notify(self, each: Directive, scope: Scope) -> None:
        """`explicit-exit-notify [N]`."""
        scope.exit_notify = number(each, 0, 100) if each.words else 1

    def key_direction(self, each: Directive, _: Scope) -> None:
        """`key-direction 0` or `1`."""
        self.direction = number(each, 0, 1)

    def auth(self, each: Directive, _: Scope) -> None:
        """The digest of tls-auth and of ciphers without their own authentication. RSA-SHA256 is SHA256."""
        self.digest = self.values["auth"] = first_word(each).upper().removeprefix("RSA-")

    def data_ciphers(self, each: Directive, _: Scope) -> None:
        """`data-ciphers` and its older name `ncp-ciphers`. A cipher after "?" may be missing."""
        names = [name.removeprefix("?").upper() for name in first_word(each).split(":") if name]
        usual = {"DEFAULT": DEFAULT_CIPHERS}
        found = (cipher for name in names for cipher in usual.get(name, (name,)))
        self.values["data_ciphers"] = tuple(dict.fromkeys(found))

    def pkcs12(self, each: Directive, _: Scope) -> None:
        """The archive, in base64 between <pkcs12> and </pkcs12>."""
        try:
            self.values["pkcs12"] = base64.b64decode("".join(block_of(each).split()), validate=True)
        except (binascii.Error, ValueError):
            raise each.error("expected base64 between <pkcs12> and </pkcs12>") from None

    def fingerprints(self, each: Directive, _: Scope) -> None:
        """SHA-256 fingerprints, one or a block of them."""
        found = []
        for written in each.words or (each.block or "").split():
            digits = written.replace(":", "").lower()
            if not re.fullmatch("[0-9a-f]{64}", digits):
                raise each.error(
                    "expected SHA-256 fingerprints: 32 bytes in hexadecimal, with colons between them"
                )
            found.append(digits)
        self.values["peer_fingerprints"] = (*self.values.get("peer_fingerprints", ()), *found)

    def server_name(self, each: Directive, _: Scope) -> None:
        """`verify-x509-name TEXT [name|name-prefix|subject]`."""
        text, kind = first_word(each), each.words[1] if len(each.words) > 1 else NameMatch.SUBJECT.value
        known = [match.value for match in NameMatch]
        if kind not in known:
            raise each.error(f"expected one of {', '.join(known)}, got {quoted(kind[:40])}")
        self.values["server_name"] = ServerName(text, NameMatch(kind))

    def certificate_usage(self, each: Directive, _: Scope) -> None:
        """`remote-cert-tls server`."""
        if first_word(each) != "server":
            raise each.error('expected "server" in the profile of a client; write: remote-cert-tls server')
        self.values["certificate_usage"] = "server"
        self.values.setdefault("key_usages", (0,))

    def extended_usage(self, each: Directive, _: Scope) -> None:
        """`remote-cert-eku`, by the name or the number that OpenSSL has for it."""
        usage = _EXTENDED_USAGES.get(first_word(each))
        if usage is None:
            self.untested[each.name] = None
        else:
            self.values["certificate_usage"] = usage

    def key_usages(self, each: Directive, _: Scope) -> None:
        """`remote-cert-ku [BITS …]`: any of them; without, the extension alone must be there."""
        if not all(re.fullmatch("(0[xX])?[0-9a-fA-F]{1,4}", word) for word in each.words):
            raise each.error("expected key usages in hexadecimal; write: remote-cert-ku a0 88")
        self.values["key_usages"] = tuple(int(word, 16) for word in each.words) or (0,)

    def compat_mode(self, each: Directive, _: Scope) -> None:
        """`compat-mode VERSION`."""
        self.compatible_with = parse_version(each)

    def tls_version_min(self, each: Directive, _: Scope) -> None:
        """`tls-version-min 1.2 [or-highest]`."""
        if first_word(each) not in ("1.0", "1.1", "1.2", "1.3"):
            raise each.error("expected 1.0, 1.1, 1.2 or 1.3")
        self.values["tls_version_min"] = first_word(each)

    def compression(self, each: Directive, _: Scope) -> None:
        """`comp-lzo [no|yes|adaptive]` and `compress [ALGORITHM]`."""
        found = find_compression(each.name, each.words)
        if found is None:
            raise each.error(f"expected one of {', '.join(ALGORITHMS)}, got {quoted(each.words[0][:40])}")
        self.values["compression"] = found

    def credentials(self, each: Directive, _: Scope) -> None:
        """`auth-user-pass`: a block of two lines, or nothing when somebody types them."""
        self.values["needs_credentials"] = True
        if each.block is None:
            if each.words:
                raise each.error(explain_missing_file(each))
            return
        lines = [line.strip("\r") for line in each.block.split("\n")]
        if not lines or not lines[0]:
            raise each.error("expected the user on its first line, and the password on its second")
        self.values["credentials"] = Credentials(lines[0], lines[1] if len(lines) > 1 and lines[1] else None)

    def key_password(self, each: Directive, _: Scope) -> None:
        """`askpass`: the first line is the password of the key."""
        if each.block is None and each.words:
            raise each.error(explain_missing_file(each))
        if each.block is not None:
            self.values["key_password"] = each.block.split("\n", 1)[0].strip("\r")

    def challenge(self, each: Directive, _: Scope) -> None:
        """`static-challenge TEXT ECHO [concat|scrv1]`."""
        if len(each.words) < 2 or each.words[1] not in ("0", "1"):
            raise each.error('expected a text and 0 or 1; write: static-challenge "Code:" 1')
        concatenated = len(each.words) > 2 and each.words[2] == "concat"
        self.values["challenge"] = StaticChallenge(
            printable(each.words[0]), each.words[1] == "1", concatenated
        )

    def device(self, each: Directive, _: Scope) -> None:
        """`dev` and `dev-type`: only the kind matters here."""
        kind = first_word(each)
        for known in ("tun", "tap", "null"):
            if kind.startswith(known):
                self.values["device"] = known

    def tun_mtu(self, each: Directive, _: Scope) -> None:
        """`tun-mtu`: the largest inner packet. `tun-mtu-max`: the largest that a server may push."""
        self.values[each.name.replace("-", "_")] = number(each, 68, 65535)

    def fragment(self, each: Directive, _: Scope) -> None:
        """OpenVPN's own fragments: a header before each data packet."""
        self.values["fragment_size"] = number(each, 68, 65535)

    def variable(self, each: Directive, scope: Scope) -> None:
        """`setenv NAME VALUE`; `setenv opt` is a directive that older clients may not know."""
        if len(each.words) > 1 and each.words[0] == "opt":
            optional = replace(each, name=each.words[1], words=each.words[2:])
            self.tolerated.add(optional.name)
            self._take(optional, scope)
        elif len(each.words) == 2 and each.words[0].startswith(("UV_", "IV_")):
            self.values["peer_variables"] = (
                *self.values.get("peer_variables", ()),
                (each.words[0], each.words[1]),
            )


_Handler = Callable[[_Reader, Directive, Scope], None]
_HANDLERS: Mapping[str, _Handler] = MappingProxyType(
    {
        "remote": _Reader.remote,
        "port": _Reader.port,
        "rport": _Reader.port,
        "proto": _Reader.proto,
        **dict.fromkeys(WRAPPERS, _Reader.wrap),
        "explicit-exit-notify": _Reader.exit_notify,
        "key-direction": _Reader.key_direction,
        "auth": _Reader.auth,
        "data-ciphers": _Reader.data_ciphers,
        "ncp-ciphers": _Reader.data_ciphers,
        "pkcs12": _Reader.pkcs12,
        "peer-fingerprint": _Reader.fingerprints,
        "verify-x509-name": _Reader.server_name,
        "remote-cert-tls": _Reader.certificate_usage,
        "remote-cert-eku": _Reader.extended_usage,
        "remote-cert-ku": _Reader.key_usages,
        "compat-mode": _Reader.compat_mode,
        "tls-version-min": _Reader.tls_version_min,
        "comp-lzo": _Reader.compression,
        "compress": _Reader.compression,
        "auth-user-pass": _Reader.credentials,
        "askpass": _Reader.key_password,
        "static-challenge": _Reader.challenge,
        "dev": _Reader.device,
        "dev-type": _Reader.device,
        "tun-mtu": _Reader.tun_mtu,
        "tun-mtu-max": _Reader.tun_mtu,
        "fragment": _Reader.fragment,
        "setenv": _Reader.variable,
    }
)
_KNOWN = tuple(sorted({*_HANDLERS, *_DOCUMENTS, *_TEXTS, *UNRELATED, *UNCHECKED}))
