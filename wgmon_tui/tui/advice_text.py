"""Advice on a screen: the command stands alone on its line. Pure: records in, Rich texts out."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from wgmon_tui.output.advice_lines import AdviceLine, advice_lines
from wgmon_tui.tui.theme.text_style import TextStyle


def advice_paragraphs(
    advice: str, text_style: TextStyle, label: str = "", indent: int = 0, *, interface: str | None = None
) -> Iterator[Text]:
    """Yield where to type the command, the command, and what to look for; `label` stands before the first.

    `interface` is the WireGuard interface of the server if it is known.
    """
    for number, line in enumerate(advice_lines(advice, interface)):
        style = text_style.palette.accent if line.is_typed else text_style.palette.text
        lead = " " if number and label else label
        yield from text_style.paragraph(line.text, style, lead, indent)


def compact_advice(
    advice: str, text_style: TextStyle, label: str, *, interface: str | None = None
) -> Iterator[Text]:
    """Yield the command after its label; place and what to look for share the line below it."""
    lines = advice_lines(advice, interface)
    typed = [each for each in lines if each.is_typed]
    about = AdviceLine(" ".join(each.text for each in lines if not each.is_typed).removesuffix(":"))
    for number, line in enumerate([*typed, about]):
        style = text_style.palette.accent if line.is_typed else text_style.palette.text
        if line.text not in ("", "here"):
            yield from text_style.paragraph(line.text, style, " " if number else label)
