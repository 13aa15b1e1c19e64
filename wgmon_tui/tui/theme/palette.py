"""Palettes: colours by role, read from themes/*.toml, with the matching Textual theme.

Cells are drawn with the palette's Rich styles. Textual's own widgets (toasts, scrollbars, input lines) take
the same colours from the Textual theme. A theme without a background keeps that of the terminal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from rich.style import Style
from textual.theme import Theme

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.toml_reader import load_toml
from wgmon_tui.records import dataclass

DEFAULT_THEME = "night"
COLOURLESS_THEME = "mono"
SIXTEEN_COLOUR_THEME = "ansi"
SHIPPED_THEMES = ("night", "paper", "contrast", "deuteranopia", "tritanopia", "ansi", "mono")
"""The shipped themes, in the order of the theme picker."""

FIELD_NAMES = (
    "type",
    "reserved",
    "sender",
    "receiver",
    "ephemeral",
    "static",
    "timestamp",
    "empty",
    "mac1",
    "mac2",
    "nonce",
    "cookie",
    "counter",
    "packet",
    "unknown",
)
"""Field names with a colour of their own. Fields of other names share these colours."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_COLOUR_WORD = r"(#[0-9a-fA-F]{6}|(bright_)?(black|red|green|yellow|blue|magenta|cyan|white))"
_STYLE = re.compile(rf"((bold|dim|italic|underline|reverse)( |$))*({_COLOUR_WORD}( |$))?(on {_COLOUR_WORD})?")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_MAX_BYTES = 1 << 20
_KEYS = ("dark", "background", "panel", "text", "muted", "accent", "cursor", "sparkline", "lost")


_ANSI_DEFAULT = "ansi_default"

_ANSI_VARIABLES = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "input-cursor-text-style": "reverse",
    "block-cursor-text-style": "reverse",
} | dict.fromkeys(
    (
        "input-cursor-background",
        "input-cursor-foreground",
        "block-cursor-background",
        "block-cursor-foreground",
        "scrollbar",
        "scrollbar-hover",
        "scrollbar-active",
        "scrollbar-background",
        "scrollbar-background-hover",
        "scrollbar-background-active",
        "scrollbar-corner-color",
    ),
    _ANSI_DEFAULT,
)
"""Textual's variables for a theme that uses only the terminal's own colours."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme, by role.

    `background` and `panel` are "#rrggbb", or "" for the terminal's own. All others are Rich styles, with a
    background only where needed. `cursor` is added to the style of a row (`row_style + palette.cursor`).
    """

    name: str
    dark: bool
    background: str
    panel: str
    text: Style
    muted: Style
    accent: Style
    cursor: Style
    sparkline: Style
    lost: Style
    severity: Mapping[Severity, Style]
    fields: Mapping[str, Style]

    @property
    def base(self) -> Style:
        """The text style on the theme's background, the base of every line."""
        return self.text + Style(bgcolor=self.background or None)

    @property
    def header(self) -> Style:
        """Muted text on the panel colour, for column headings and group headings."""
        return self.muted + Style(bgcolor=self.panel or None)

    def field_style(self, name: str) -> Style:
        """The style of a field of a packet. One without its own colour always gets the same of the others."""
        own = self.fields.get(name)
        return own if own is not None else self.fields[FIELD_NAMES[sum(name.encode()) % len(FIELD_NAMES)]]

    def textual_theme(self) -> Theme:
        """The same colours as a Textual theme, for Textual's own widgets."""
        accent = _textual_colour(self.accent)
        background, panel = self.background or _ANSI_DEFAULT, self.panel or _ANSI_DEFAULT
        return Theme(
            name=self.name,
            primary=accent,
            secondary=accent,
            accent=accent,
            foreground=_textual_colour(self.text),
            background=background,
            surface=background,
            panel=panel,
            boost=panel,
            success=_textual_colour(self.severity[Severity.UP]),
            warning=_textual_colour(self.severity[Severity.DEGRADED]),
            error=_textual_colour(self.severity[Severity.DOWN]),
            dark=self.dark,
            ansi=not self.background,
            variables=self._footer_variables()
            | (self._rgb_variables() if self.background else _ANSI_VARIABLES),
        )

    def _footer_variables(self) -> dict[str, str]:
        background = self.background or _ANSI_DEFAULT
        return {
            "footer-key-foreground": _textual_colour(self.accent),
            "footer-description-foreground": _textual_colour(self.muted),
            "footer-background": background,
            "footer-item-background": background,
            "footer-key-background": background,
        }

    def _rgb_variables(self) -> dict[str, str]:
        return {
            "scrollbar": _textual_colour(self.muted),
            "scrollbar-background": self.panel,
            "scrollbar-corner-color": self.panel,
            "block-cursor-background": self.cursor.bgcolor.name if self.cursor.bgcolor else self.panel,
            "block-cursor-foreground": _textual_colour(self.text + self.cursor),
        }


def shipped_palettes() -> Mapping[str, Palette]:
    """The shipped themes by name, in the order of `SHIPPED_THEMES`."""
    return {name: _load_shipped(name) for name in SHIPPED_THEMES}


@cache
def _load_shipped(name: str) -> Palette:
    """Load a shipped theme: from inside the package in a wheel, from next to it in a checkout."""
    package = Path(__file__).parents[2]
    inside, beside = package / "themes", package.parent / "themes"
    return read_palette((inside if inside.is_dir() else beside) / f"{name}.toml")


def load_palette(theme: str, other_names: Iterable[str] = ()) -> Palette:
    """Load the shipped theme of this name, or the theme file of this path (`….toml`).

    Raises ConfigurationError, which lists the shipped themes and `other_names`.
    """
    if theme in SHIPPED_THEMES:
        return _load_shipped(theme)
    if theme.endswith(".toml"):
        return read_palette(Path(os.path.expanduser(theme)))  # noqa: PTH111  expanduser of Path raises
    names = ", ".join((*SHIPPED_THEMES, *other_names))
    raise ConfigurationError(f'unknown theme "{theme}"; expected one of {names}, or the path of a .toml file')


def read_palette(file: Path) -> Palette:
    """Read a theme file, named like its theme. Raises ConfigurationError: one line with file and key."""
    name = file.name.removesuffix(".toml")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{file}: invalid file name; use only letters, digits, - and _")
    try:
        table = load_toml(read_regular(file, _MAX_BYTES)[0].decode(), str(file))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file}: expected UTF-8 text; byte {error.start + 1} is not valid"
        ) from None
    severities = tuple(severity.word for severity in Severity)
    _refuse_unknown(file, "", table, (*_KEYS, "severity", "fields"))
    dark = table.get("dark", True)
    if not isinstance(dark, bool):
        raise ConfigurationError(f"{file}: dark: expected true or false")
    severity = _parse_styles(file, "severity", table.get("severity"), severities)
    return Palette(
        name=name,
        dark=dark,
        background=_parse_colour(file, "background", table.get("background")),
        panel=_parse_colour(file, "panel", table.get("panel")),
        text=_parse_style(file, "text", table.get("text")),
        muted=_parse_style(file, "muted", table.get("muted")),
        accent=_parse_style(file, "accent", table.get("accent")),
        # No dim text under the cursor: reversed dim text is hard to read.
        cursor=_parse_style(file, "cursor", table.get("cursor")) + Style(dim=False),
        sparkline=_parse_style(file, "sparkline", table.get("sparkline")),
        lost=_parse_style(file, "lost", table.get("lost")),
        severity=MappingProxyType({each: severity[each.word] for each in Severity}),
        fields=MappingProxyType(_parse_styles(file, "fields", table.get("fields"), FIELD_NAMES)),
    )


def _refuse_unknown(file: Path, section: str, table: Mapping[str, object], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise ConfigurationError(
                f'{file}: unknown key "{section}{key}"; expected one of {", ".join(known)}'
            )


def _parse_styles(file: Path, section: str, table: object, keys: tuple[str, ...]) -> dict[str, Style]:
    if not isinstance(table, dict):
        raise ConfigurationError(f"{file}: missing table [{section}] with the keys {', '.join(keys)}")
    _refuse_unknown(file, f"{section}.", table, keys)
    return {key: _parse_style(file, f"{section}.{key}", table.get(key)) for key in keys}


def _parse_style(file: Path, key: str, value: object) -> Style:
    if not isinstance(value, str) or not _STYLE.fullmatch(value):
        raise ConfigurationError(
            f'{file}: {key}: expected a style such as "#7cb7ff", "bold #ff6b57", "bright_red" or '
            '"bold #000000 on #ffffff"'
        )
    return Style.parse(value)


def _parse_colour(file: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not (value == "" or _COLOUR.fullmatch(value)):
        raise ConfigurationError(f'{file}: {key}: expected a colour "#rrggbb", or "" for the terminal\'s own')
    return value


def _textual_colour(style: Style) -> str:
    """The colour in Textual's notation, in which a plain "red" would be the web colour."""
    if style.color is None:
        return "ansi_default"
    return style.color.name if style.color.triplet else f"ansi_{style.color.name}"
