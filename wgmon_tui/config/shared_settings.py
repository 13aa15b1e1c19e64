"""Settings that `[defaults]` and `[[server]]` share: merged, validated, and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wgmon_tui.config.models import Server
from wgmon_tui.config.protocol_settings import settings_of, write_own
from wgmon_tui.config.server_settings import SERVER, SHARED, USUAL_TUNNEL_OVER
from wgmon_tui.config.setting import Values, defaults_of, write_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import format_duration
from wgmon_tui.text import quoted

SharedValues = tuple[tuple[str, Any], ...]
"""The values of `[defaults]`, by attribute. Hashable: it is part of the cache key of parsed servers."""

_DEFAULTS = defaults_of(Server)
_FOLLOWING = {each.attribute: each.follows for each in SHARED if each.follows is not None}
_USUAL = {
    **{each.attribute: _DEFAULTS.get(each.attribute) for each in SHARED if each.follows is None},
    "identity": None,  # the only one of the file, if the protocol needs one
}

_USUAL_OF_SERVER = SERVER.usual()


def in_force(explicit: Values) -> dict[str, Any]:
    """The effective shared settings: the explicit value, a value computed from others, or the default.

    A missing identity is None.
    """
    values = {**_USUAL, **explicit}
    for attribute, follow in _FOLLOWING.items():
        if attribute not in values:
            values[attribute] = follow(values)
    return values


def check_times(table: TomlTable, values: Values) -> None:
    """Refuse a timeout or probe spread that exceeds the interval. Raises ConfigurationError.

    A check must end before the next one begins: two at once with one key replace each other's session.
    """
    if "interval" in table.rejected:
        return
    interval = format_duration(values["interval"])
    if values["timeout"] > values["interval"] and "timeout" not in table.rejected:
        phrase = (
            f"expected no more than the interval of {interval}, got {format_duration(values['timeout'])}; "
            f'write timeout = "{interval}", or a longer interval'
        )
        table.reject(table.error("timeout", phrase))
    if values["tunnel_over"] >= values["interval"] and "tunnel_over" not in table.rejected:
        phrase = (
            f"expected less than the interval of {interval}, got {format_duration(values['tunnel_over'])}; "
            f'write tunnel_over = "{format_duration(USUAL_TUNNEL_OVER)}", or a longer interval'
        )
        table.reject(table.error("tunnel_over", phrase))


def check_window(table: TomlTable, values: Values) -> None:
    """Refuse a fail_window smaller than fail_after. Raises ConfigurationError."""
    window, least = values["fail_window"], values["fail_after"]
    if window < least and not table.rejected & {"fail_window", "fail_after"}:
        phrase = (
            f"expected no less than fail_after, which is {least}, got {window}; "
            f"write fail_window = {least + 1}, or a smaller fail_after"
        )
        table.reject(table.error("fail_window", phrase))


def check_resolvers(table: TomlTable, values: Values) -> None:
    """Refuse a URL whose host nothing inside the tunnel resolves. Raises ConfigurationError."""
    if values["tunnel_dns"] or table.rejected & {"tunnel_dns", "tunnel_http"}:
        return
    for target in values["tunnel_http"]:
        if target.known_address is None:
            phrase = (
                f"{quoted(target.url.host)} is a name, which needs a resolver inside the tunnel; set "
                "tunnel_dns, or write its address after the URL: address=10.8.0.5"
            )
            table.reject(table.error("tunnel_http", phrase))
            return


def shared_entries(shared: SharedValues) -> dict[str, object]:
    """All effective shared settings as TOML entries, including defaults."""
    return _written(in_force(dict(shared)))


def server_table(server: Server, shared: SharedValues) -> dict[str, object]:
    """The table of a server, without values that equal the defaults."""
    settings = settings_of(server.protocol)
    having = [each for each in SERVER.settings if settings.has_key(each)]
    table = write_settings(server, having, _USUAL_OF_SERVER | _usual_of_shared(server, dict(shared)))
    own = write_own(server)
    return {**table, server.protocol: own} if own else table


def _usual_of_shared(server: Server, explicit: Mapping[str, Any]) -> dict[str, object]:
    """By key: the shared settings of this server if its table has none of them.

    Computed settings follow the server's own interval and fail_after, not those of the defaults.
    """
    own = {attribute: getattr(server, attribute) for attribute in _USUAL}
    own = in_force(own | {each: explicit[each] for each in _FOLLOWING if each in explicit})
    return _written(in_force(explicit) | {each: own[each] for each in _FOLLOWING})


def _written(values: Values) -> dict[str, object]:
    return {each.key: each.write(values[each.attribute]) for each in SHARED}
