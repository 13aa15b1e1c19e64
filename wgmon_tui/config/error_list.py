"""All errors of one configuration file, each with its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_count

if TYPE_CHECKING:
    from wgmon_tui.config.toml_positions import TomlPath

MOST_SHOWN = 20
"""Errors that are listed; the others are counted."""

P = ParamSpec("P")
T = TypeVar("T")


class KeyedError(ConfigurationError):
    """An error in one key of a table. A form shows `phrase` next to the field of that key."""

    def __init__(self, where: str, key: str, phrase: str, path: TomlPath = ()) -> None:
        """`path` leads to the key, from the top of the file."""
        super().__init__(f"{where}: key {key}: {phrase}")
        self.where = where
        self.key = key
        self.phrase = phrase
        self.path = path


class UnknownKeyError(KeyedError):
    """A key that its table cannot have."""

    def __init__(self, where: str, shown: str, hint: str, path: TomlPath) -> None:
        """`shown` is the key as messages show it: a long one may be a secret in the wrong place."""
        super().__init__(where, shown.strip('"'), f"unknown; {hint}", path)
        self.args = (f"{where}: unknown setting {shown}; {hint}",)


class RejectedTableError(ConfigurationError):
    """A table has errors, which the list of the file has already. Nothing is made of the table."""


@dataclass(frozen=True, slots=True)
class FileError:
    """An error, and its line in the file, counted from 1; None if it is at no line."""

    line: int | None
    text: str

    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line}: {self.text}"


class CombinedError(ConfigurationError):
    """Errors, a line each. The message has the first one and the number of the others."""

    def __init__(self, messages: Sequence[str]) -> None:
        others = f" (and {format_count(len(messages) - 1, 'more error')})" if len(messages) > 1 else ""
        super().__init__(f"{messages[0]}{others}")
        self._messages = tuple(messages)

    @property
    def lines(self) -> tuple[str, ...]:
        """The errors, a line each, at most `MOST_SHOWN`; then a line that counts the others."""
        hidden = len(self._messages) - MOST_SHOWN
        more = (f"and {format_count(hidden, 'more error')}",) if hidden > 0 else ()
        return (*self._messages[:MOST_SHOWN], *more)


class InvalidFileError(CombinedError):
    """The errors of a file, by line."""

    def __init__(self, source: str, errors: Sequence[FileError]) -> None:
        super().__init__([f"{source}: {each}" for each in errors])
        self.errors = tuple(errors)


class ErrorList:
    """The errors of a file, collected while its tables are read. Without `collects`, the first is raised."""

    def __init__(self, *, collects: bool = True) -> None:
        self._collects = collects
        self._errors: list[ConfigurationError] = []

    def add(self, error: ConfigurationError) -> None:
        """Note an error, or raise it."""
        if not self._collects:
            raise error
        self._errors.append(error)

    def read(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call `read`. Returns None after an error, which is noted."""
        try:
            return read(*args, **kwargs)
        except RejectedTableError:
            return None
        except ConfigurationError as error:
            self.add(error)
            return None

    def raise_errors(self, text: str, source: str) -> None:
        """Raise InvalidFileError if there is an error in this text of the file `source`."""
        if self._errors:
            from wgmon_tui.config.toml_positions import find_positions

            positions = find_positions(text)
            located = [_locate(error, source, positions) for error in self._errors]
            raise InvalidFileError(source, sorted(located, key=lambda each: each.line or 0))


def _locate(error: ConfigurationError, source: str, positions: dict[TomlPath, int]) -> FileError:
    """The line of the key; for a missing key, the heading of its table."""
    path: TomlPath = error.path if isinstance(error, KeyedError) else ()
    lines = (positions.get(path[:length]) for length in range(len(path), 0, -1))
    line = next((each for each in lines if each is not None), None)
    return FileError(line, str(error).removeprefix(f"{source}: "))
