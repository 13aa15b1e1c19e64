"""The settings of a server that `[defaults]` may say for all of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

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

USUAL_TIMEOUT = 5.0
"""Seconds; where the interval is shorter and no timeout is given, the interval is the timeout."""

USUAL_TUNNEL_OVER = 0.5
"""Seconds; below the shortest interval, so that it never has to be shortened."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The keys that `[defaults]` and `[[server]]` share, as `Server` explains them. Times are in seconds.

    An identity or a timeout of None was not said.
    """

    identity: str | None = None
    interval: float = 10.0
    timeout: float | None = None
    slow: float = 0.5
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


SETTINGS_KEYS = tuple(field.name for field in fields(Settings))


def read_settings(table: Table, otherwise: Settings) -> Settings:
    """What a table says; `otherwise` is in force where it says nothing. Raises ConfigurationError."""
    return Settings(
        identity=table.get("identity", as_name, otherwise.identity),
        interval=table.get("interval", as_seconds(*INTERVAL_RANGE), otherwise.interval),
        timeout=table.get("timeout", as_seconds(*TIMEOUT_RANGE), otherwise.timeout),
        slow=table.get("slow", as_seconds(*SLOW_RANGE), otherwise.slow),
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


def settings_entries(server: Server, shared: Settings) -> dict[str, object]:
    """The keys of a server's table in which it differs from the settings that servers share."""
    # A timeout that nobody wrote follows the server's own interval.
    timeout = replace(shared, interval=server.interval).timeout_in_force()
    usual = _entries(shared, timeout)
    return {key: value for key, value in _entries(server, server.timeout).items() if value != usual[key]}


def _entries(settings: Settings | Server, timeout: float) -> dict[str, object]:
    return {
        "identity": settings.identity,
        "interval": format_duration(settings.interval),
        "timeout": format_duration(timeout),
        "slow": format_duration(settings.slow),
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
