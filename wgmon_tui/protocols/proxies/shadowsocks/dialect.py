"""Shadowsocks for the common prober."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.protocols.proxies.clock_trials import clock_trials
from wgmon_tui.protocols.proxies.destinations import Destination
from wgmon_tui.protocols.proxies.dialects import Clock, Relay, Trial
from wgmon_tui.protocols.proxies.links.records import ShadowsocksLink
from wgmon_tui.protocols.proxies.shadowsocks.datagrams import make_datagrams
from wgmon_tui.protocols.proxies.shadowsocks.methods import METHODS, InvalidPasswordError
from wgmon_tui.protocols.proxies.shadowsocks.stream import CLOCK_WINDOW_S, ShadowsocksStream


class ShadowsocksDialect:
    """Methods of AEAD and of 2022, without plugins."""

    has_readable_secret = False

    def find_unsupported(self, link: ShadowsocksLink) -> str | None:
        """A plugin, an old method, or a password that is no key of its method."""
        if link.plugin:
            return (
                "plugins such as obfs and v2ray-plugin are not supported; "
                'use protocol = "proxy-command" with command = ["sing-box", "run", "-c", "{config}"]'
            )
        method = METHODS.get(link.method)
        if method is None:
            return "the method is not supported; known are " + ", ".join(METHODS)
        try:
            method.keys(link.password)
        except InvalidPasswordError as error:
            return str(error)
        return None

    def uses_timestamps(self, link: ShadowsocksLink) -> bool:
        """Whether both clocks must agree."""
        return METHODS[link.method].is_2022

    def make_stream(
        self, link: ShadowsocksLink, destination: Destination, unix_time: Clock
    ) -> ShadowsocksStream:
        """A stream."""
        return ShadowsocksStream(METHODS[link.method], link.password, destination, unix_time=unix_time)

    def make_relay(self, link: ShadowsocksLink, destination: Destination, unix_time: Clock) -> Relay:
        """Datagrams of their own."""
        return make_datagrams(METHODS[link.method], link.password, destination, unix_time)

    def trials(self, link: ShadowsocksLink) -> Sequence[Trial[ShadowsocksLink]]:
        """Other methods with the same password, and other clocks for 2022."""
        own = METHODS[link.method]
        found = []
        for name, method in METHODS.items():
            if method.name != name or method is own or method.is_2022 != own.is_2022:
                continue
            if method.is_2022 and method.key_length != own.key_length:
                continue
            found.append(Trial("method", name, replace(link, method=name)))
        return (*found, *(clock_trials(link, CLOCK_WINDOW_S) if own.is_2022 else ()))

    def with_wrong_secret(self, link: ShadowsocksLink) -> ShadowsocksLink:
        """A random password or key."""
        method = METHODS[link.method]
        if not method.is_2022:
            return replace(link, password=secrets.token_hex(16))
        keys = [secrets.token_bytes(method.key_length) for _ in method.keys(link.password)]
        return replace(link, password=":".join(base64.b64encode(each).decode() for each in keys))
