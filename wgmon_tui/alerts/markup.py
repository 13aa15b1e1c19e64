"""Markup of each chat service: escaping, bold text, code, and length counting.

Text is escaped piece by piece before it is shortened: half an escape would be refused or read as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass


def units(text: str) -> int:
    """Return the length in UTF-16 code units, as Telegram and Discord count it."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class Markup:
    """Markup of one service: delimiters of bold text and code, and escaping outside and inside of code."""

    escape: Callable[[str], str] = str
    bold: tuple[str, str] = ("", "")
    code: tuple[str, str] = ("", "")
    escape_code: Callable[[str], str] = str
    length: Callable[[str], int] = len

    def strong(self, text: str) -> str:
        """Return escaped bold text."""
        return self.escape(text).join(self.bold)

    def typed(self, text: str) -> str:
        """Return text to type as code."""
        return self.escape_code(text).join(self.code)


_SLACK_STYLES = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])")
_SLACK_TWINS = {"*": "∗", "_": "ˍ", "~": "∼"}
_DISCORD_MARKS = re.compile(r"[\\*_~`|<>\[\]()#@-]")


def _in_html(text: str) -> str:
    return html.escape(text, quote=False)


def _without_ticks(text: str) -> str:
    """Replace backticks, which would end a code span."""
    return text.replace("`", "'")


def _in_mrkdwn(text: str) -> str:
    """Escape text for Slack. Without `<` there is no link, mention or <!channel>.

    Slack has no escape for its style characters, so a look-alike replaces each one that could start a style.
    """
    return _SLACK_STYLES.sub(lambda mark: _SLACK_TWINS[mark[0]], _in_html(_without_ticks(text)))


def _in_discord(text: str) -> str:
    return _DISCORD_MARKS.sub(r"\\\g<0>", text)


PLAIN = Markup()

SLACK = Markup(
    escape=_in_mrkdwn,
    bold=("*", "*"),
    code=("`", "`"),
    escape_code=lambda text: _in_html(_without_ticks(text)),
)

TELEGRAM = Markup(
    escape=_in_html,
    bold=("<b>", "</b>"),
    code=("<code>", "</code>"),
    escape_code=_in_html,
    length=units,
)

DISCORD = Markup(
    escape=_in_discord, bold=("**", "**"), code=("`", "`"), escape_code=_without_ticks, length=units
)
