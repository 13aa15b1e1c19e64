"""Helpers that return the error line of an invalid servers.toml or config.toml."""

import re

import pytest

from tests.config.sample_fleets import MINIMAL_TOML
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_toml import parse


def refusal(text: str) -> str:
    """The error line for an invalid servers.toml."""
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    return without_line(refused.value)


def without_line(error: ConfigurationError) -> str:
    """The first error, without the number of its line and without the number of further errors."""
    line = str(error)
    assert line.isprintable()
    return re.sub(r" \(and \d+ more errors?\)$", "", re.sub(r"^(\S+: )line \d+: ", r"\1", line))


def server_refusal(keys: str) -> str:
    """The error line for server fra1 with these keys added, without its prefix."""
    line = refusal(MINIMAL_TOML + keys)
    assert line.startswith('servers.toml: server "fra1": ')
    return line.removeprefix('servers.toml: server "fra1": ')
