"""Every key of the face, once. Bindings, key line, help screen, command palette and docs all read this table.

Only what works stands here: a key that is shown and does nothing costs more trust than a missing feature.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType

EVERYWHERE = "app"

MOVE = "Move"
SEE = "See"
CHECK = "Check"
FACE = "This program"
GROUPS = (MOVE, SEE, CHECK, FACE)
"""In the order of the help screen."""

_SHORT = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that an operator can do.

    `id` names it in a keymap. `keys` are in Textual's names, the one to show first. `screens` are those that
    have it, `EVERYWHERE` the app itself. `hint` puts it in the last line of the screen, `palette` in the
    command palette. `call` is the Textual action, where that is not the id: `action_<call>` on the screen.
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
        """The first key, as it is written for people."""
        return _SHORT.get(self.keys[0], self.keys[0])

    @property
    def shown(self) -> str:
        """All keys, as they are written for people."""
        return ", ".join(_SHORT.get(key, key) for key in self.keys)


_FLEET = ("fleet",)
_SERVER = ("server",)
_BOTH = ("fleet", "server")
_LINES = ("fleet", "server", "help")
_APP = (EVERYWHERE,)

# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("open", ("enter",), "open", "Open the server under the cursor", MOVE, _FLEET, hint=True),
    Action("back", ("escape",), "back", "Back to the fleet", MOVE, _SERVER, hint=True),
    Action("up", ("k", "up"), "up", "One line up", MOVE, _LINES),
    Action("down", ("j", "down"), "down", "One line down", MOVE, _LINES),
    Action("left", ("h", "left"), "left", "The field before", MOVE, _SERVER),
    Action("right", ("l", "right"), "right", "The field after", MOVE, _SERVER),
    Action("first", ("g", "home"), "first", "To the first line", MOVE, _LINES),
    Action("last", ("G", "end"), "last", "To the last line", MOVE, _LINES),
    Action("page_up", ("pageup", "ctrl+b"), "page up", "One page up", MOVE, _LINES),
    Action("page_down", ("pagedown", "ctrl+f"), "page down", "One page down", MOVE, _LINES),
    Action("previous_server", ("[",), "previous", "The server before, in the table's order", MOVE, _SERVER,
           hint=True),
    Action("next_server", ("]",), "next", "The server after, in the table's order", MOVE, _SERVER, hint=True),
    Action("next_tab", ("tab",), "next tab", "The next tab", MOVE, _SERVER, hint=True),
    Action("previous_tab", ("shift+tab",), "tab before", "The tab before", MOVE, _SERVER),
    Action("filter", ("/", "f"), "filter",
           "Show only what matches: a word, state:down, tag:eu, verdict:silent, name:fra; ! inverts",
           SEE, _FLEET, hint=True, palette=True),
    Action("keep", ("enter",), "keep", "Keep the filter and go back to the table", SEE, ("filter",),
           hint=True, call="submit"),
    Action("complete", ("tab", "right"), "complete", "Complete the word: a state, a verdict, a tag", SEE,
           ("filter",), hint=True, call="cursor_right"),
    Action("clear", ("escape",), "clear filter", "Clear the filter", SEE, _FLEET, hint=True),
    Action("sort", ("s",), "sort", "Choose the column to sort by", SEE, _FLEET, hint=True, palette=True),
    Action("sort_left", ("<",), "sort left", "Sort by the column to the left", SEE, _FLEET),
    Action("sort_right", (">",), "sort right", "Sort by the column to the right", SEE, _FLEET),
    Action("reverse", ("S",), "reverse", "Turn the order round", SEE, _FLEET, palette=True),
    Action("follow", ("f",), "follow", "Show the newest exchange again", SEE, _SERVER, hint=True),
    Action("address_before", ("<",), "address before", "The address before", SEE, _SERVER,
           call="address(-1)"),
    Action("address_after", (">",), "address after", "The address after", SEE, _SERVER, call="address(1)"),
    Action("compare", ("c",), "compare", "Mark what differs from the last good exchange", SEE, _SERVER,
           hint=True, palette=True),
    Action("copy", ("y",), "copy", "Copy the packet as hex; in the diagnosis, the next step", SEE,
           _SERVER, hint=True, palette=True),
    Action("recheck", ("r",), "re-check", "Check this server now", CHECK, _BOTH, hint=True, palette=True),
    Action("recheck_all", ("R",), "re-check all", "Check every server now", CHECK, _FLEET, palette=True),
    Action("pause", ("p",), "pause", "Stop checking this server, or go on", CHECK, _BOTH,
           hint=True, palette=True),
    Action("help", ("?", "f1"), "help", "Keys, verdicts, columns", FACE, _APP, hint=True),
    Action("next_theme", ("t",), "theme", "The next colour theme", FACE, _APP, hint=True, palette=True),
    Action("command_palette", ("ctrl+p",), "commands", "Find a command", FACE, _APP),
    Action("quit", ("q", "ctrl+q"), "quit", "Leave", FACE, _APP, hint=True, palette=True),
    Action("close", ("escape", "q", "?", "f1"), "close", "Close the help", MOVE, ("help",), hint=True),
    Action("cancel", ("escape", "q", "s"), "cancel", "Keep the order as it is", MOVE, ("sort",),
           call="close"),
    Action("sort_up", ("k",), "up", "One line up", MOVE, ("sort",), call="up"),
    Action("sort_down", ("j",), "down", "One line down", MOVE, ("sort",), call="down"),
)
# fmt: on


def actions_for(screen: str) -> tuple[Action, ...]:
    """What can be done on a screen ("fleet", "filter", "sort", "server", "help"), or everywhere."""
    return tuple(action for action in ACTIONS if screen in action.screens)


def bindings_for(screen: str) -> list[BindingType]:
    """The `BINDINGS` of a screen, or of the app (`EVERYWHERE`)."""
    return [
        Binding(
            ",".join(action.keys),
            action.call or action.id,
            action.label,
            show=action.hint,
            key_display=action.key,
            tooltip=action.help,
            id=action.id,
        )
        for action in actions_for(screen)
    ]
