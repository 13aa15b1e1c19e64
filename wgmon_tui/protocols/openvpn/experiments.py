"""Experiments that explain a silent server: the reset once more, with one thing different.

A server answers nothing to a packet that it cannot authenticate. So silence has many causes; an answer to a
variation of the profile proves one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address

from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.net.addresses import Address
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.certificates import LAST_DAY, describe_server
from wgmon_tui.protocols.openvpn.client import Client, Login
from wgmon_tui.protocols.openvpn.links import Link, TcpLink, UdpLink
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.openvpn.profile import (
    PLAIN_WRAPPER,
    Profile,
    Remote,
    RemoteProto,
    Wrapper,
    WrapperKind,
)
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.tls_context import (
    TlsSettingsError,
    make_context,
    make_widest_context,
    readable_path,
)
from wgmon_tui.protocols.openvpn.tls_offer import find_offer
from wgmon_tui.protocols.openvpn.wrapping import make_wrapping

_DIGESTS = ("SHA1", "SHA256", "SHA512")
_LONGEST_WAIT_S = 1.5
_MOST_REMOTES = 4
_NOTHING: tuple[tuple[str, str, str, str], Callable[[Sequence[bytes]], bool]] = (
    ("", "", "", ""),
    lambda _: False,
)
"""What a login sends that ends with TLS, and whom it accepts: nobody."""


@dataclass(frozen=True, slots=True)
class Variation:
    """One thing that differs from the profile: its name, the value that is tried, and that of the profile."""

    setting: str
    tried: str
    own: str
    remote: Remote


def variations_of(remote: Remote) -> Iterator[Variation]:
    """What else a server could expect, with the keys of the profile."""
    wrapper = remote.wrapper
    other = RemoteProto.TCP if remote.transport is RemoteProto.UDP else RemoteProto.UDP
    yield Variation("proto", other.value, remote.transport.value, replace(remote, transport=other))
    for setting, tried, own, changed in _wrapper_variations(wrapper):
        yield Variation(setting, tried, own, replace(remote, wrapper=changed))


def _wrapper_variations(wrapper: Wrapper) -> Iterator[tuple[str, str, str, Wrapper]]:
    kind = wrapper.kind
    if kind is WrapperKind.PLAIN:
        return
    yield "wrapping", WrapperKind.PLAIN.value, kind.value, PLAIN_WRAPPER
    if kind is WrapperKind.TLS_AUTH:
        for direction in (None, 0, 1):
            if direction != wrapper.direction:
                changed = replace(wrapper, direction=direction)
                yield "key-direction", _word(direction), _word(wrapper.direction), changed
        for digest in _DIGESTS:
            if digest != wrapper.digest.upper():
                yield "auth", digest, wrapper.digest, replace(wrapper, digest=digest)
        yield "wrapping", "tls-crypt", kind.value, replace(wrapper, kind=WrapperKind.TLS_CRYPT)
    if kind is WrapperKind.TLS_CRYPT:
        for direction in (1, None):
            changed = replace(wrapper, kind=WrapperKind.TLS_AUTH, direction=direction)
            yield "wrapping", "tls-auth", kind.value, changed


def _word(direction: int | None) -> str:
    return "none" if direction is None else str(direction)


async def try_variations(remote: Remote, address: Address, timeout_s: float) -> list[ProtocolEvidence]:
    """Try all of them at once, and return what was answered, or that nothing was."""
    wait_s = min(timeout_s, _LONGEST_WAIT_S)
    variations = tuple(variations_of(remote))
    answered = await asyncio.gather(*(_is_answered(each.remote, address, wait_s) for each in variations))
    found = [
        observe(observations.VARIATION, each.setting, each.tried, each.own, from_experiment=True)
        for each, is_answered in zip(variations, answered, strict=True)
        if is_answered
    ]
    if found:
        return found
    tried = dict.fromkeys(each.setting for each in variations)
    return [observe(observations.NO_VARIATION, *tried, from_experiment=True)]


async def try_other_remotes(profile: Profile, own: Remote, timeout_s: float) -> list[ProtocolEvidence]:
    """Try other remotes of a profile: the first that answers with the same key, or that none does."""
    others = [
        each
        for each in profile.remotes
        if each.wrapper == own.wrapper and (each.host, each.port) != (own.host, own.port)
    ][:_MOST_REMOTES]
    wait_s = min(timeout_s, _LONGEST_WAIT_S)
    answered = await asyncio.gather(*(_answers_by_name(each, wait_s) for each in others))
    names = [f"{each.host}:{each.port}" for each in others]
    for name, found in zip(names, answered, strict=True):
        if found:
            return [observe(observations.OTHER_REMOTE, name, from_experiment=True)]
    return [observe(observations.NO_OTHER_REMOTE, *names, from_experiment=True)] if names else []


async def _answers_by_name(remote: Remote, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            found = await asyncio.get_running_loop().getaddrinfo(remote.host, remote.port)
    except (OSError, TimeoutError, UnicodeError):
        return False
    return bool(found) and await _is_answered(remote, ip_address(found[0][4][0]), timeout_s)


async def try_resets(remote: Remote, address: Address, timeout_s: float) -> list[ProtocolEvidence]:
    """Send other resets from new ports: a small one, and one of the size of the longest packet."""
    wait_s = min(timeout_s, _LONGEST_WAIT_S)
    small, large = await asyncio.gather(
        _is_answered(remote, address, wait_s), _is_answered(remote, address, wait_s, is_large=True)
    )
    sizes = [observations.LARGE] if large else []
    return [observe(observations.STILL_ANSWERS, *sizes)] if small or large else []


async def try_any_tls(remote: Remote, address: Address, timeout_s: float) -> list[ProtocolEvidence]:
    """Begin TLS with all that OpenSSL can, and say whether the server answers. No login follows."""
    answered = await _answers_any_tls(remote, address, timeout_s)
    if answered is None:
        return []
    return [observe(observations.ANY_TLS, observations.CONNECTED if answered else "silent")]


async def _answers_any_tls(remote: Remote, address: Address, timeout_s: float) -> bool | None:
    client = make_client(remote)
    return await _begin_tls(client, remote, address, timeout_s, lambda: client.has_begun_tls, _any_tls())


async def try_offer(
    profile: Profile, remote: Remote, address: Address, timeout_s: float
) -> list[ProtocolEvidence]:
    """Begin TLS with the cipher suites and groups that the profile allows. No login follows.

    A server says nothing to an offer that it refuses, and a packet may be lost: so the offer is made three
    times, beside one of everything. Nothing is known without an answer to that.
    """
    offer = find_offer(profile)
    if offer is None:
        return []

    async def is_answered() -> bool | None:
        client = make_client(remote)
        with readable_path() as key_log:
            try:
                context = make_context(_without_client(profile), None, key_log)
            except TlsSettingsError:
                return None  # the login says so
            login = Login(context, *_NOTHING, change_hello=offer.narrow)
            return await _begin_tls(client, remote, address, timeout_s, lambda: client.has_begun_tls, login)

    first = await is_answered()
    if first is False:
        *again, widest = await asyncio.gather(
            is_answered(), is_answered(), _answers_any_tls(remote, address, timeout_s)
        )
        if widest and again == [False, False]:
            return [observe(observations.OFFER_REFUSED, *offer.directives, from_experiment=True)]
        first = True in again
    return [observe(observations.OFFER_ANSWERED, *offer.directives, from_experiment=True)] if first else []


def _without_client(profile: Profile) -> Profile:
    """A profile that proves nothing: its client ends before it would."""
    return replace(profile, certificate="", private_key="", pkcs12=b"")


async def read_certificate(remote: Remote, address: Address, timeout_s: float) -> list[ProtocolEvidence]:
    """Read the certificate of an untrusted server. This side sends none."""
    client = make_client(remote)
    await _begin_tls(client, remote, address, timeout_s, lambda: bool(client.chain), _any_tls())
    found = describe_server(client.chain[0]) if client.chain else None
    if found is None:
        return []
    day = found.expires.strftime(LAST_DAY)
    return [observe(observations.UNVERIFIED, found.subject, found.issuer, day)]


def _any_tls() -> Login:
    """All that OpenSSL can, without verifying the server or sending a certificate."""
    return Login(make_widest_context(), *_NOTHING)


async def _begin_tls(
    client: Client,
    remote: Remote,
    address: Address,
    timeout_s: float,
    is_done: Callable[[], bool],
    login: Login,
) -> bool | None:
    """Begin TLS, and say whether something is done in time; None if the reset got no answer."""
    wait_s = min(timeout_s, _LONGEST_WAIT_S)
    try:
        link = await open_link(remote, address, wait_s)
    except (OSError, TimeoutError):
        return None
    session = ControlSession(client, link, CheckLog())
    with closing(link), suppress(OSError):
        if await session.run(lambda: bool(client.remote_session_id), wait_s):
            client.log_in(login, session.now)
            is_in_time = await session.run(is_done, wait_s)
            client.abandon_tls()  # a session that is left half open takes the place of a client for a minute
            session.flush()
            return is_in_time
    return None


async def _is_answered(remote: Remote, address: Address, timeout_s: float, *, is_large: bool = False) -> bool:
    try:
        link = await open_link(remote, address, timeout_s)
    except (OSError, TimeoutError):
        return False
    try:
        client = make_client(remote, is_large=is_large)
        with suppress(OSError):
            return await ControlSession(client, link, CheckLog()).run(
                lambda: bool(client.remote_session_id), timeout_s
            )
        return False
    finally:
        link.close()


def make_client(remote: Remote, *, is_large: bool = False) -> Client:
    """The client of a new session. Raises ValueError for a digest that is not known here."""
    key_length = len(remote.wrapper.wrapped_key)
    return Client(make_wrapping(remote.wrapper), wrapped_key_length=key_length, is_large=is_large)


async def open_link(remote: Remote, address: Address, timeout_s: float) -> Link:
    """Open what carries the packets. Raises OSError, and TimeoutError for TCP."""
    if remote.transport is RemoteProto.UDP:
        return UdpLink(address, remote.port)
    async with asyncio.timeout(timeout_s):
        return await TcpLink.open(address, remote.port)
