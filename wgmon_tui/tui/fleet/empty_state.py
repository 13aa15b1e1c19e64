"""What an empty fleet says: the ways to a first green row, with the keys that begin them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.config.servers_file import explain_not_writable
from wgmon_tui.tui.keys.actions import ACTIONS, Action
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

_WAYS = (
    ("import", "import a wg-quick file, of a client"),
    ("", "or paste its text right here"),
    ("new", "write a server by hand"),
    ("identities", "make an identity: a key pair for monitoring"),
)
_KEYS = (*(action for action, _ in _WAYS if action), "quit")
_DEMO = "wgmon-tui demo"


def first_steps(
    config_dir: Path | None, palette: Palette, glyphs: Glyphs, actions: Sequence[Action] = ACTIONS
) -> Text:
    """Keys where this account may write into `config_dir`; else who may, and what there is to watch."""
    refusal = explain_not_writable(config_dir) if config_dir else None
    text = Text("No server is watched yet.\n\n", palette.text)
    key = palette.accent + Style(bold=True)
    width = 3 + max(cell_len(key_of(action, actions)) for action in _KEYS)
    if refusal:
        text.append(f"{glyphs.clean(refusal)}\n\n", palette.text)
    elif config_dir:
        for action, purpose in _WAYS:
            text.append(f"  {key_of(action, actions) if action else '':<{width}}", key)
            text.append(f"{purpose}\n", palette.text)
        text.append("\n")
    text.append(f"  {key_of('quit', actions):<{width}}", key)
    text.append("leave; ", palette.text)
    text.append(_DEMO, palette.accent)
    text.append(" shows it at work\n", palette.text)
    return text
