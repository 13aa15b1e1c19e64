"""The manual page wgmon-tui(1). It follows from the argument parser.

It is the same on every machine and Python version: it takes the texts of the parser, not argparse's layout.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from textwrap import wrap

from wgmon_tui import __version__
from wgmon_tui.cli.command_parser import actions_of, commands_of
from wgmon_tui.cli.parser import COMMON_EXIT_CODES, make_parser
from wgmon_tui.config.paths import default_config_dir, default_state_dir
from wgmon_tui.text import TYPOGRAPHY_IN_ASCII

_SUMMARY = "monitor WireGuard servers with the real handshake"

_FILES = {
    "~/.config/wgmon-tui/servers.toml": "Servers and identities. wgmon-tui and people write it.",
    "~/.config/wgmon-tui/config.toml": "Behaviour, alerts, vantages and keys. Only people write it; "
    "`wgmon-tui config --template` prints one with every setting.",
    "~/.config/wgmon-tui/themes/": "Your own themes.",
    "~/.local/state/wgmon-tui/history.db": "The history, incidents and deliveries.",
    "~/.local/state/wgmon-tui/faults/": "Reports of internal faults.",
}
_ENVIRONMENT = {
    "NO_COLOR": "If it is set and not empty, no colours are used.",
    "FORCE_COLOR, CLICOLOR_FORCE": "If one is set and neither empty nor 0, all output of commands "
    "has colours; NO_COLOR comes first.",
    "TERM, COLORTERM, LC_ALL, LC_CTYPE, LANG": "What the terminal can show.",
    "VISUAL, EDITOR": "The editor for servers.toml.",
    "XDG_CONFIG_HOME, XDG_STATE_HOME": "Where the default directories are.",
}
_EXAMPLES = {
    "wgmon-tui demo": "Look at a demonstration:",
    "wgmon-tui add fra1 fra1.example.net:51820 PUBLIC_KEY": "Add a server, print what to type there, "
    "and wait for its first good check:",
    "wgmon-tui keygen bastion --address 10.8.0.250/32": "Create a key for monitoring, and print what to type "
    "on the server:",
    "wgmon-tui probe --json": "Check all servers once, for a script:",
    "wgmon-tui config --template > ~/.config/wgmon-tui/config.toml": "Begin a configuration:",
}
_OF_EVERY_COMMAND = ("help", "config", "state")
"""Options that are described once."""

_WIDTH = 78
_NEEDLESS = ((".SH", ".PP"), (".SS", ".PP"), (".PP", ".PP"))


def man_page() -> str:
    """The page in the man macros of roff."""
    lines = list(_man_page())
    # A heading begins a paragraph by itself.
    kept = [lines[0], *(line for before, line in pairwise(lines) if (before[:3], line) not in _NEEDLESS)]
    return "".join(f"{line}\n" for line in kept)


def _man_page() -> Iterator[str]:
    parser = make_parser()
    yield '.\\" Written by `make docs` from the argument parser.'
    yield f'.TH WGMON\\-TUI 1 "" "wgmon\\-tui {__version__}" "User Commands"'
    yield ".nh"
    yield ".ad l"
    yield ".SH NAME"
    yield f"wgmon\\-tui \\- {_SUMMARY}"
    yield ".SH SYNOPSIS"
    yield "\\fBwgmon\\-tui\\fR [\\fIOPTION\\fR...] [\\fICOMMAND\\fR]"
    yield ".SH DESCRIPTION"
    yield from _paragraph(parser.description or "")
    yield ".SH OPTIONS"
    yield from _arguments(parser)
    yield ".SH COMMANDS"
    yield from _paragraph(
        "Every command has the option `--help`. The options `--config` and `--state` can also stand after "
        "the commands that use these directories."
    )
    for name, command in commands_of(parser):
        yield f'.SS "{_literal(" ".join(_synopsis(name, command)))}"'
        yield from _paragraph(command.description or "")
        yield from _arguments(command, _OF_EVERY_COMMAND)
    yield ".SH EXIT STATUS"
    yield from _paragraph("The commands above say what their own codes mean. " + COMMON_EXIT_CODES)
    for title, entries in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        yield f".SH {title}"
        for term, meaning in entries.items():
            yield from _entry(f"\\fB{_literal(term)}\\fR", meaning)
    yield ".SH EXAMPLES"
    for command_line, what in _EXAMPLES.items():
        yield from _paragraph(what)
        yield from (".RS 4", ".nf", f"\\fB{_literal(command_line)}\\fR", ".fi", ".RE")
    yield ".SH SEE ALSO"
    yield ".BR wg (8),"
    yield ".BR wg\\-quick (8),"
    yield ".BR ssh (1)"


def _synopsis(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    yield f"wgmon-tui {name}"
    yield "[OPTION...]"
    for action in actions_of(command):
        if not action.option_strings:
            word = _value(action)
            repeated = f"{word}..." if action.nargs in ("*", "+") else word
            yield f"[{repeated}]" if action.nargs in ("*", "?") else repeated


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(str(each) for each in action.choices)
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def _arguments(parser: argparse.ArgumentParser, left_out: Iterable[str] = ()) -> Iterator[str]:
    for action in actions_of(parser):
        if action.help == argparse.SUPPRESS or action.dest in left_out:
            continue
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  argparse has no other name for it
            continue
        if not action.option_strings:
            yield from _entry(f"\\fI{_literal(_value(action))}\\fR", action.help or "")
            continue
        names = ", ".join(f"\\fB{_literal(name)}\\fR" for name in action.option_strings)
        value = "" if action.nargs == 0 else f"\\fI{_literal(_value(action))}\\fR"
        if action.nargs == "?":
            value = f"[{value}]"
        yield from _entry(f"{names} {value}".rstrip(), action.help or "")


def _entry(term: str, meaning: str) -> Iterable[str]:
    return (".TP", term, *_text(meaning))


def _paragraph(text: str) -> Iterable[str]:
    return (".PP", *_text(text))


def _text(text: str) -> Iterator[str]:
    """A text, a sentence a line, with `code` in bold and the same directories for every account."""
    for directory, general in (
        (default_config_dir(), "~/.config/wgmon-tui"),
        (default_state_dir(), "~/.local/state/wgmon-tui"),
    ):
        text = text.replace(str(directory), general)
    text = text.replace("show program's version number and exit", "show the version and exit")
    for sentence in re.split(r"(?<=[.:;]) (?=\S)", " ".join(text.split())):
        parts = sentence.split("`")
        line = "".join(
            f"\\fB{_literal(part)}\\fR" if number % 2 else _literal(part) for number, part in enumerate(parts)
        )
        for short in wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False):
            yield f"\\&{short}" if short.startswith(".") else short


def _literal(text: str) -> str:
    """Escape a text for roff: backslashes, and the hyphens that must stay hyphens."""
    plain = text.translate(TYPOGRAPHY_IN_ASCII)
    return (
        plain.replace("\\", "\\e")
        .replace("-", "\\-")
        .replace('"', "\\(dq")
        .replace("~", "\\(ti")
        .replace("'", "\\(aq")
    )
