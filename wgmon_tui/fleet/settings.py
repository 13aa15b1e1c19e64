"""The settings of a server that `[defaults]` may say for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wgmon_tui.fleet.records import Address, Endpoint, Server
from wgmon_tui.fleet.tables import Table, as_boolean, as_integer, as_list, as_name, as_seconds
from wgmon_tui.fleet.values import (
    InvalidValueError,
    format_duration,
    parse_address,
    parse_name,
    parse_tunnel_endpoint,
)

INTERVAL_RANGE = (1.0, 86400.0)
TIMEOUT_RANGE = (0.2, 60.0)
SLOW_RANGE = (0.001, 60.0)
TUNNEL_MTU_RANGE = (576, 9000)
TUNNEL_COUNT_RANGE = (1, 20)
TUNNEL_OVER_RANGE = (0.0, 30.0)
EVERY_RANGE = (10.0, 86400.0)
"""Seconds between two runs of what no check does each time: `tunnel_every` and `explain_every`."""

FAIL_AFTER_RANGE = (1, 10)
FAIL_WINDOW_RANGE = (1, 20)
RECOVER_AFTER_RANGE = (1, 20)

USUAL_TIMEOUT = 5.0
"""Seconds; where the interval is shorter and no timeout is given, the interval is the timeout."""

USUAL_TUNNEL_OVER = 0.5
"""Seconds; below the shortest interval, so that it never has to be shortened."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The keys that `[defaults]` and `[[server]]` share, as `Server` explains them. Times are in seconds.

    An identity, a timeout or a fail_window of None was not said.
    """

    identity: str | None = None
    interval: float = 10.0
    timeout: float | None = None
    slow: float = 0.5
    fail_after: int = 2
    fail_window: int | None = None
    recover_after: int = 2
    paused: bool = False
    tags: tuple[str, ...] = ()
    tunnel: bool = True
    tunnel_ping: tuple[Address, ...] = ()
    tunnel_dns: tuple[Address, ...] = ()
    tunnel_tcp: tuple[Endpoint, ...] = ()
    tunnel_mtu: int | None = None
    tunnel_count: int = 3
    tunnel_over: float = USUAL_TUNNEL_OVER
    tunnel_every: float = 60.0
    explain: bool = True
    explain_every: float = 60.0
    try_identities: bool = False

    def timeout_in_force(self) -> float:
        """The timeout that was said, or the usual one, in seconds."""
        return min(USUAL_TIMEOUT, self.interval) if self.timeout is None else self.timeout

    def fail_window_in_force(self) -> int:
        """The window that was said, or one that forgives a single check among those that failed."""
        return self.fail_after + 1 if self.fail_window is None else self.fail_window


SETTINGS_KEYS = (
    "identity",
    "interval",
    "timeout",
    "slow",
    "fail_after",
    "fail_window",
    "recover_after",
    "paused",
    "tags",
    "tunnel",
    "tunnel_ping",
    "tunnel_dns",
    "tunnel_tcp",
    "tunnel_mtu",
    "tunnel_count",
    "tunnel_over",
    "tunnel_every",
    "explain",
    "explain_every",
    "try_identities",
)
"""The keys in servers.toml, which stay when a field of `Settings` is renamed."""


def read_settings(table: Table, otherwise: Settings) -> Settings:
    """What a table says; `otherwise` is in force where it says nothing. Raises ConfigurationError."""
    return Settings(
        identity=table.get("identity", as_name, otherwise.identity),
        interval=table.get("interval", as_seconds(*INTERVAL_RANGE), otherwise.interval),
        timeout=table.get("timeout", as_seconds(*TIMEOUT_RANGE), otherwise.timeout),
        slow=table.get("slow", as_seconds(*SLOW_RANGE), otherwise.slow),
        fail_after=table.get("fail_after", as_integer(*FAIL_AFTER_RANGE), otherwise.fail_after),
        fail_window=table.get("fail_window", as_integer(*FAIL_WINDOW_RANGE), otherwise.fail_window),
        recover_after=table.get("recover_after", as_integer(*RECOVER_AFTER_RANGE), otherwise.recover_after),
        paused=table.get("paused", as_boolean, otherwise.paused),
        tags=table.get("tags", as_list(parse_name), otherwise.tags),
        tunnel=table.get("tunnel", as_boolean, otherwise.tunnel),
        tunnel_ping=table.get("tunnel_ping", as_list(parse_address), otherwise.tunnel_ping),
        tunnel_dns=table.get("tunnel_dns", as_list(parse_address), otherwise.tunnel_dns),
        tunnel_tcp=table.get("tunnel_tcp", as_list(parse_tunnel_endpoint), otherwise.tunnel_tcp),
        tunnel_mtu=table.get("tunnel_mtu", _as_mtu, otherwise.tunnel_mtu),
        tunnel_count=table.get("tunnel_count", as_integer(*TUNNEL_COUNT_RANGE), otherwise.tunnel_count),
        tunnel_over=table.get("tunnel_over", as_seconds(*TUNNEL_OVER_RANGE), otherwise.tunnel_over),
        tunnel_every=table.get("tunnel_every", as_seconds(*EVERY_RANGE), otherwise.tunnel_every),
        explain=table.get("explain", as_boolean, otherwise.explain),
        explain_every=table.get("explain_every", as_seconds(*EVERY_RANGE), otherwise.explain_every),
        try_identities=table.get("try_identities", as_boolean, otherwise.try_identities),
    )


def check_times(table: Table, settings: Settings) -> None:
    """Refuse what does not end within the interval. Raises ConfigurationError.

    A check ends before the next one begins: two at once with one key replace each other's session.
    """
    interval, timeout = format_duration(settings.interval), settings.timeout_in_force()
    if timeout > settings.interval:
        raise table.error(
            "timeout",
            f"expected no more than the interval of {interval}, got {format_duration(timeout)}; "
            f'write timeout = "{interval}", or a longer interval',
        )
    if settings.tunnel_over >= settings.interval:
        raise table.error(
            "tunnel_over",
            f"expected less than the interval of {interval}, got {format_duration(settings.tunnel_over)}; "
            f'write tunnel_over = "{format_duration(USUAL_TUNNEL_OVER)}", or a longer interval',
        )


def check_window(table: Table, settings: Settings) -> None:
    """Refuse a window too short for what it must hold. Raises ConfigurationError."""
    window, least = settings.fail_window_in_force(), settings.fail_after
    if window < least:
        raise table.error(
            "fail_window",
            f"expected no less than fail_after, which is {least}, got {window}; "
            f"write fail_window = {least + 1}, or a smaller fail_after",
        )


def whole_settings(settings: Settings) -> dict[str, object]:
    """Every setting as a table would say it, said or not."""
    return _entries(settings, settings.timeout_in_force(), settings.fail_window_in_force())


def settings_entries(server: Server, shared: Settings) -> dict[str, object]:
    """The keys of a server's table in which it differs from the settings that servers share."""
    # What nobody wrote follows the server's own interval and fail_after.
    own = replace(shared, interval=server.interval, fail_after=server.fail_after)
    usual = _entries(shared, own.timeout_in_force(), own.fail_window_in_force())
    said = _entries(server, server.timeout, server.fail_window)
    return {key: value for key, value in said.items() if value != usual[key]}


def _entries(settings: Settings | Server, timeout: float, fail_window: int) -> dict[str, object]:
    return {
        "identity": settings.identity,
        "interval": format_duration(settings.interval),
        "timeout": format_duration(timeout),
        "slow": format_duration(settings.slow),
        "fail_after": settings.fail_after,
        "fail_window": fail_window,
        "recover_after": settings.recover_after,
        "paused": settings.paused,
        "tags": list(settings.tags),
        "tunnel": settings.tunnel,
        "tunnel_ping": [str(address) for address in settings.tunnel_ping],
        "tunnel_dns": [str(address) for address in settings.tunnel_dns],
        "tunnel_tcp": [str(endpoint) for endpoint in settings.tunnel_tcp],
        "tunnel_mtu": settings.tunnel_mtu or 0,
        "tunnel_count": settings.tunnel_count,
        "tunnel_over": format_duration(settings.tunnel_over),
        "tunnel_every": format_duration(settings.tunnel_every),
        "explain": settings.explain,
        "explain_every": format_duration(settings.explain_every),
        "try_identities": settings.try_identities,
    }


def _as_mtu(value: object) -> int | None:
    """An inner size in bytes. 0 is none: the word of a server that does not want what its defaults say."""
    if type(value) is int and value == 0:
        return None
    try:
        return as_integer(*TUNNEL_MTU_RANGE)(value)
    except InvalidValueError as error:
        raise InvalidValueError(f"{error}; write 0 for no search") from None
