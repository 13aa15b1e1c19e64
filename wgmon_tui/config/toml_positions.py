"""The lines of a TOML text on which its tables and keys stand. tomllib does not tell them.

`find_positions` is called only after an error: it takes about as long as the parser itself.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import field
from typing import TypeAlias

from wgmon_tui.config.toml_reader import DEEPEST
from wgmon_tui.records import dataclass

TomlPath: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the top of a file: `("server", 2, "interval")` is in the third `[[server]]`."""

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|#[^\n]*)"
    r"|(?P<newline>\n)"
    r'|(?P<text>"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*')"
    r"|(?P<mark>[\[\]{}=,.])"
    r"|(?P<word>[^\s\[\]{}=,.#\"']+)",
    re.DOTALL,
)


def find_positions(text: str) -> dict[TomlPath, int]:
    """The line of each table, key and list element of valid TOML down to DEEPEST, counted from 1."""
    scanner = _Scanner()
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "newline":
            scanner.end_line()
        elif kind == "mark":
            scanner.take_mark(token)
        elif kind != "blank":
            scanner.take_word(token)
            scanner.line += token.count("\n")
    return scanner.lines


def find_long_key(text: str) -> int | None:
    """The line of the first key with more than DEEPEST parts. The text may be invalid TOML."""
    line, dots = 1, 0
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup, match[0]
        if kind == "mark":
            dots = dots + 1 if found == "." else 0
        elif kind == "newline":
            dots = 0
        if dots == DEEPEST:
            return line
        line += found.count("\n")
    return None


@dataclass(slots=True)
class _Bracket:
    """An open list or inline table: its path, the number of the element, and whether a value comes next."""

    path: TomlPath
    is_list: bool
    element: int = 0
    in_value: bool = False

    @property
    def value_path(self) -> TomlPath:
        return _extend(self.path, self.element) if self.is_list else self.path


@dataclass(slots=True)
class _Scanner:
    """Follows the statements of a text: headings, keys, and the lists and inline tables in values."""

    lines: dict[TomlPath, int] = field(default_factory=dict)
    line: int = 1
    _table: TomlPath = ()
    _repeated: dict[TomlPath, int] = field(default_factory=dict)
    _key: list[str] = field(default_factory=list)
    _heading: int = 0
    """How many brackets open the heading of this line."""
    _value: TomlPath | None = None
    """The path of the value that is being read."""
    _brackets: list[_Bracket] = field(default_factory=list)

    def end_line(self) -> None:
        """A statement ends with its line, unless a bracket is open."""
        self.line += 1
        if not self._brackets:
            self._key, self._heading, self._value = [], 0, None

    def take_word(self, token: str) -> None:
        """A part of a key, or of a value."""
        inside = self._brackets[-1] if self._brackets else None
        if inside is None:
            if self._value is None:
                self._key.append(_unquoted(token))
        elif inside.is_list:
            self._note(inside.value_path)
        elif not inside.in_value:
            self._key.append(_unquoted(token))

    def take_mark(self, mark: str) -> None:
        """A bracket, a brace, an equals sign, a comma or a dot."""
        if self._brackets:
            self._mark_in_value(mark)
        elif self._value is not None:
            if mark in "[{":
                self._brackets.append(_Bracket(self._value, mark == "["))
        elif mark == "[":
            self._heading += 1
        elif mark == "]" and self._key:
            self._enter_table()
        elif mark == "=":
            self._value = self._noted_key(self._table)

    def _mark_in_value(self, mark: str) -> None:
        inside = self._brackets[-1]
        if mark in "]}":
            self._brackets.pop()
        elif mark == ",":
            inside.element += 1
            inside.in_value, self._key = False, []
        elif mark == "=":
            self._value = self._noted_key(inside.path)
            inside.in_value = True
        elif mark in "[{":
            path = inside.value_path if inside.is_list else self._value or ()
            self._note(path)
            self._brackets.append(_Bracket(path, mark == "["))
            self._key = []

    def _enter_table(self) -> None:
        """The heading is complete. A part of it that names repeated tables means the last of them."""
        path: TomlPath = ()
        for number, part in enumerate(self._key, 1):
            path = _extend(path, part)
            self._note(path)
            if number == len(self._key) and self._heading > 1:
                self._repeated[path] = self._repeated.get(path, -1) + 1
            if path in self._repeated:
                path = _extend(path, self._repeated[path])
        self._note(path)
        self._table, self._key = path, []

    def _noted_key(self, table: TomlPath) -> TomlPath:
        path = table
        for part in self._key:
            path = _extend(path, part)
            self._note(path)
        self._key = []
        return path

    def _note(self, path: TomlPath) -> None:
        self.lines.setdefault(path, self.line)


def _extend(path: TomlPath, part: str | int) -> TomlPath:
    """The path of a part below a path. What is too deep counts as its ancestor there."""
    return (*path, part) if len(path) < DEEPEST else path


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    return str(tomllib.loads(f"key = {token}")["key"])
