"""Empty state of the fleet screen: the ways to add a first server, with their keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.config.servers_file import explain_not_writable
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

_WAYS = (
    ("add_first", "add a server: name, endpoint, public key"),
    ("import", "import a client's wg-quick file"),
    ("", "or paste its text right here"),
    ("new", "add a server with all its settings"),
    ("identities", "create an identity: a key pair for monitoring"),
)
_KEYS = (*(action for action, _ in _WAYS if action), "quit")
_DEMO = "wgmon-tui demo"
_OF_ANOTHER = "Another process checks. Add servers to the servers.toml that it reads."
_READ_ONLY = "Read only: servers appear here when the process that checks has some."


def first_steps(
    config_dir: Path | None,
    palette: Palette,
    glyphs: Glyphs,
    actions: Sequence[Action] = ACTIONS,
    *,
    read_only: bool = False,
    status: str = "",
) -> Text:
    """The first steps with their keys; or who can take them, if this process cannot.

    `status` names the process that checks, if it is another one.
    """
    reason = _READ_ONLY if read_only else _OF_ANOTHER if status else None
    refusal = reason or (explain_not_writable(config_dir) if config_dir else None)
    text = Text("No servers yet.\n\n", palette.text)
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
    text.append("quit; to see an example, run ", palette.text)
    text.append(f"{_DEMO}\n", palette.accent)
    return text
