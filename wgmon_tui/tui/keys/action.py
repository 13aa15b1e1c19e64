"""One action of the operator, and the groups of the help screen."""

from __future__ import annotations

from wgmon_tui.records import dataclass

EVERYWHERE = "app"

MOVE = "Move"
SEE = "See"
CHECK = "Check"
CHANGE = "Change"
OWN = "Your commands"
PROGRAM = "This program"
GROUPS = (MOVE, SEE, CHECK, CHANGE, OWN, PROGRAM)
"""Groups in the order of the help screen."""

SHORT_KEYS = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}
"""How keys with a long name are displayed."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the operator.

    `id` is its name in a keymap. `keys` are Textual key names; the first one is displayed. `screens` are the
    screens that have it, or `EVERYWHERE` for the app. `hint` shows it in the last line of the screen,
    `palette` in the command palette. `call` is the Textual action if that is not the id: `action_<call>`.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    screens: tuple[str, ...]
    hint: bool = False
    palette: bool = False
    call: str = ""

    @property
    def key(self) -> str:
        """The first key, as displayed."""
        return SHORT_KEYS.get(self.keys[0], self.keys[0])

    @property
    def shown(self) -> str:
        """All keys, as displayed."""
        return ", ".join(SHORT_KEYS.get(key, key) for key in self.keys)
