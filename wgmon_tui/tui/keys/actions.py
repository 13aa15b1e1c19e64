"""Every key of the face, once. Bindings, key line, help screen, command palette and docs all read this table.

Only what works stands here: a key that is shown and does nothing costs more trust than a missing feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

EVERYWHERE = "app"

MOVE = "Move"
SEE = "See"
CHECK = "Check"
CHANGE = "Change"
PROGRAM = "This program"
GROUPS = (MOVE, SEE, CHECK, CHANGE, PROGRAM)
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
_INCIDENTS = ("incidents",)
_ALERTS = ("alerts",)
_BOTH = ("fleet", "server")
_ALL = ("fleet", "server", "incidents")
_LINES = ("fleet", "server", "incidents", "alerts", "identities", "rejected", "help", "explain")
_FORM = ("form",)
_IMPORT = ("import",)
_IDENTITIES = ("identities",)
_APP = (EVERYWHERE,)

# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("take_over", ("T",), "take over", "Check and write from here: the writer has ended", PROGRAM, _APP,
           hint=True),
    Action("open", ("enter",), "open",
           "Open the server under the cursor; fold or unfold the group whose heading is there", MOVE, _FLEET,
           hint=True),
    Action("open_past", ("enter",), "open",
           "Open the packets of the incident, the failed check or the vantage that is chosen", MOVE, _SERVER,
           hint=True, call="open"),
    Action("open_incident", ("enter",), "open", "Open the server of the incident under the cursor", MOVE,
           _INCIDENTS, hint=True, call="open"),
    Action("open_alerted", ("enter",), "open", "Open the server that the alert is about", MOVE, _ALERTS,
           hint=True, call="open"),
    Action("back", ("escape",), "back", "Back to where you came from", MOVE,
           ("server", "incidents", "alerts", "identities"), hint=True),
    Action("close", ("escape", "q", "?", "f1"), "close", "Close the help", MOVE, ("help",), hint=True),
    Action("up", ("k", "up"), "up", "One line up", MOVE, _LINES),
    Action("down", ("j", "down"), "down", "One line down", MOVE, _LINES),
    Action("left", ("h", "left"), "left", "The field or the vantage before; in the plot, earlier", MOVE,
           _SERVER),
    Action("right", ("l", "right"), "right", "The field or the vantage after; in the plot, later", MOVE,
           _SERVER),
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
           "Show only what matches: a word, state:down, tag:eu, verdict:silent, name:fra, rtt>100, loss>5%, "
           "uptime<99.9, since<1h, is:marked, is:muted, vantage:nyc, downfrom:nyc, @saved; ! inverts", SEE,
           _FLEET, hint=True, palette=True),
    Action("recheck", ("r",), "re-check", "Check this server now, or the marked ones", CHECK, _BOTH,
           hint=True, palette=True),
    Action("sort", ("s",), "sort", "Choose the column to sort by", SEE, _FLEET, hint=True, palette=True),
    Action("invert", ("!",), "invert", "Show what the filter hides, and hide what it shows", SEE, _FLEET,
           palette=True),
    Action("filter_incidents", ("/", "f"), "filter",
           "Show only what matches: a word, open, acknowledged, flapping, state:down, tag:eu; ! inverts",
           SEE, _INCIDENTS, hint=True, palette=True, call="filter"),
    Action("keep", ("enter",), "keep", "Keep the filter and go back to the table", SEE, ("filter",),
           hint=True, call="submit"),
    Action("complete", ("tab", "right"), "complete", "Complete the word: a state, a verdict, a tag", SEE,
           ("filter",), hint=True, call="cursor_right"),
    Action("older_line", ("up",), "older", "The filter before, then the saved ones", SEE, ("filter",),
           hint=True),
    Action("newer_line", ("down",), "newer", "The filter after", SEE, ("filter",)),
    Action("clear", ("escape",), "clear filter", "Clear the filter", SEE, _FLEET, hint=True),
    Action("incidents", ("I",), "incidents", "The incidents of the whole fleet, the newest first", SEE,
           _FLEET, hint=True, palette=True),
    Action("alerts", ("A",), "alerts", "What was told to whom, what waits, what failed and why", SEE, _FLEET,
           palette=True),
    Action("test_sink", ("t",), "test", "Send a test to the sink under the cursor", CHECK, _ALERTS, hint=True,
           palette=True, call="test"),
    Action("retry", ("r",), "try again", "Send what failed again, now; of a sink the oldest first", CHECK,
           _ALERTS, hint=True, palette=True),
    Action("see", ("a",), "seen",
           "Say that you know what was given up: this alert, or all of the sink; it leaves the line on top",
           CHECK, _ALERTS, hint=True, palette=True),
    Action("acknowledge", ("a",), "acknowledge",
           "Say that you know of the open incident, with a note if you like", CHECK, _ALL, hint=True,
           palette=True),
    Action("copy_summary", ("y",), "report",
           "Copy a report to paste: what is wrong, since when, how we know it, what to type", SEE, _ALL,
           hint=True, palette=True),
    Action("copy_markdown", ("Y",), "report in Markdown", "Copy the same report in Markdown", SEE, _ALL,
           palette=True),
    Action("explain", ("x",), "explain",
           "What the verdict under the cursor means, how it is told, what to do; and what each column says",
           SEE, _ALL, hint=True, palette=True),
    Action("mark", ("space",), "mark",
           "Mark the server for what is done next, or take the mark away; on a heading, its whole group",
           CHECK, _FLEET, hint=True),
    Action("mark_shown", ("+",), "mark all", "Mark every server that the filter shows", CHECK, _FLEET,
           palette=True),
    Action("unmark", ("-",), "no marks", "Take all marks away", CHECK, _FLEET, hint=True, palette=True),
    Action("mute", ("m",), "mute", "Tell nobody of this server for a time; of the marked ones, if any are",
           CHECK, _BOTH, hint=True, palette=True),
    Action("unmute", ("M",), "unmute", "Tell of it again", CHECK, _BOTH, hint=True, palette=True),
    Action("sort_left", ("<",), "sort left", "Sort by the column to the left", SEE, _FLEET),
    Action("sort_right", (">",), "sort right", "Sort by the column to the right", SEE, _FLEET),
    Action("reverse", ("S",), "reverse", "Turn the order round", SEE, _FLEET, palette=True),
    Action("group", ("z",), "group by tag", "Show the servers under their tags, with totals, or not", SEE,
           _FLEET, palette=True),
    Action("fold_all", ("Z",), "fold all", "Show the headings of the groups only, or everything", SEE, _FLEET,
           palette=True),
    Action("follow", ("f",), "follow", "Show the newest exchange again", SEE, _SERVER, hint=True),
    Action("zoom_in", ("+", "="), "narrower", "Plot less time", SEE, _SERVER, hint=True),
    Action("zoom_out", ("-",), "wider", "Plot more time", SEE, _SERVER, hint=True),
    Action("now", ("0",), "now", "Plot up to now", SEE, _SERVER, hint=True),
    Action("address_before", ("<",), "address before", "The address before", SEE, _SERVER,
           call="address(-1)"),
    Action("address_after", (">",), "address after", "The address after", SEE, _SERVER, call="address(1)"),
    Action("compare", ("c",), "compare", "Mark what differs from the last good exchange", SEE, _SERVER,
           hint=True, palette=True),
    Action("copy", ("C",), "copy", "Copy the packet as hex; in the diagnosis, what to type next", SEE,
           _SERVER, hint=True, palette=True),
    Action("write", ("w",), "write",
           "Write what is shown to files: the exchange as pcapng and JSON, with the report beside it; lists "
           "as CSV and JSON",
           SEE, _ALL, palette=True),
    Action("inspect", ("i",), "ask",
           "Ask the server how it sees us: its key, port and peers beside our file", CHECK, _SERVER,
           hint=True, palette=True),
    Action("note", ("n",), "note", "Write a note beside the incident", CHECK, _INCIDENTS, hint=True,
           palette=True),
    Action("recheck_all", ("R",), "re-check all", "Check every server now", CHECK, _FLEET, palette=True),
    Action("pause", ("p",), "pause", "Stop checking this server or the marked ones, or go on", CHECK, _BOTH,
           hint=True, palette=True),
    Action("new", ("n",), "new", "Write a new server, or paste its wg-quick file into the form", CHANGE,
           _FLEET, hint=True, palette=True),
    Action("edit", ("e",), "edit", "Change this server", CHANGE, _BOTH, hint=True, palette=True),
    Action("duplicate", ("D",), "duplicate", "Write a new server that begins as this one", CHANGE, _BOTH,
           palette=True),
    Action("delete", ("d",), "delete", "Take this server or the marked ones out of servers.toml; asks",
           CHANGE, _BOTH, palette=True),
    Action("new_identity", ("n",), "new", "Make a key pair, or bring one in", CHANGE, _IDENTITIES, hint=True,
           palette=True, call="new"),
    Action("edit_identity", ("e", "enter"), "edit", "Change its tunnel addresses", CHANGE, _IDENTITIES,
           hint=True, call="edit"),
    Action("delete_identity", ("d",), "delete", "Take this identity out of servers.toml; asks", CHANGE,
           _IDENTITIES, hint=True, call="delete"),
    Action("copy_stanza", ("y",), "copy", "Copy the [Peer] section that lets it in on a server", SEE,
           _IDENTITIES, hint=True, call="copy"),
    Action("undo", ("u",), "undo", "Bring back what was deleted last", CHANGE, ("fleet", "identities"),
           hint=True, palette=True),
    Action("import", ("i",), "import", "Take servers from wg-quick files", CHANGE, _FLEET, palette=True,
           call="import_files"),
    Action("identities", ("K",), "identities", "The key pairs with which we check", CHANGE, _FLEET,
           palette=True),
    Action("edit_file", ("E",), "editor", "Open servers.toml in $VISUAL or $EDITOR", CHANGE, _FLEET,
           palette=True),
    Action("save", ("ctrl+s",), "save", "Write it to servers.toml", CHANGE, _FORM, hint=True),
    Action("next_field", ("tab", "down"), "next", "The field below", MOVE, _FORM,
           hint=True),
    Action("enter_field", ("enter",), "next", "The field below; opens what is behind a choice", MOVE, _FORM,
           call="enter"),
    Action("previous_field", ("shift+tab", "up"), "previous", "The field above", MOVE, _FORM),
    Action("leave", ("escape",), "leave", "Back; asks where something would be lost", MOVE, _FORM, hint=True),
    Action("leave_program", ("ctrl+q",), "quit", "Leave the program; asks where something would be lost",
           PROGRAM, _FORM),
    Action("take_in", ("ctrl+s", "enter"), "import", "Add what is shown to servers.toml", CHANGE, _IMPORT,
           hint=True),
    Action("complete_path", ("tab",), "complete", "Complete the path", SEE, _IMPORT, hint=True),
    Action("leave_import", ("escape",), "leave", "Back without importing", MOVE, _IMPORT, hint=True,
           call="leave"),
    Action("form_help", ("f1",), "help", "What every field means", PROGRAM, ("form", "import"), hint=True,
           call="app.help"),
    Action("edit_again", ("e", "enter"), "edit again", "Go on where the error is", CHANGE, ("rejected",),
           hint=True),
    Action("keep_last_good", ("escape", "q"), "keep the last good one",
           "Leave servers.toml as it was; what you wrote stays beside it", CHANGE, ("rejected",), hint=True),
    Action("copy_peer", ("y",), "copy", "Copy the section", SEE, ("stanza",), hint=True, call="copy"),
    Action("stanza_done", ("escape", "enter", "q"), "go on", "Go on", MOVE, ("stanza",), hint=True,
           call="close"),
    Action("yes", ("y",), "yes", "Do it", CHANGE, ("question",)),
    Action("no", ("n",), "no", "The other way", CHANGE, ("question",)),
    Action("neither", ("escape", "q"), "cancel", "Leave everything as it is", CHANGE, ("question",)),
    Action("help", ("?", "f1"), "help", "Keys, verdicts, columns", PROGRAM, _APP, hint=True),
    Action("choose_theme", ("t",), "theme", "Choose the colours; each is shown while the cursor is on it",
           PROGRAM, _APP, hint=True, palette=True),
    Action("low_bandwidth", ("L",), "low bandwidth",
           "Paint less often and leave the mouse alone, for a slow link; again: as usual", PROGRAM, _APP,
           palette=True),
    Action("command_palette", ("ctrl+p",), "commands", "Find a command", PROGRAM, _APP),
    Action("quit", ("q", "ctrl+q"), "quit", "Leave", PROGRAM, _APP, hint=True, palette=True),
    Action("keep_note", ("enter",), "keep", "Keep the note", CHECK, ("note",), hint=True, call="submit"),
    Action("cancel_note", ("escape",), "cancel", "Leave everything as it is", CHECK, ("note",), hint=True,
           call="cancel"),
    Action("keep_mute", ("enter",), "mute", "Mute until then", CHECK, ("mute",), hint=True, call="submit"),
    Action("next_preset", ("tab", "down"), "other time", "The next of the usual times", CHECK, ("mute",),
           hint=True),
    Action("previous_preset", ("shift+tab", "up"), "time before", "The usual time before", CHECK, ("mute",)),
    Action("cancel_mute", ("escape",), "cancel", "Leave everything as it is", CHECK, ("mute",), hint=True,
           call="cancel"),
    Action("close_explanation", ("escape", "q", "x", "enter"), "close", "Close the explanation", MOVE,
           ("explain",), hint=True, call="close"),
    Action("cancel", ("escape", "q", "s"), "cancel", "Keep the order as it is", MOVE, ("sort",),
           call="close"),
    Action("sort_up", ("k",), "up", "One line up", MOVE, ("sort", "theme"), call="up"),
    Action("sort_down", ("j",), "down", "One line down", MOVE, ("sort", "theme"), call="down"),
    Action("keep_theme", ("escape", "q", "t"), "cancel", "The colours as they were", MOVE, ("theme",),
           call="close"),
)
# fmt: on


def actions_for(screen: str, actions: Sequence[Action] = ACTIONS) -> tuple[Action, ...]:
    """What can be done on a screen ("fleet", "server", "incidents", "form", "filter" …), or everywhere."""
    return tuple(action for action in actions if screen in action.screens)


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
