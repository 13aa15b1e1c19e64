"""The table `[server.system-path]` of servers.toml."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import BOOLEAN, TEXT, text_type

NAME = "system-path"


@dataclass(frozen=True, slots=True)
class SystemPathSettings:
    """What must answer at the endpoint. `dns` is a name that it must resolve, `http` a path to fetch."""

    echo: bool = True
    tcp: bool = True
    dns: str = ""
    http: str = ""


def _parse_path(text: str) -> str:
    if text and (not text.startswith("/") or not text.isascii() or " " in text):
        raise InvalidValueError('expected a path such as "/health", with %20 for a space')
    return parse_text(text)


SECTION = Section(
    NAME,
    "An address behind a VPN that this machine itself is part of, such as a node of a mesh.",
    SystemPathSettings,
    (
        Setting("echo", BOOLEAN, "Whether the host of the endpoint must answer a ping.", FormField(10)),
        Setting("tcp", BOOLEAN, "Whether the port of the endpoint must accept a connection.", FormField(20)),
        Setting(
            "dns",
            TEXT,
            "A name that the host must know as a name server, on that port.",
            FormField(30),
        ),
        Setting(
            "http",
            text_type("path", _parse_path),
            "A path that must answer HTTP with a status from 200 to 399, on that port.",
            FormField(40),
        ),
    ),
)
SETTINGS = ProtocolSettings(section=SECTION)
