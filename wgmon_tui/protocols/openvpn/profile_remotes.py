"""The remotes of a profile, each with the transport and the wrapper of its block, or of the whole profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from wgmon_tui.protocols.openvpn.profile import DEFAULT_PORT, Remote, RemoteProto, Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.profile_syntax import Directive
from wgmon_tui.protocols.openvpn.profile_values import block_of, number, protocol_of
from wgmon_tui.protocols.openvpn.static_keys import read_client_key, read_static_key

WRAPPERS = {each.value: each for each in WrapperKind if each is not WrapperKind.PLAIN}
"""The wrappers by their directives."""


@dataclass(slots=True)
class Scope:
    """What a `<connection>` block may set for its remotes, and the whole profile for all.

    A remote is its directive, host, port and protocol, as far as it has them.
    """

    remotes: list[tuple[Directive, str, int | None, str | None]] = field(default_factory=list)
    port: int | None = None
    proto: tuple[RemoteProto, int | None] | None = None
    wrapper: Directive | None = None
    exit_notify: int | None = None


@dataclass(frozen=True, slots=True)
class TlsAuthSettings:
    """What `auth` and `key-direction` say about the HMAC of tls-auth."""

    digest: str
    direction: int | None


def make_remotes(scope: Scope, whole: Scope, tls_auth: TlsAuthSettings) -> Iterator[Remote]:
    """The remotes of one block, or of the whole profile. Raises ProfileError."""
    wrapper = _make_wrapper(scope.wrapper or whole.wrapper, tls_auth)
    for each, host, port, proto in scope.remotes:
        transport, version = (
            protocol_of(each, proto) if proto else scope.proto or whole.proto or (RemoteProto.UDP, None)
        )
        notify = scope.exit_notify if scope.exit_notify is not None else whole.exit_notify
        own_port = port or scope.port or whole.port or DEFAULT_PORT
        yield Remote(host, own_port, transport, version, wrapper, notify or 0, each.line)


def _make_wrapper(each: Directive | None, tls_auth: TlsAuthSettings) -> Wrapper:
    if each is None:
        return Wrapper()
    kind, content = WRAPPERS[each.name], block_of(each)
    if kind is WrapperKind.TLS_CRYPT_V2:
        key, wrapped = read_client_key(each, content)
        return Wrapper(kind, key, wrapped)
    key = read_static_key(each, content)
    if kind is WrapperKind.TLS_CRYPT:
        return Wrapper(kind, key)
    direction = tls_auth.direction
    if len(each.words) > 1:
        direction = number(replace(each, words=each.words[1:]), 0, 1)
    return Wrapper(kind, key, direction=direction, digest=tls_auth.digest)
