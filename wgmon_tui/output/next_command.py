"""The command that the likeliest cause names, apart from where to type it and what to look for.

A cause has advice of the form "PLACE: COMMAND; COMMAND — WHAT TO LOOK FOR". PLACE and the end may be absent.
This module takes it apart, so that a command stands alone on its line and can be copied as a whole.
"""

from __future__ import annotations

import re

from wgmon_tui.checks.verdict import Diagnosis
from wgmon_tui.config.inspect_command import named_interface
from wgmon_tui.config.models import Server
from wgmon_tui.output.styled_text import ADVISED_PROGRAMS
from wgmon_tui.records import dataclass
from wgmon_tui.text import printable

_PLACE = re.compile(r'(in servers\.toml, (?:server|identity) ".*?"|(?:on|in|through|here)\b.*?): (?=\S)')
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]* = \S")
_ANY_INTERFACE = "wg0"
_PLACEHOLDER = re.compile(r"[A-Z]+(?:-[A-Z]+)+|FILE|NAME")
_WORDS = re.compile(r"[^\s\"'\[\]|;=@]+")


@dataclass(frozen=True, slots=True)
class NextCommand:
    """A line to type.

    `place` says where, such as "on the server"; "" for this machine. `look_for` is what the result shows, or
    what to do then; it may be "". `is_setting` means a line for a configuration file, not for a shell.
    `placeholders` are the words of the line that its reader has to replace.
    """

    line: str
    place: str = ""
    look_for: str = ""
    is_setting: bool = False
    placeholders: tuple[str, ...] = ()


def command_of(server: Server, diagnosis: Diagnosis | None) -> NextCommand | None:
    """The command that the likeliest cause names; None without a cause, or if its advice is no command."""
    if diagnosis is None or not diagnosis.causes:
        return None
    return parse_advice(diagnosis.causes[0].fix, named_interface(server))


def parse_advice(advice: str, interface: str | None = None) -> NextCommand | None:
    """Take the advice of a cause apart; None if it contains nothing to type.

    `interface` is the server's WireGuard interface if it is known. Advice calls it wg0.
    """
    advice = printable(advice)
    place = _PLACE.match(advice)
    line, _, look_for = advice[place.end() if place else 0 :].partition(" — ")
    is_setting = _SETTING.match(line) is not None
    if not is_setting:
        parts = line.split("; ")
        typed = next((at for at, part in enumerate(parts) if not _is_command(part)), len(parts))
        line, prose = "; ".join(parts[:typed]), "; ".join(parts[typed:])
        look_for = "; ".join(filter(None, (prose, look_for)))
    if not line:
        return None
    placeholders = _placeholders(line, is_interface_known=interface is not None)
    if interface is not None:
        line = re.sub(rf"\b{_ANY_INTERFACE}\b", interface, line)
    return NextCommand(line, place[1] if place else "", look_for, is_setting, placeholders)


def _is_command(text: str) -> bool:
    return text.partition(" ")[0] in ADVISED_PROGRAMS


def _placeholders(line: str, *, is_interface_known: bool) -> tuple[str, ...]:
    """The words to replace. An interface that nobody named is one of them."""
    guesses = () if is_interface_known else (_ANY_INTERFACE,)
    words = dict.fromkeys(_WORDS.findall(line))
    return tuple(word for word in words if _PLACEHOLDER.fullmatch(word) or word in guesses)
