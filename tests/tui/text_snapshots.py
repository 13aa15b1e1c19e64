"""Text snapshots of a screen: its lines, and below each line the styles of its characters."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from rich.style import Style
from textual.app import App

_LETTERS = string.ascii_letters + string.digits + "!#$%&*+=?@^~"


@dataclass(frozen=True, slots=True)
class TextPicture:
    """`marks` are as long as `lines`: one letter per style, a blank for plain background.

    `styles` lists the background style first, then the styles of the letters in order.
    """

    lines: tuple[str, ...]
    marks: tuple[str, ...]
    styles: tuple[str, ...]


def picture_of(app: App[None]) -> TextPicture:
    """The current terminal content."""
    rows = [
        [(character, _said(character, segment.style)) for segment in line for character in segment.text]
        for line in app.screen._compositor.render_strips()
    ]
    blanks = Counter(style for row in rows for character, style in row if character == " ")
    [(background, _)] = blanks.most_common(1)
    letters = {background: " "}
    for style in (style for row in rows for _, style in row if style not in letters):
        letters.setdefault(style, _LETTERS[len(letters) - 1])
    return TextPicture(
        tuple("".join(character for character, _ in row).rstrip() for row in rows),
        tuple("".join(letters[style] for _, style in row).rstrip() for row in rows),
        tuple(letters),
    )


def sheet(pictures: Mapping[str, TextPicture]) -> str:
    """Snapshots by look. Looks that differ only in colours are drawn once."""
    drawn = sorted(pictures.items(), key=lambda each: (each[1].lines, each[1].marks))
    groups = [list(group) for _, group in groupby(drawn, key=lambda each: (each[1].lines, each[1].marks))]
    order = list(pictures)
    groups.sort(key=lambda group: min(order.index(look) for look, _ in group))
    return "\n".join(_drawn(sorted(group, key=lambda each: order.index(each[0]))) for group in groups)


def _drawn(looks: list[tuple[str, TextPicture]]) -> str:
    _, picture = looks[0]
    lines = [f"=== {', '.join(look for look, _ in looks)}"]
    for number, (text, marks) in enumerate(zip(picture.lines, picture.marks, strict=True), 1):
        lines += [f"{number:>2} {text}".rstrip(), *([f"   {marks}"] if marks else [])]
    for look, each in looks:
        lines += [f"--- {look}", *_legend(each.styles)]
    return "\n".join((*lines, ""))


def _legend(styles: Iterable[str]) -> list[str]:
    return [f"{mark} {style}" for mark, style in zip("." + _LETTERS, styles, strict=False)]


def _said(character: str, style: Style | None) -> str:
    """The style in words; for a blank, only its visible part."""
    style = style or Style.null()
    if character == " " and not style.underline and not style.reverse:
        style = Style(bgcolor=style.bgcolor)
    return str(style)
