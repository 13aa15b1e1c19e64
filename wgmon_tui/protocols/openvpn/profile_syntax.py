"""The syntax of OpenVPN's configuration files: lines of words, comments, and inline blocks.

Source: OpenVPN 2.6, src/openvpn/options_parse.c (parse_line, check_inline_file) and openvpn(8), "Inline file
support".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wgmon_tui.text import quoted

CONNECTION = "connection"
"""The block that holds directives, and not a file."""

_QUOTES = "\"'"
_LONGEST_NAME = 64


class ProfileError(Exception):
    """A profile that cannot be used. The message is one line, and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its words, and the text of its block. `children` are those of a `<connection>`.

    `line` counts from 1. The repr hides the words, because some are secrets.
    """

    line: int
    name: str
    words: tuple[str, ...] = field(default=(), repr=False)
    block: str | None = field(default=None, repr=False)
    children: tuple[Directive, ...] = ()

    def error(self, phrase: str) -> ProfileError:
        """An error at this directive."""
        return ProfileError(f"line {self.line}: {self.name}: {phrase}")


def read_directives(text: str) -> tuple[Directive, ...]:
    """Split a profile into directives. Raises ProfileError."""
    return tuple(_directives(text.removeprefix("\ufeff").split("\n"), 1, False))


def _directives(lines: list[str], first_line: int, is_nested: bool) -> Iterator[Directive]:
    at = 0
    while at < len(lines):
        number, words = first_line + at, split_words(lines[at], first_line + at)
        at += 1
        if not words:
            continue
        if len(words) > 1 or not (words[0].startswith("<") and words[0].endswith(">")):
            yield Directive(number, words[0].removeprefix("--"), words[1:])
            continue
        name = words[0][1:-1]
        if name.startswith("/") or not name or len(name) > _LONGEST_NAME:
            raise ProfileError(
                f"line {number}: {quoted(words[0])} ends a block that does not begin; remove it"
            )
        end = next((each for each in range(at, len(lines)) if _ends_block(lines[each], name)), None)
        if end is None:
            raise ProfileError(
                f"line {number}: the block <{name}> has no end; write </{name}> on a line below it"
            )
        if name == CONNECTION:
            if is_nested:
                raise ProfileError(
                    f"line {number}: <connection> stands inside of another one; end that one first"
                )
            inner = tuple(_directives(lines[at:end], number + 1, True))
            yield Directive(number, name, children=inner)
        else:
            block = "".join(f"{line}\n" for line in lines[at:end])
            yield Directive(number, name, block=block)
        at = end + 1


def _ends_block(line: str, name: str) -> bool:
    return line.lstrip().startswith(f"</{name}>")


def split_words(line: str, number: int) -> tuple[str, ...]:
    """The words of a line: quoted by " or ', with a backslash before a character that is meant as it is.

    A word that begins with # or ; begins a comment. Raises ProfileError.
    """
    words: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line) or line[at] in "#;":
            return tuple(words)
        word, at = _word(line, at, number)
        words.append(word)


def _word(line: str, at: int, number: int) -> tuple[str, int]:
    """The word that begins here, and where it ends."""
    quote = line[at] if line[at] in _QUOTES else ""
    at += len(quote)
    word = ""
    while at < len(line):
        character = line[at]
        at += 1
        if character == "\\" and quote != "'":
            if at == len(line):
                raise ProfileError(
                    f"line {number}: it ends with a backslash; write two for one, or remove it"
                )
            word += line[at]
            at += 1
        elif character == quote if quote else character.isspace():
            return word, at
        else:
            word += character
    if quote:
        raise ProfileError(f"line {number}: the quotation mark {quote} has no end; write a second one")
    return word, at
