"""How each service writes text: what is escaped, what is bold, what is to be typed, and how it counts.

A text is escaped piece by piece, before anything is cut: half an escape would be refused, or read as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass


def units(text: str) -> int:
    """The length in UTF-16 code units, in which Telegram and Discord count."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(frozen=True, slots=True)
class Markup:
    """The writing of one service: what stands around bold text and around what is to be typed, and how text
    is escaped outside and inside of the latter.
    """

    escape: Callable[[str], str] = str
    bold: tuple[str, str] = ("", "")
    code: tuple[str, str] = ("", "")
    escape_code: Callable[[str], str] = str
    length: Callable[[str], int] = len

    def strong(self, text: str) -> str:
        """Text that meets the eye first."""
        return self.escape(text).join(self.bold)

    def typed(self, text: str) -> str:
        """What is to be typed."""
        return self.escape_code(text).join(self.code)


_SLACK_STYLES = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])")
_SLACK_TWINS = {"*": "∗", "_": "ˍ", "~": "∼"}
_DISCORD_MARKS = re.compile(r"[\\*_~`|<>\[\]()#@-]")


def _in_html(text: str) -> str:
    return html.escape(text, quote=False)


def _without_ticks(text: str) -> str:
    """A backtick would end the code that it stands in."""
    return text.replace("`", "'")


def _in_mrkdwn(text: str) -> str:
    """Without `<` there is no link, no mention and no <!channel>. Slack has no escape for what makes text
    bold or slanted: where one of those could, its twin stands.
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
