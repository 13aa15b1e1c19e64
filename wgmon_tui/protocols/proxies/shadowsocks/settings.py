"""The settings of a Shadowsocks server: the table `[server.shadowsocks]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.config.protocol_settings import Imported
from wgmon_tui.protocols.proxies.settings import make_settings

NAME = "shadowsocks"


def read_lists(text: str, file_name: str) -> Sequence[Imported]:
    """The servers of a list, of all proxy protocols. Raises ConfigurationError."""
    from wgmon_tui.protocols.proxies.imports.imported import read_import

    return read_import(text, file_name)


SETTINGS = replace(make_settings(NAME, "Shadowsocks"), read_import=read_lists)
"""The protocol `shadowsocks`."""
