"""Reads the format of strongswan.conf(5), which swanctl.conf has too: sections, and what they inherit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError
from wgmon_tui.text import printable, quoted

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r]+|\#[^\n]*) | (?P<line>\n) | (?P<open>\{) | (?P<close>\})
    | (?P<value>=[ \t]*(?P<text>"(?:[^"\\]|\\.)*"|[^\n\#{}"]*))
    | (?P<include>include[ \t]+[^\n]*) | (?P<name>[^\s\#{}="]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 16
_MOST_STEPS = 1_000_000
"""Of following what is inherited: a few sections that inherit from each other can need any number."""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(slots=True, eq=False)
class StrongswanSection:
    """A section: values with their lines, and sections. `bases` are the names of those that it inherits from.

    `missing_bases` are those that the file does not have.
    """

    line: int
    values: dict[str, tuple[str, int]] = field(default_factory=dict)
    sections: dict[str, StrongswanSection] = field(default_factory=dict)
    bases: tuple[str, ...] = ()
    missing_bases: tuple[str, ...] = ()

    def get(self, key: str, default: str = "") -> str:
        """The value of a key. An empty one clears what was inherited, so that the default holds."""
        text, _ = self.values.get(key, ("", 0))
        return text or default

    def listed(self, key: str) -> tuple[str, ...]:
        """The elements of a value with commas."""
        return tuple(each.strip() for each in self.get(key).split(",") if each.strip())

    def named(self, prefix: str) -> Iterator[StrongswanSection]:
        """The sections whose name begins like this, such as local, local-2."""
        return (each for name, each in self.sections.items() if name.startswith(prefix))


def parse(text: str) -> StrongswanSection:
    """The sections of a text, with what they inherit. Raises ConnectionImportError with the line."""
    return _Inheritance(_parse_as_written(text)).resolve()


def _parse_as_written(text: str) -> StrongswanSection:
    root = StrongswanSection(1)
    stack, pending, line, at = [root], list[str](), 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConnectionImportError("a value is not closed, or a character stands where none can", line)
        match match.lastgroup:
            case "open":
                stack.append(_open(stack[-1], pending, line))
                if len(stack) > _DEEPEST:
                    raise ConnectionImportError(f"sections in more than {_DEEPEST} others", line)
            case "close":
                if len(stack) == 1 or pending:
                    raise ConnectionImportError("a } without its {, or after a word", line)
                stack.pop()
            case "value":
                if len(pending) != 1:
                    raise ConnectionImportError("expected one key before =", line)
                stack[-1].values[pending.pop()] = _plain(match["text"]), line
            case "name":
                pending.append(match["name"])
        line += match[0].count("\n")
        at = match.end()
    if len(stack) > 1:
        raise ConnectionImportError("the section that begins here is not closed with }", stack[-1].line)
    if pending:
        raise ConnectionImportError(f"expected = or {{ after {quoted(printable(pending[0]))}", line)
    return root


def _open(parent: StrongswanSection, pending: list[str], line: int) -> StrongswanSection:
    """A section that begins: `name {`, or `name : base1, base2 {`. One of that name is continued."""
    if not pending:
        raise ConnectionImportError("expected the name of a section before {", line)
    words = " ".join(pending)
    pending.clear()
    name, _, bases = words.partition(":")
    found = parent.sections.setdefault(name.strip(), StrongswanSection(line))
    found.bases += tuple(each.strip() for each in bases.split(",") if each.strip())
    return found


def _plain(text: str) -> str:
    text = text.strip()
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), text[1:-1], flags=re.DOTALL)


class _Inheritance:
    """Gives sections what they inherit, by the rules of strongswan.conf(5).

    A section is a stack of sections as written: itself, and those it inherits from, the nearest first. Equal
    stacks are one section, so one that inherits from a section around it ends here, too.
    """

    def __init__(self, root: StrongswanSection) -> None:
        self._root = root
        self._found: dict[tuple[int, ...], StrongswanSection] = {}
        self._waiting: list[tuple[StrongswanSection, Sequence[StrongswanSection]]] = []
        self._steps = 0

    def resolve(self) -> StrongswanSection:
        """The root with everything inherited. Raises ConnectionImportError."""
        top = self._section_of([self._root])
        while self._waiting:
            section, stack = self._waiting.pop()
            for each in stack:
                section.values |= {key: each.values[key] for key in each.values if key not in section.values}
            for name in dict.fromkeys(name for each in stack for name in each.sections):
                written = [each.sections[name] for each in stack if name in each.sections]
                section.sections[name] = self._section_of(written)
        return top

    def _section_of(self, written: Sequence[StrongswanSection]) -> StrongswanSection:
        """One section of these that have its name, and of all that they inherit."""
        stack: dict[int, StrongswanSection] = {}
        missing: dict[str, None] = {}
        waiting = list(reversed(written))
        while waiting:
            each = waiting.pop()
            if id(each) in stack:
                continue
            stack[id(each)] = each
            self._count_steps(1 + len(each.bases), each.line)
            for name in reversed(each.bases):
                if base := self._find(name):
                    waiting.append(base)
                else:
                    missing[name] = None
        section = self._found.get(tuple(stack))
        if section is None:
            section = StrongswanSection(written[0].line, missing_bases=tuple(missing))
            self._found[tuple(stack)] = section
            self._waiting.append((section, tuple(stack.values())))
        return section

    def _count_steps(self, steps: int, line: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise ConnectionImportError("the sections inherit too much from each other", line)

    def _find(self, name: str) -> StrongswanSection | None:
        """The section of an absolute name, such as connections.fra1."""
        found: StrongswanSection | None = self._root
        for part in name.split("."):
            found = found.sections.get(part) if found else None
        return found
