"""`quorum` and `[[vantage]]` of config.toml: other machines that check the fleet. Strict reader.

quorum = 2                          # this many vantages must agree before an incident opens

[[vantage]]
name = "fra"
host = "probe@fra1.example.net"     # a destination of OpenSSH; or command = ["ssh", …, "wgmon-tui", "agent"]
tags = ["eu"]                       # only the servers with one of these tags
"""

from __future__ import annotations

from wgmon_tui.config.setting import (
    Section,
    Setting,
    read_valid_settings,
    reject_repeated_names,
    repeated_tables,
)
from wgmon_tui.config.toml_reader import TomlTable, as_tables, as_text
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import NAME, NAMES, command, text_type
from wgmon_tui.config.vantages import LOCAL_VANTAGE, Vantage, ssh_command
from wgmon_tui.text import quoted


def _parse_destination(text: str) -> str:
    """An SSH destination as in ssh(1). A leading hyphen is refused: ssh would read it as an option."""
    if not as_text(text).strip() or text.startswith("-") or any(character.isspace() for character in text):
        raise InvalidValueError(f'expected a host such as "probe@fra1.example.net", got {quoted(text)}')
    return text


VANTAGE = Section(
    "vantage",
    "Another machine that checks the servers too.",
    Vantage,
    (
        Setting(
            "name", NAME, "The name of the machine in the table and in messages. Not `local`.", required=True
        ),
        Setting(
            "host",
            text_type("SSH destination", _parse_destination, pattern=r"^[^-\s]\S*$"),
            "The SSH destination, such as probe@fra1.example.net. ssh starts `wgmon-tui agent` there.",
        ),
        Setting(
            "command",
            command('["ssh", "-T", "fra1", "wgmon-tui", "agent"]'),
            "The whole command that starts the agent, instead of `host`. No shell is involved.",
        ),
        Setting(
            "tags", NAMES, "The machine checks only servers with one of these tags.", default="all servers"
        ),
    ),
    repeated=True,
    alternatives=(("host",), ("command",)),
)


def read_vantages(document: TomlTable) -> tuple[Vantage, ...]:
    """Read all `[[vantage]]` tables of config.toml. Raises ConfigurationError."""
    tables = list(repeated_tables(document, VANTAGE))
    reject_repeated_names(tables)
    read = (document.errors.read(_vantage, table) for table in tables)
    return tuple(vantage for vantage in read if vantage is not None)


def check_quorum(document: TomlTable, quorum: int) -> None:
    """Refuse a quorum larger than the number of vantages plus this machine. Raises ConfigurationError."""
    none: list[dict[str, object]] = []
    vantages = document.get("vantage", as_tables, none)
    if quorum > len(vantages) + 1:
        there = (
            f"this machine and {len(vantages)} [[vantage]]"
            if vantages
            else "only this machine, no [[vantage]]"
        )
        raise document.error(
            "quorum", f"expected at most {len(vantages) + 1}, got {quorum}: there is {there}"
        )


def _vantage(table: TomlTable) -> Vantage:
    values = read_valid_settings(table, VANTAGE.settings)
    if values.get("name") == LOCAL_VANTAGE:
        table.reject(table.error("name", f'"{LOCAL_VANTAGE}" means this machine; choose another name'))
    if ("host" in table.raw) is ("command" in table.raw):
        table.reject(
            table.error("host", 'expected exactly one of host = "probe@fra1.example.net" and command = […]')
        )
    table.require_valid()
    if "host" in values:
        values["command"] = ssh_command(values.pop("host"))
    return Vantage(**values)
