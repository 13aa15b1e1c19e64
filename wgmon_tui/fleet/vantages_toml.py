"""`quorum` and `[[vantage]]` of config.toml: from where else the fleet is checked. Read strictly.

quorum = 2                          # so many places must agree before an incident opens

[[vantage]]
name = "fra"
host = "probe@fra1.example.net"     # a destination of OpenSSH; or command = ["ssh", …, "wgmon-tui", "agent"]
tags = ["eu"]                       # only the servers with one of these tags
"""

from __future__ import annotations

from wgmon_tui.fleet.tables import (
    Table,
    as_command,
    as_integer,
    as_list,
    as_name,
    as_parsed,
    as_tables,
    as_text,
)
from wgmon_tui.fleet.values import InvalidValueError, parse_name, quoted
from wgmon_tui.fleet.vantage_settings import HOME, Vantage, ssh_command

VANTAGE_KEYS = ("quorum", "vantage")

_KEYS = ("name", "host", "command", "tags")

_as_agent_command = as_command('["ssh", "-T", "fra1", "wgmon-tui", "agent"]')


def read_vantages(document: Table) -> tuple[Vantage, ...]:
    """What a config.toml says of them. Raises ConfigurationError."""
    none: list[dict[str, object]] = []
    found: dict[str, Vantage] = {}
    for number, raw in enumerate(document.get("vantage", as_tables, none), 1):
        named = raw.get("name")
        label = quoted(named) if isinstance(named, str) else str(number)
        table = Table(f"{document.where}: vantage {label}", raw, _KEYS)
        vantage = _vantage(table)
        if vantage.name in found:
            raise table.error("name", "there are two of this name; give each its own")
        found[vantage.name] = vantage
    return tuple(found.values())


def read_quorum(document: Table, vantages: tuple[Vantage, ...]) -> int:
    """How many must agree, counting ourselves. Raises ConfigurationError for more than there are."""
    quorum = document.get("quorum", as_integer(1, 1000), 1)
    if quorum > len(vantages) + 1:
        there = (
            f"this place and {len(vantages)} [[vantage]]" if vantages else "this place, and no [[vantage]]"
        )
        raise document.error(
            "quorum", f"expected at most {len(vantages) + 1}, got {quorum}: there is {there}"
        )
    return quorum


def _vantage(table: Table) -> Vantage:
    name = table.require("name", as_name)
    if name == HOME:
        raise table.error("name", f'"{HOME}" is where this program itself runs; choose another name')
    if ("host" in table.raw) is ("command" in table.raw):
        raise table.error("host", 'expected exactly one of host = "probe@fra1.example.net" and command = […]')
    if "host" in table.raw:
        command = ssh_command(table.require("host", as_parsed(_parse_destination)))
    else:
        command = table.require("command", _as_agent_command)
    return Vantage(name, command, table.get("tags", as_list(parse_name), ()))


def _parse_destination(text: str) -> str:
    """As ssh(1) takes it; what begins with a hyphen would be an option."""
    if not as_text(text).strip() or text.startswith("-") or any(character.isspace() for character in text):
        raise InvalidValueError(f'expected a host such as "probe@fra1.example.net", got {quoted(text)}')
    return text
