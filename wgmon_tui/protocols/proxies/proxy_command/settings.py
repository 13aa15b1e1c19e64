"""The settings of a server that a program of the user connects to: the table `[server.proxy-command]`."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.setting import FormField, Section, Setting, read_valid_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_types import ValueType, command, integer
from wgmon_tui.protocols.proxies.links.records import PROXY_COMMAND
from wgmon_tui.protocols.proxies.settings import MORE_KEYS, SHARED_BY_PROXIES, ProxySettings

NAME = PROXY_COMMAND

CONFIG, DIRECTORY = "{config}", "{directory}"
"""Words of the command that stand for the file that wgmon-tui writes, and for its directory."""

DEFAULT_COMMAND = ("mihomo", "-d", DIRECTORY, "-f", CONFIG)

_NO_PORT = 0


@dataclass(frozen=True, slots=True)
class CommandSettings(ProxySettings):
    """How to run the program. A `port` of 0 means that wgmon-tui writes the program's configuration."""

    command: tuple[str, ...] = DEFAULT_COMMAND
    port: int = _NO_PORT

    @property
    def has_config(self) -> bool:
        """Whether wgmon-tui writes the configuration of the program."""
        return any(CONFIG in word for word in self.command)

    @property
    def problem(self) -> str:
        """What is wrong with port and command together; "" if nothing is."""
        if self.has_config and self.port:
            return f"the command has {CONFIG}, so wgmon-tui chooses the port; remove this one"
        if not self.has_config and not self.port:
            return f"missing; the command has no {CONFIG}, so name the port of its own configuration"
        return ""


_PORT: ValueType = integer(0, 65535)

SECTION = Section(
    NAME,
    "A proxy of any protocol, such as Hysteria 2, TUIC or AnyTLS. A check runs your own program, and fetches "
    "through its port on 127.0.0.1.",
    CommandSettings,
    (
        Setting(
            "command",
            command('["sing-box", "run", "-c", "{config}"]'),
            "The program: mihomo or sing-box. {config} is a file that wgmon-tui writes from the link for the "
            "time of a check, {directory} is its directory.",
            FormField(5, example="e.g. mihomo -d {directory} -f {config}"),
        ),
        Setting(
            "port",
            _PORT,
            "The port on 127.0.0.1 where the program accepts SOCKS5, if it has a configuration of your own. "
            "0 if the command has {config}.",
            FormField(6, example="e.g. 1080"),
        ),
        *(each for each in SHARED_BY_PROXIES if each.key != "ca"),
    ),
)


def read_settings(table: TomlTable) -> CommandSettings:
    """Read the table of a server. Raises ConfigurationError."""
    settings = CommandSettings(**read_valid_settings(table, SECTION.settings))
    problem = settings.problem if "command" in table.raw else ""  # a stored entry has no command
    if problem and not table.rejected:
        table.reject(table.error("port", problem))
    table.require_valid()
    return settings


SETTINGS = ProtocolSettings(section=SECTION, read=read_settings, more_keys=MORE_KEYS, usual_port=443)
"""The protocol `proxy-command`."""
