"""What the terminal of this process can show. Every command, screen and `doctor` ask here.

A terminal has three streams. Commands read the first and write to the others; the dashboard reads keys from
standard input and draws on standard output. Standard error may be redirected without a loss of the screen.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
import sys
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Protocol

from wgmon_tui.records import dataclass
from wgmon_tui.text import TYPOGRAPHY_IN_ASCII

ASSUMED_SIZE = (80, 24)
"""Columns and lines of a terminal that does not know its size, such as a serial console."""

_TMUX_TIMEOUT_S = 1.0
_MAX_TMUX_BYTES = 4096
_ERROR_HANDLER = "wgmon-tui"

_FORCE_COLOUR = ("FORCE_COLOR", "CLICOLOR_FORCE")

_NO_CURSOR = ("", "dumb", "unknown")

_FEW_GLYPHS = re.compile(r"linux|vt\d|ansi|pcansi|cons25|wsvt25|pccon|sun|wy\d|cygwin|dumb|unknown|$")
"""Terminals whose font has few glyphs, by the beginning of TERM. GNU screen puts `screen.` before it."""


class ColourDepth(Enum):
    """The number of colours that a terminal can show."""

    NONE = "none"
    SIXTEEN = "16"
    EIGHT_BIT = "256"
    TRUE = "16 million"


class Multiplexer(Enum):
    """A program between this process and the terminal."""

    TMUX = "tmux"
    SCREEN = "GNU screen"


@dataclass(frozen=True, slots=True)
class TmuxClient:
    """The terminal in which tmux runs: its TERM, and whether tmux writes UTF-8 to it."""

    term: str
    is_utf8: bool


class Stream(Protocol):
    """What detection needs of a standard stream."""

    @property
    def encoding(self) -> str | None:
        """The encoding, as Python names it."""

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The capabilities of a terminal.

    is_input, is_output, is_error_output: whether standard input, output and error are a terminal.
    encoding: of standard output, as Python names it; empty if that is closed.
    no_colour: whether the user asks for none with NO_COLOR.
    forced_colour: whether the user asks for colours in all output, with FORCE_COLOR or CLICOLOR_FORCE.
    size: columns and lines; None if the terminal does not know them, or standard output is none.
    tmux_client: None outside of tmux, and while nobody is attached.
    ascii_locale: LC_ALL, if that asks for ASCII; Python writes UTF-8 then (PEP 540).
    """

    is_input: bool
    is_output: bool
    is_error_output: bool
    encoding: str
    term: str
    colours: ColourDepth
    no_colour: bool = False
    forced_colour: bool = False
    multiplexer: Multiplexer | None = None
    tmux_client: TmuxClient | None = None
    size: tuple[int, int] | None = None
    ascii_locale: str = ""

    @property
    def is_unicode(self) -> bool:
        """Whether the encoding of standard output has all characters."""
        return _is_unicode(self.encoding)

    @property
    def ascii_reason(self) -> str:
        """Why only ASCII may be written to standard output; empty if it may be Unicode."""
        if not self.is_unicode:
            return f"the encoding is {self.encoding or 'unknown'}"
        if self.ascii_locale:
            return f"LC_ALL is {self.ascii_locale}"
        if not self.is_output:
            return ""
        if _has_few_glyphs(self.term):
            return f"TERM is {self.term or 'not set'}"
        if self.tmux_client and not self.tmux_client.is_utf8:
            return "tmux does not write UTF-8 to its terminal"
        if self.tmux_client and _has_few_glyphs(self.tmux_client.term):
            return f"TERM outside of tmux is {self.tmux_client.term}"
        return ""

    @property
    def ascii_only(self) -> bool:
        """Whether only ASCII may be written to standard output."""
        return bool(self.ascii_reason)

    @property
    def width(self) -> int | None:
        """How many characters of standard output fit on a line; None if that is no terminal."""
        return (self.size or ASSUMED_SIZE)[0] if self.is_output else None

    @property
    def has_colour(self) -> bool:
        """Whether output of commands has colours, unless an option says otherwise. NO_COLOR comes first."""
        is_coloured = self.is_output and self.colours is not ColourDepth.NONE
        return not self.no_colour and (self.forced_colour or is_coloured)

    @property
    def obstacle(self) -> str:
        """Why the dashboard cannot be shown; empty if it can."""
        if not self.is_output:
            return "standard output is not a terminal"
        if not self.is_input:
            return "standard input is not a terminal"
        if not self.has_cursor:
            return f"TERM is {self.term or 'not set'}, which means a terminal without a cursor"
        return ""

    @property
    def has_cursor(self) -> bool:
        """Whether the cursor can be moved, as far as TERM tells."""
        return self.term not in _NO_CURSOR

    @property
    def is_interactive(self) -> bool:
        """Whether the dashboard can be shown and can read keys."""
        return not self.obstacle


def detect_terminal() -> Terminal:
    """Detect the capabilities of the terminal of this process."""
    is_output = _is_terminal(sys.stdout)
    return terminal_of(
        os.environ,
        (sys.stdin, sys.stdout, sys.stderr),
        _read_size() if is_output else None,
        _ask_tmux(os.environ.get("TMUX", "")) if is_output else None,
    )


def terminal_of(
    environment: Mapping[str, str],
    streams: tuple[Stream | None, Stream | None, Stream | None],
    size: tuple[int, int] | None = None,
    tmux_client: TmuxClient | None = None,
) -> Terminal:
    """Derive the capabilities from facts. `streams` are standard input, output and error; None is closed."""
    is_input, is_output, is_error_output = (_is_terminal(stream) for stream in streams)
    multiplexer = _multiplexer(environment)
    term = environment.get("TERM", "")
    colorterm = "" if multiplexer is Multiplexer.SCREEN else environment.get("COLORTERM", "")
    output = streams[1]
    return Terminal(
        is_input=is_input,
        is_output=is_output,
        is_error_output=is_error_output,
        encoding=(output.encoding if output else None) or "",
        term=term,
        colours=count_colours(term, colorterm),
        # By its standard, an empty NO_COLOR is unset.
        no_colour=bool(environment.get("NO_COLOR")),
        forced_colour=any(environment.get(name, "") not in ("", "0") for name in _FORCE_COLOUR),
        multiplexer=multiplexer,
        tmux_client=tmux_client,
        size=size,
        ascii_locale=_ascii_locale(environment),
    )


def _ascii_locale(environment: Mapping[str, str]) -> str:
    """LC_ALL, if that asks for ASCII and nothing asks Python for another encoding."""
    is_chosen = environment.get("PYTHONIOENCODING") or environment.get("PYTHONUTF8")
    locale = "" if is_chosen else environment.get("LC_ALL", "")
    return locale if locale in ("C", "POSIX") else ""


def count_colours(term: str, colorterm: str) -> ColourDepth:
    """The number of colours of a terminal, guessed as Textual does."""
    if term in _NO_CURSOR:
        return ColourDepth.NONE
    if colorterm.strip().lower() in ("truecolor", "24bit"):
        return ColourDepth.TRUE
    return ColourDepth.EIGHT_BIT if term.endswith(("-256color", "kitty")) else ColourDepth.SIXTEEN


def hide_misleading_variables() -> None:
    """Remove variables from the environment that Textual understands differently than this module.

    Textual takes an empty NO_COLOR for a set one. Inside GNU screen it believes the COLORTERM of the terminal
    outside, but screen before version 5 shows 24-bit colours as dim, underlined and reversed text.
    """
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]
    if _multiplexer(os.environ) is Multiplexer.SCREEN:
        os.environ.pop("COLORTERM", None)


def adapt_output(terminal: Terminal) -> None:
    """Make all text fit the terminal: typographic characters become ASCII, others an escape.

    A terminal that shows only ASCII gets only ASCII, also where its locale is UTF-8.
    """
    codecs.register_error(_ERROR_HANDLER, _replace_unencodable)
    for stream, is_terminal in ((sys.stdout, terminal.is_output), (sys.stderr, terminal.is_error_output)):
        if isinstance(stream, io.TextIOWrapper):
            ascii_only = is_terminal and terminal.ascii_only
            stream.reconfigure(encoding="ascii" if ascii_only else None, errors=_ERROR_HANDLER)


def _replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    shown = bad.translate(TYPOGRAPHY_IN_ASCII)
    return shown.encode("ascii", "backslashreplace").decode(), error.end


def _is_terminal(stream: Stream | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _is_unicode(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name.startswith("utf")
    except LookupError:
        return False


def _has_few_glyphs(term: str) -> bool:
    return bool(_FEW_GLYPHS.match(term.removeprefix("screen.")))


def _multiplexer(environment: Mapping[str, str]) -> Multiplexer | None:
    """The innermost multiplexer. Its variable is inherited by another one inside; then TERM decides."""
    if environment.get("STY") and not environment.get("TERM", "").startswith("tmux"):
        return Multiplexer.SCREEN
    return Multiplexer.TMUX if environment.get("TMUX") else None


def _read_size() -> tuple[int, int] | None:
    """Columns and lines, as Textual reads them: COLUMNS and LINES come before the terminal's answer."""
    size = shutil.get_terminal_size(fallback=(0, 0))
    return (size.columns, size.lines) if size.columns and size.lines else None


@cache
def _ask_tmux(socket: str) -> TmuxClient | None:
    """Ask tmux about its terminal; `socket` is the variable TMUX. Takes milliseconds."""
    if not socket:
        return None
    from wgmon_tui.child_processes import OutputLimitError, run

    try:
        answered = run(
            ("tmux", "display-message", "-p", "#{client_utf8} #{client_termname}"),
            timeout_s=_TMUX_TIMEOUT_S,
            max_bytes=_MAX_TMUX_BYTES,
        )
    except (OSError, OutputLimitError):
        return None
    answer = answered.output.decode(errors="replace")
    is_utf8, _, term = answer.strip().partition(" ")
    return TmuxClient(term, is_utf8 == "1") if is_utf8 in ("0", "1") and term else None
