"""A value of servers.toml as the text of a field, and back. Pure.

An empty text says nothing, and what servers share is in force. Lists are written with commas, as in
`eu, edge`; a lone `-` is the list with nothing in it, and what holds a comma stands in double quotes.
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
    """The text of which `to_value` makes this value again; empty for None."""
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
    """What a text means in TOML; None where it says nothing. Raises InvalidValueError.

    It understands the writing, not the matter: whether a list holds addresses is for servers.toml's reader.
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
            raise InvalidValueError(
                'expected commas between values; put quotes around a whole value: "a, b"'
            )
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
