"""The lines of servers.toml that errors refer to, and a view of them with keys redacted. Pure functions."""

from __future__ import annotations

import re

from wgmon_tui.config.error_list import InvalidFileError
from wgmon_tui.config.models import ConfigurationError

_IN_MESSAGE = re.compile(r": line (\d+), ")
_PUBLIC = re.compile(r"\s*(?:public_key|known_keys)\s*=")
_KEY = re.compile(r"[A-Za-z0-9+/]{42,}={0,2}")


def find_lines(error: ConfigurationError) -> tuple[int, ...]:
    """The line numbers, counted from 1, in their order; empty if unknown."""
    if isinstance(error, InvalidFileError):
        return tuple(dict.fromkeys(each.line for each in error.errors if each.line is not None))
    match = _IN_MESSAGE.search(str(error))
    return (int(match[1]),) if match else ()


def redact_keys(line: str) -> str:
    """A line of the file; text that may be a secret key is replaced by (hidden)."""
    return line if _PUBLIC.match(line) else _KEY.sub("(hidden)", line)
