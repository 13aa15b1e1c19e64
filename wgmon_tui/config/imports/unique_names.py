"""Names of new servers and identities that no other has."""

from __future__ import annotations

from collections.abc import Iterable

from wgmon_tui.config.value_parsers import NAME_LENGTH


class UniqueNames:
    """Names in use. The search for a free one continues where the last one ended, so its cost is linear."""

    def __init__(self, names: Iterable[str]) -> None:
        self._used = set(names)
        self._last: dict[str, int] = {}

    def take(self, suggestion: str) -> str:
        """The suggestion, or the next free name that `make_unique_name` would give."""
        name, number = suggestion[:NAME_LENGTH].rstrip(), self._last.get(suggestion, 1)
        while name in self._used:
            number += 1
            name = f"{suggestion[: NAME_LENGTH - len(str(number)) - 1]}-{number}"
        self._last[suggestion] = number
        self._used.add(name)
        return name
