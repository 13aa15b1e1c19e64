"""Strict reader for one table of a TOML file: anything unknown is a one-line error.

The line has the file, the table, the key, what was expected and what was found. A reader (`as_text` and
similar) converts a TOML value, or raises InvalidValueError.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, TypeVar

from wgmon_tui.config.error_list import ErrorList, KeyedError, RejectedTableError, UnknownKeyError
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.value_parsers import (
    InvalidValueError,
    format_duration,
    is_key,
    parse_duration,
    parse_name,
    parse_text,
)
from wgmon_tui.text import nearest_word, printable, quoted

if TYPE_CHECKING:
    from wgmon_tui.config.toml_positions import TomlPath

_LONGEST_SHOWN_KEY = 40
"""Characters. A longer key may be a base64 secret that was pasted in the wrong place."""

_FEW_KEYS = 8
"""A table with more keys is not listed in a message."""

_UNCLOSED = (r"Illegal character '\n'", 'Expected "\'"')
"""What tomllib says of a string without its second quotation mark."""

DEEPEST = 32
"""The most parts of a key, and the longest path that toml_positions.py follows. No setting is half as deep.

What a path costs grows with its length, here and in tomllib: a text of very long paths would cost the square.
"""

_RAISED = ErrorList(collects=False)


def _nowhere(_key: str) -> str:
    return ""


T = TypeVar("T")


def load_toml(text: str, source: str) -> dict[str, object]:
    """Parse a TOML text into tables. Raises ConfigurationError with the line of the error."""
    if line := _find_long_key(text):
        raise ConfigurationError(f"{source}: line {line}: a key with too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        place = place.removesuffix(")")
        if not place.startswith("line "):  # "end of document"
            last = text.rstrip().count("\n") + 1
            place = f"line {last}, end of the file"
        hint = " (a string is not closed?)" if what in _UNCLOSED else ""
        raise ConfigurationError(f"{source}: {place}: {printable(what)}{hint}") from None
    except (ValueError, RecursionError):
        # A number with thousands of digits, or equally deep brackets: tomllib raises no error type for these.
        raise ConfigurationError(f"{source}: not readable as TOML") from None


def _find_long_key(text: str) -> int | None:
    """The line of a key with so many parts that tomllib would take minutes. Most texts have no such line."""
    if all(line.count(".") < DEEPEST for line in text.split("\n")):
        return None
    from wgmon_tui.config.toml_positions import find_long_key

    return find_long_key(text)


class TomlTable:
    """A table, its location (`servers.toml: server "fra1"`), and the keys that it may have.

    `path` leads to the table from the top of the file. `errors` decides whether the first error is raised, or
    all are collected; `rejected` has the keys with errors. `lacks_secrets` is set for what another account or
    machine gets: the keys of secrets were left out, so that no rule may ask for them. `elsewhere` names the
    table to which a key that is unknown here belongs, or returns "".
    """

    def __init__(
        self,
        where: str,
        raw: Mapping[str, object],
        known: Collection[str],
        *,
        path: TomlPath = (),
        errors: ErrorList = _RAISED,
        lacks_secrets: bool = False,
        elsewhere: Callable[[str], str] = _nowhere,
    ) -> None:
        """Raises ConfigurationError for an unknown key, unless `errors` collects it."""
        self.lacks_secrets = lacks_secrets
        self.where = where
        self.raw = raw
        self.path = path
        self.errors = errors
        self.rejected: set[str] = set()
        self._meant: list[str] = []
        self._elsewhere = elsewhere
        self.reject_unknown(known)

    def child(
        self,
        label: str,
        raw: Mapping[str, object],
        known: Collection[str],
        *path: str | int,
        elsewhere: Callable[[str], str] = _nowhere,
    ) -> TomlTable:
        """The table at `path` below this one, with the same list of errors."""
        where = f"{self.where}: {label}"
        return TomlTable(
            where,
            raw,
            known,
            path=(*self.path, *path),
            errors=self.errors,
            lacks_secrets=self.lacks_secrets,
            elsewhere=elsewhere,
        )

    def in_place(self, raw: Mapping[str, object], known: Collection[str]) -> TomlTable:
        """The same place of the file with other keys, with the same list of errors."""
        return TomlTable(
            self.where, raw, known, path=self.path, errors=self.errors, lacks_secrets=self.lacks_secrets
        )

    def reject_unknown(self, known: Collection[str]) -> None:
        """Note an error for each key that the table cannot have, or raise the first one."""
        for key in self.raw:
            if key not in known:
                self.reject(self._unknown(key, known))

    def reject(self, error: KeyedError) -> None:
        """Note an error in this table, or raise it.

        A missing key says nothing new if an unknown key looks like it.
        """
        self.rejected.add(error.key)
        is_missing = error.key not in self.raw and not isinstance(error, UnknownKeyError)
        if not (is_missing and any(each.startswith(error.key.removesuffix("_file")) for each in self._meant)):
            self.errors.add(error)

    def require_valid(self) -> None:
        """Raise RejectedTableError if an error was noted."""
        if self.rejected:
            raise RejectedTableError(f"{self.where}: invalid")

    def error(self, key: str, phrase: str) -> KeyedError:
        """Make the error for this key, with `phrase` as its explanation."""
        return KeyedError(self.where, key, phrase, (*self.path, key))

    def require(self, key: str, read: Callable[[object], T]) -> T:
        """Read the value of a required key. Raises ConfigurationError, also for a missing key."""
        if key not in self.raw:
            raise self.error(key, f'missing; add {key} = "…"')
        try:
            return read(self.raw[key])
        except InvalidValueError as error:
            raise self.error(key, str(error)) from None

    def get(self, key: str, read: Callable[[object], T], default: T) -> T:
        """Read the value of an optional key; a missing key gives `default`. Raises ConfigurationError."""
        return self.require(key, read) if key in self.raw else default

    def _unknown(self, key: str, known: Collection[str]) -> KeyedError:
        is_short = len(key) <= _LONGEST_SHOWN_KEY
        shown = f'"{printable(key)}"' if is_short else f"of {len(key)} characters"
        as_text = key.removesuffix("_file")  # one setting is a text, where another names a file
        if place := self._elsewhere(key):
            hint = f"it belongs in {place}"
        elif nearest := as_text if as_text in known else nearest_word(key, known):
            self._meant.append(nearest)
            hint = f"did you mean {quoted(nearest)}?"
        elif len(known) <= _FEW_KEYS:
            hint = f"expected one of {', '.join(known)}"
        else:
            hint = _where_listed(self.where)
        return UnknownKeyError(self.where, shown, hint, (*self.path, key))


def _where_listed(where: str) -> str:
    """How to see all settings of the file."""
    option = "--servers-template" if where.startswith("servers.toml") else "--template"
    return f"all are listed by: wgmon-tui config {option}"


def describe(value: object) -> str:
    """A short text for a found value, safe to show. Never use it for a value that may be secret."""
    match value:
        case str():
            return quoted(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value) if abs(value) < 1e12 else "a large number"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or a time"


def as_text(value: object) -> str:
    """Read text that is safe on a terminal."""
    if not isinstance(value, str):
        raise InvalidValueError(f"expected text in quotes, got {describe(value)}")
    return parse_text(value)


def as_parsed(parse: Callable[[str], T]) -> Callable[[object], T]:
    """Make a reader for text in the syntax of `parse`."""
    return lambda value: parse(as_text(value))


as_name = as_parsed(parse_name)


def as_secret_text(value: object) -> str:
    """Read text that no message may repeat."""
    if not isinstance(value, str):
        raise InvalidValueError("expected text in quotes")
    return parse_text(value)


def as_command(example: str) -> Callable[[object], tuple[str, ...]]:
    """Make a reader for a program and its arguments, run without a shell. No message repeats them."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not value[0]:
            raise InvalidValueError(f"expected a list of texts such as {example}")
        words = tuple(as_secret_text(word) for word in value)
        if any(is_key(word) for word in words):
            raise InvalidValueError(
                "expected no key here: other users see it in the process list; use a file"
            )
        return words

    return read


def as_list(parse: Callable[[str], T]) -> Callable[[object], tuple[T, ...]]:
    """Make a reader for a list of texts in the syntax of `parse`."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise InvalidValueError(f"expected a list of texts in [ ], got {describe(value)}")
        return tuple(parse(as_text(element)) for element in value)

    return read


def as_table(value: object) -> dict[str, object]:
    """Read a nested table."""
    if not isinstance(value, dict):
        raise InvalidValueError(f"expected a table, got {describe(value)}")
    return value


def as_tables(value: object) -> list[dict[str, object]]:
    """Read an array of tables, `[[…]]`."""
    if not isinstance(value, list):
        raise InvalidValueError(f"expected tables that each begin with [[…]], got {describe(value)}")
    return [as_table(element) for element in value]


def as_boolean(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidValueError(f"expected true or false, got {describe(value)}")
    return value


def as_integer(least: int, most: int) -> Callable[[object], int]:
    """Make a reader for integers between two limits. It refuses booleans, which are integers in Python."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidValueError(f"expected an integer from {least} to {most}, got {describe(value)}")
        return value

    return read


def as_seconds(least: float, most: float) -> Callable[[object], float]:
    """Make a reader for durations between two limits, in seconds. It refuses a number without a unit."""

    def read(value: object) -> float:
        if not isinstance(value, str):
            raise InvalidValueError(f'expected a duration such as "10s", got {describe(value)}')
        seconds = parse_duration(value)
        if not least <= seconds <= most:
            limits = f"{format_duration(least)} to {format_duration(most)}"
            raise InvalidValueError(f"expected a duration of {limits}, got {describe(value)}")
        return seconds

    return read
