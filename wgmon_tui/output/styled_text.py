"""Lines for a terminal: colours, and wrapping that leaves words, keys, addresses and commands whole.

Standard output that is no terminal has no width: its lines are never wrapped, as `grep` and `diff` need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

from wgmon_tui.cells import cell_width
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.records import dataclass
from wgmon_tui.text import TYPOGRAPHY_IN_ASCII

_RESET = "\x1b[0m"
_ATOM = re.compile(r" +|[^ ]+")
_PIECE = re.compile(r"(: |; | — |, )")
"""What separates a command from the words around it."""

ADVISED_PROGRAMS = frozenset(
    (
        *("./easyrsa", "awg", "awg-quick", "chmod", "chown", "command", "conntrack", "curl", "date", "dig"),
        *("dmesg", "easyrsa", "ethtool", "getent", "grep", "headscale", "id", "ip", "iptables-save"),
        *("journalctl", "ls", "mtr", "netbird", "netstat", "nft", "openssl", "pfctl", "pgrep", "ping", "pip"),
        *("route", "ss", "ssh", "swanctl", "sysctl", "systemctl", "tailscale", "tc", "tcpdump"),
        *("timedatectl", "top", "tracepath", "traceroute", "uptime", "vmstat", "wg", "wg-quick", "wgmon-tui"),
        "xray",
    )
)
"""The programs that advice names. Anything else is prose, which nobody can type."""


class TextRole(Enum):
    """What a part of a line is. The value is its colour, as the parameters of SGR (ECMA-48 §8.3.117)."""

    PLAIN = ""
    NAME = "1"
    COMMAND = "36"
    UP = "32"
    DEGRADED = "33"
    DOWN = "1;31"
    UNKNOWN = "35"
    PAUSED = "34"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line: printable text. `is_whole`: it is not broken at its spaces, however long it is."""

    text: str
    role: TextRole = TextRole.PLAIN
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class TextFormat:
    """What standard output can show. `width` is None where lines are not wrapped."""

    width: int | None = None
    has_colour: bool = False
    ascii_only: bool = False

    def glyph(self, severity: Severity) -> str:
        """Return the glyph of a severity."""
        return severity.ascii_glyph if self.ascii_only else severity.glyph

    @property
    def bullet(self) -> str:
        """Return the mark before a piece of evidence."""
        return "-" if self.ascii_only else "·"

    @property
    def arrow(self) -> str:
        """Return the mark before a next step."""
        return "->" if self.ascii_only else "→"

    def shown(self, text: str) -> str:
        """Return printable text in the characters that may be written."""
        if not self.ascii_only or text.isascii():
            return text
        return text.translate(TYPOGRAPHY_IN_ASCII).encode("ascii", "backslashreplace").decode()

    def coloured(self, text: str, role: TextRole) -> str:
        """Return the text in the colour of its role."""
        return f"\x1b[{role.value}m{text}{_RESET}" if self.has_colour and role.value and text else text


def role_of(severity: Severity) -> TextRole:
    """Return the role of a severity."""
    return TextRole[severity.name]


def lay_out(spans: Iterable[Span], text_format: TextFormat, *, indent: int = 0, hanging: int = 0) -> str:
    """Return the parts as one line, or wrapped into several: `hanging` is the indent from the second on."""
    lines, used, is_first = [" " * indent], indent, True
    for gap, fragments in _unbreakable(spans, text_format):
        cells = sum(cell_width(text) for text, _ in fragments)
        if not is_first and text_format.width is not None and used + len(gap) + cells > text_format.width:
            lines.append(" " * hanging)
            used = hanging
        elif not is_first:
            lines[-1] += gap
            used += len(gap)
        lines[-1] += "".join(text_format.coloured(text, role) for text, role in fragments)
        used += cells
        is_first = False
    return "\n".join(lines)


def _unbreakable(
    spans: Iterable[Span], text_format: TextFormat
) -> Iterator[tuple[str, list[tuple[str, TextRole]]]]:
    """Yield what stays on one line, and the spaces before it. Parts without spaces between stay together."""
    gap, fragments = "", list[tuple[str, TextRole]]()
    for span in spans:
        text = text_format.shown(span.text)
        for atom in [text] if span.is_whole else _ATOM.findall(text):
            if not atom.isspace():
                fragments.append((atom, span.role))
                continue
            if fragments:
                yield gap, fragments
                gap, fragments = "", []
            gap += atom
    if fragments:
        yield gap, fragments


def command_spans(fix: str) -> list[Span]:
    """Return a next step as parts. Its commands are whole, so that they can be copied."""
    return [
        Span(piece, TextRole.COMMAND, is_whole=True)
        if piece.split(" ", 1)[0] in ADVISED_PROGRAMS
        else Span(piece)
        for piece in _PIECE.split(fix)
        if piece
    ]
