"""Conversion between values of servers.toml and the text of form fields. Pure functions.

An empty text means that the key is absent and the default applies. Lists are separated by commas, as in
`eu, edge`. A single `-` is the empty list. Elements that contain a comma are put in double quotes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import FormFieldKind

NOTHING = "-"
YES, NO = "yes", "no"

_ELEMENT = re.compile(r'(?:\s*"((?:[^"\\]|\\.)*)"\s*|([^,"]*))(?:,|$)')
_ESCAPED = re.compile(r"\\(.)")
_BARE = re.compile(r'[^,"\s](?:[^,"]*[^,"\s])?')


def to_text(kind: FormFieldKind, value: object) -> str:
    """The text that `to_value` converts back to this value; empty for None."""
    match kind, value:
        case _, None:
            return ""
        case _, bool():
            return YES if value else NO
        case FormFieldKind.LIST, list():
            return ", ".join(_written(str(element)) for element in value) or NOTHING
        case FormFieldKind.COMMAND, list():
            return shlex.join(str(word) for word in value)
        case _:
            return str(value)


def to_value(kind: FormFieldKind, text: str) -> object:
    """The TOML value of a text; None if it is empty. Raises InvalidValueError.

    Only the syntax is checked. The reader of servers.toml checks, for example, that a list holds addresses.
    """
    text = text.strip()
    if not text:
        return None
    match kind:
        case FormFieldKind.NUMBER:
            return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
        case FormFieldKind.YES_NO:
            return {YES: True, NO: False}.get(text, text)
        case FormFieldKind.LIST:
            return [] if text == NOTHING else list(_elements(text))
        case FormFieldKind.COMMAND:
            return _words(text)
        case _:
            return text


def _written(element: str) -> str:
    if _BARE.fullmatch(element) and element != NOTHING:
        return element
    return '"' + re.sub(r'(["\\])', r"\\\1", element) + '"'


def _elements(text: str) -> Iterable[str]:
    at = 0
    while at < len(text):
        match = _ELEMENT.match(text, at)
        if match is None:
            raise InvalidValueError('expected commas between values; put quotes around a whole value: "a, b"')
        if match[1] is not None:
            yield _ESCAPED.sub(r"\1", match[1])
        elif match[2].strip():
            yield match[2].strip()
        at = match.end()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidValueError("expected a shell command; a quote is not closed") from None
