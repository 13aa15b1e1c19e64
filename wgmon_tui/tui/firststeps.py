"""What an empty fleet says: the ways to a first green row, with the keys that begin them."""

from __future__ import annotations

from pathlib import Path

from rich.style import Style
from rich.text import Text

from wgmon_tui.fleet.servers_file import why_not_writable
from wgmon_tui.tui.glyphs import Glyphs
from wgmon_tui.tui.themes import Palette

_WAYS = (
    ("i", "import a wg-quick file, of a client"),
    ("", "or paste its text right here"),
    ("n", "write a server by hand"),
    ("K", "make an identity: a key pair of its own for monitoring"),
)
_DEMO = "wgmon-tui demo"


def first_steps(config_dir: Path | None, palette: Palette, glyphs: Glyphs) -> Text:
    """Keys where this account may write into `config_dir`; else who may, and what there is to watch."""
    refusal = why_not_writable(config_dir) if config_dir else None
    text = Text("No server is watched yet.\n\n", palette.text)
    key = palette.accent + Style(bold=True)
    if refusal:
        text.append(f"{glyphs.clean(refusal)}\n\n", palette.text)
    elif config_dir:
        for letter, purpose in _WAYS:
            text.append(f"  {letter:<4}", key)
            text.append(f"{purpose}\n", palette.text)
        text.append("\n")
    text.append("  q   ", key)
    text.append("leave; ", palette.text)
    text.append(_DEMO, palette.accent)
    text.append(" shows it at work\n", palette.text)
    return text
