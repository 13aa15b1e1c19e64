"""The table of actions: every key of the terminal UI, once.

Bindings, key hints, help screen, command palette and docs/keys.md all come from this table. It lists only
actions that work: a visible key without effect costs more trust than a missing feature.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding, BindingType

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


_FLEET = ("fleet",)
_SERVER = ("server",)
_INCIDENTS = ("incidents",)
_INCIDENT = ("incident",)
_ALERTS = ("alerts",)
_EXPIRIES = ("expiries",)
_SUBSCRIPTIONS = ("subscriptions",)
_NODES = ("nodes",)
_BOTH = ("fleet", "server")
_ALL = ("fleet", "server", "incidents")
_REPORTED = (*_ALL, "incident")
_PACKETS = ("server", "incident")
_FIRST_CHECK = ("first_check",)
_PATH = ("path",)
_SETTINGS = ("settings",)
_LINES = (
    "fleet", "server", "incidents", "incident", "alerts", "delivery", "expiries", "subscriptions", "nodes",
    "path", "identities", "rejected",
    "help", "explain", "first_check", "settings", "output",
)  # fmt: skip
_FORM = ("form",)
_IMPORT = ("import",)
_IDENTITIES = ("identities",)
_APP = (EVERYWHERE,)
_BEFORE_ALL_OTHERS = frozenset({"interrupt", "suspend"})
"""Actions that an input line or a dialog cannot take the key of."""

# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("take_over", ("T",), "take over", "Take over the checks: the process that ran them has ended",
           PROGRAM, _APP, hint=True),
    Action("open", ("enter",), "open",
           "Open the server under the cursor; on a group heading, fold or unfold the group", MOVE, _FLEET,
           hint=True),
    Action("open_past", ("enter",), "open",
           "Open the selected incident, or the packets of the selected failed check or vantage", MOVE,
           _SERVER, hint=True, call="open"),
    Action("open_incident", ("enter",), "open",
           "Open the incident under the cursor: its verdicts, evidence, packets, and who was notified", MOVE,
           _INCIDENTS, hint=True, call="open"),
    Action("open_its_server", ("enter",), "server", "Open the server of this incident, as it is now", MOVE,
           _INCIDENT, hint=True, call="open"),
    Action("open_alerted", ("enter",), "open",
           "Open this alert in full: the result with its whole reason, and the message", MOVE, _ALERTS,
           hint=True, call="open"),
    Action("open_alerted_server", ("enter",), "server", "Open the server of this alert", MOVE, ("delivery",),
           hint=True, call="open"),
    Action("open_expiring", ("enter",), "open", "Open the server of this certificate or key", MOVE,
           _EXPIRIES, hint=True, call="open"),
    Action("open_listed", ("enter",), "open", "Open the server under the cursor, if servers.toml has it",
           MOVE, _SUBSCRIPTIONS, hint=True, call="open"),
    Action("open_node", ("enter",), "open",
           "Open the server that checks this node; without one, its control plane", MOVE, _NODES, hint=True,
           call="open"),
    Action("copy_alert", ("y",), "copy", "Copy this alert with its result", SEE, ("delivery",), hint=True,
           call="copy_reason"),
    Action("back", ("escape",), "back", "Go back to the previous screen", MOVE,
           ("server", "incidents", "incident", "alerts", "delivery", "expiries", "subscriptions", "nodes",
            "path", "identities"),
           hint=True),
    Action("search", ("/",), "search", "Search the help: show only what has these words", SEE, ("help",),
           hint=True),
    Action("clear_search", ("escape",), "clear search", "Show the whole help again", SEE, ("help",),
           hint=True),
    Action("keep_search", ("enter",), "apply", "Keep what was found and leave the search line", SEE,
           ("search",), hint=True, call="submit"),
    Action("close", ("escape", "q", "?", "f1"), "close", "Close the help", MOVE, ("help",), hint=True),
    Action("up", ("k", "up"), "up", "Move one line up", MOVE, _LINES),
    Action("down", ("j", "down"), "down", "Move one line down", MOVE, _LINES),
    Action("left", ("h", "left"), "left", "Previous field or vantage; in the plot, earlier", MOVE, _PACKETS),
    Action("right", ("l", "right"), "right", "Next field or vantage; in the plot, later", MOVE, _PACKETS),
    Action("first", ("g", "home"), "first", "Go to the first line", MOVE, _LINES),
    Action("last", ("G", "end"), "last", "Go to the last line", MOVE, _LINES),
    Action("page_up", ("pageup", "ctrl+b"), "page up", "Move one page up", MOVE, _LINES),
    Action("page_down", ("pagedown", "ctrl+f"), "page down", "Move one page down", MOVE, _LINES),
    Action("previous_server", ("[",), "previous", "Open the previous server, in the order of the table", MOVE,
           _SERVER, hint=True),
    Action("next_server", ("]",), "next", "Open the next server, in the order of the table", MOVE, _SERVER,
           hint=True),
    Action("previous_exchange", ("[",), "earlier", "Show the exchange before this one", MOVE, _INCIDENT,
           hint=True),
    Action("next_exchange", ("]",), "later", "Show the exchange after this one", MOVE, _INCIDENT, hint=True),
    Action("diagnosis_down", ("}",), "diagnosis down", "On a wide terminal, scroll the diagnosis down", MOVE,
           _SERVER),
    Action("diagnosis_up", ("{",), "diagnosis up", "On a wide terminal, scroll the diagnosis up", MOVE,
           _SERVER),
    Action("next_tab", ("tab",), "next tab", "Show the next tab", MOVE, _PACKETS, hint=True),
    Action("previous_tab", ("shift+tab",), "previous tab", "Show the previous tab", MOVE, _PACKETS),
    Action("filter", ("/", "f"), "filter",
           "Show only what matches: a word, state:down, tag:eu, verdict:silent, name:fra, rtt>100, "
           "loss>5%, uptime<99.9, since<1h, is:marked, is:muted, vantage:nyc, downfrom:nyc, @saved, "
           "fra|ams, /^fra[12]/; ! inverts",
           SEE, _FLEET, hint=True, palette=True),
    Action("recheck", ("r",), "re-check", "Check this server, or the marked ones, now", CHECK, _BOTH,
           hint=True, palette=True),
    Action("sort", ("s",), "sort", "Choose the column to sort by", SEE, _FLEET, hint=True, palette=True),
    Action("invert", ("!",), "invert", "Invert the filter: show what it hides", SEE, _FLEET, palette=True),
    Action("filter_incidents", ("/", "f"), "filter",
           "Show only what matches: a word, open, acknowledged, flapping, state:down, tag:eu; ! inverts", SEE,
           _INCIDENTS, hint=True, palette=True, call="filter"),
    Action("filter_expiries", ("/", "f"), "filter",
           "Show only what matches: a word, ended, urgent, soon, valid, name:fra, tag:eu; ! inverts", SEE,
           _EXPIRIES, hint=True, palette=True, call="filter"),
    Action("sort_expiries", ("s",), "sort", "Sort by the next column", SEE, _EXPIRIES, hint=True,
           palette=True, call="sort"),
    Action("reverse_expiries", ("S",), "reverse", "Reverse the sort order", SEE, _EXPIRIES, palette=True,
           call="reverse"),
    Action("filter_nodes", ("/", "f"), "filter",
           "Show only what matches: a word, offline, watched, plane:office, tag:web, verdict:says; ! inverts",
           SEE, _NODES, hint=True, palette=True, call="filter"),
    Action("sort_nodes", ("s",), "sort", "Sort by the next column", SEE, _NODES, hint=True, palette=True,
           call="sort"),
    Action("reverse_nodes", ("S",), "reverse", "Reverse the sort order", SEE, _NODES, palette=True,
           call="reverse"),
    Action("keep", ("enter",), "apply", "Apply the filter and go back to the table", SEE, ("filter",),
           hint=True, call="submit"),
    Action("complete", ("tab", "right"), "complete", "Complete the word: a state, verdict or tag", SEE,
           ("filter",), hint=True, call="cursor_right"),
    Action("older_line", ("up",), "older", "Previous filter, then the saved filters", SEE, ("filter",),
           hint=True),
    Action("newer_line", ("down",), "newer", "Next filter", SEE, ("filter",)),
    Action("clear", ("escape",), "clear filter", "Clear the filter", SEE, _FLEET, hint=True),
    Action("incidents", ("I",), "incidents", "Show the incidents of the whole fleet, newest first", SEE,
           _FLEET, hint=True, palette=True),
    Action("alerts", ("A",), "alerts",
           "Show alerts: sent, pending and failed, with the reason", SEE, _FLEET,
           palette=True),
    Action("expiries", ("X",), "expiry dates",
           "Show until when certificates and keys of the whole fleet are valid", SEE, _FLEET, palette=True),
    Action("subscriptions", ("U",), "subscriptions",
           "Show the lists of providers: new, changed and removed servers", SEE, _FLEET, palette=True),
    Action("nodes", ("N",), "nodes",
           "Show the nodes that control planes report, beside what is true", SEE, _BOTH, palette=True),
    Action("watch_node", ("w",), "watch",
           "Say which rule watches this node; watch it by name, or stop that; asks first", CHANGE, _NODES,
           hint=True, palette=True, call="watch"),
    Action("fetch_list", ("r",), "fetch", "Fetch the list under the cursor now, and compare it", CHECK,
           _SUBSCRIPTIONS, hint=True, palette=True, call="fetch"),
    Action("apply_list", ("a",), "apply", "Write what differs to servers.toml; asks first", CHANGE,
           _SUBSCRIPTIONS, hint=True, palette=True, call="apply"),
    Action("test_sink", ("t",), "test", "Send a test alert to the sink under the cursor", CHECK, _ALERTS,
           hint=True, palette=True, call="test"),
    Action("retry", ("r",), "retry", "Retry the failed delivery now; on a sink, its oldest failed one", CHECK,
           _ALERTS, hint=True, palette=True),
    Action("see", ("a",), "acknowledge",
           "Acknowledge failed deliveries (this one, or all for this sink) and clear the warning in the "
           "top line",
           CHECK, _ALERTS, hint=True, palette=True),
    Action("acknowledge", ("a",), "acknowledge", "Acknowledge the open incident, with an optional note",
           CHECK, _REPORTED, hint=True, palette=True),
    Action("zoom_in", ("+", "="), "zoom in", "Plot a shorter time", SEE, _SERVER, hint=True),
    Action("zoom_out", ("-",), "zoom out", "Plot a longer time", SEE, _SERVER, hint=True),
    Action("now", ("0",), "now", "Move the plot to the present", SEE, _SERVER, hint=True),
    Action("next_vantage", ("v",), "vantage", "Show the history or the plot as the next vantage sees it", SEE,
           _SERVER, hint=True),
    Action("copy_summary", ("y",), "report",
           "Copy a report: problem, since when, evidence, next commands", SEE, _REPORTED,
           hint=True, palette=True),
    Action("copy_markdown", ("Y",), "report in Markdown", "Copy the same report in Markdown", SEE, _REPORTED,
           palette=True),
    Action("copy_command", ("$",), "copy command", "Copy the next command to type, without any other text",
           SEE, (*_REPORTED, "first_check"), hint=True, palette=True),
    Action("explain", ("x",), "explain",
           "Explain the verdict under the cursor: meaning, evidence, what to do; and the columns", SEE,
           _REPORTED, hint=True, palette=True),
    Action("trace_path", ("P",), "path",
           "Trace the path to this server hop by hop, with the packets of WireGuard itself", CHECK, _SERVER,
           hint=True, palette=True),
    Action("mark", ("space",), "mark",
           "Mark or unmark the server for the next action; on a group heading, its whole group", CHECK,
           _FLEET, hint=True),
    Action("mark_shown", ("+",), "mark all", "Mark every server that the table shows", CHECK, _FLEET,
           palette=True),
    Action("unmark", ("-",), "unmark all", "Remove all marks", CHECK, _FLEET, hint=True, palette=True),
    Action("mute", ("m",), "mute", "Mute alerts for this server, or for the marked ones", CHECK, _BOTH,
           hint=True, palette=True),
    Action("unmute", ("M",), "unmute", "Send alerts for this server again", CHECK, _BOTH, hint=True,
           palette=True),
    Action("sort_left", ("<",), "sort left", "Sort by the column to the left", SEE, _FLEET),
    Action("sort_right", (">",), "sort right", "Sort by the column to the right", SEE, _FLEET),
    Action("reverse", ("S",), "reverse", "Reverse the sort order", SEE, _FLEET, palette=True),
    Action("group", ("z",), "group by tag", "Group the servers by tag, with totals; press again to ungroup",
           SEE, _FLEET, palette=True),
    Action("preview", ("v",), "preview",
           "Show or hide the preview of the line under the cursor; this is remembered", SEE, _FLEET,
           hint=True, palette=True),
    Action("fold_all", ("Z",), "fold all", "Fold all groups; press again to unfold them", SEE, _FLEET,
           palette=True),
    Action("follow", ("f",), "follow", "Follow the newest exchange again", SEE, _SERVER, hint=True),
    Action("address_before", ("<",), "previous address", "Show the previous address", SEE, _PACKETS,
           call="address(-1)"),
    Action("address_after", (">",), "next address", "Show the next address", SEE, _PACKETS,
           call="address(1)"),
    Action("compare", ("c",), "compare", "Highlight what differs from the last good exchange", SEE, _PACKETS,
           hint=True, palette=True),
    Action("copy", ("C",), "copy", "Copy the packet as hex; in the diagnosis, the next command to type", SEE,
           _PACKETS, hint=True, palette=True),
    Action("write", ("w",), "write",
           "Write what is shown to files: an exchange as pcapng and JSON, with its report; lists as CSV "
           "and JSON",
           SEE, _REPORTED, palette=True),
    Action("inspect", ("i",), "ask server",
           "Ask the server how it sees this machine; compare its key, port and peers with servers.toml",
           CHECK, _SERVER, hint=True, palette=True),
    Action("trace_again", ("r",), "trace again", "Trace the path again", CHECK, _PATH, hint=True,
           palette=True),
    Action("copy_path", ("y",), "copy", "Copy the path as text", SEE, _PATH, hint=True, palette=True),
    Action("name_hops", ("n",), "names", "Look up the names of the hops in DNS", SEE, _PATH, hint=True,
           palette=True),
    Action("trace_before", ("<",), "previous address", "Trace the previous address of the name", CHECK,
           _PATH, call="trace_address(-1)"),
    Action("trace_after", (">",), "next address", "Trace the next address of the name", CHECK, _PATH,
           hint=True, call="trace_address(1)"),
    Action("note", ("n",), "note", "Add a note to the incident", CHECK, (*_INCIDENTS, *_INCIDENT), hint=True,
           palette=True),
    Action("recheck_all", ("R",), "re-check all", "Check every server now", CHECK, _FLEET, palette=True),
    Action("pause", ("p",), "pause", "Pause or resume this server, or the marked ones", CHECK,
           _BOTH, hint=True, palette=True),
    Action("add_first", ("enter",), "first server", "Add a first server: name, endpoint and public key",
           CHANGE, _FLEET, hint=True, palette=True),
    Action("copy_peer_line", ("y", "c"), "copy line", "Copy the line to type on the server", SEE,
           _FIRST_CHECK, hint=True, call="copy_line"),
    Action("check_first", ("r",), "re-check", "Check the new server now", CHECK, _FIRST_CHECK, hint=True,
           call="recheck"),
    Action("open_first", ("enter",), "open", "Open the page of the new server", MOVE, _FIRST_CHECK, hint=True,
           call="open"),
    Action("close_first", ("escape", "q"), "fleet", "Go to the fleet; checks go on", MOVE, _FIRST_CHECK,
           hint=True, call="close"),
    Action("new", ("n",), "new", "Add a server; the form accepts a pasted wg-quick file", CHANGE, _FLEET,
           hint=True, palette=True),
    Action("edit", ("e",), "edit", "Edit this server", CHANGE, _BOTH, hint=True, palette=True),
    Action("duplicate", ("D",), "duplicate", "Add a server that starts as a copy of this one", CHANGE, _BOTH,
           palette=True),
    Action("delete", ("d",), "delete",
           "Delete this server, or the marked ones; asks first", CHANGE, _BOTH,
           palette=True),
    Action("new_identity", ("n",), "new", "Generate a key pair, or import one", CHANGE, _IDENTITIES,
           hint=True, palette=True, call="new"),
    Action("edit_identity", ("e", "enter"), "edit", "Edit its tunnel addresses", CHANGE, _IDENTITIES,
           hint=True, call="edit"),
    Action("delete_identity", ("d",), "delete", "Delete this identity from servers.toml; asks first", CHANGE,
           _IDENTITIES, hint=True, call="delete"),
    Action("copy_stanza", ("y",), "copy",
           "Copy the [Peer] section that a server needs to accept this identity", SEE, _IDENTITIES, hint=True,
           call="copy"),
    Action("undo", ("u",), "undo", "Restore what was deleted last", CHANGE, ("fleet", "identities"),
           hint=True, palette=True),
    Action("import", ("i",), "import", "Import servers from wg-quick files", CHANGE, _FLEET, palette=True,
           call="import_files"),
    Action("identities", ("K",), "identities", "Show the key pairs that checks use", CHANGE, _FLEET,
           palette=True),
    Action("edit_file", ("E",), "editor", "Open servers.toml in $VISUAL or $EDITOR", CHANGE, _FLEET,
           palette=True),
    Action("save", ("ctrl+s",), "save", "Save to servers.toml", CHANGE, _FORM, hint=True),
    Action("next_field", ("tab", "down"), "next", "Go to the next field", MOVE, _FORM, hint=True),
    Action("enter_field", ("enter",), "next", "Go to the next field; on a choice, open it", MOVE, _FORM,
           call="enter"),
    Action("previous_field", ("shift+tab", "up"), "previous", "Go to the previous field", MOVE, _FORM),
    Action("leave", ("escape",), "leave", "Go back; asks first if changes would be lost", MOVE, _FORM,
           hint=True),
    Action("leave_program", ("ctrl+q",), "quit", "Quit; asks first if changes would be lost", PROGRAM, _FORM),
    Action("take_in", ("ctrl+s", "enter"), "import", "Add the servers shown to servers.toml", CHANGE, _IMPORT,
           hint=True),
    Action("complete_path", ("tab",), "complete", "Complete the path; if it is complete, go to the next line",
           SEE, _IMPORT, hint=True),
    Action("import_next", ("down",), "next", "Go to the next field", MOVE, _IMPORT, hint=True,
           call="next_field"),
    Action("import_previous", ("up", "shift+tab"), "previous", "Go to the previous field", MOVE, _IMPORT,
           call="previous_field"),
    Action("import_page_down", ("pagedown",), "page down", "Scroll the preview one page down", MOVE, _IMPORT,
           call="page_down"),
    Action("import_page_up", ("pageup",), "page up", "Scroll the preview one page up", MOVE, _IMPORT,
           call="page_up"),
    Action("leave_import", ("escape",), "leave", "Go back without importing", MOVE, _IMPORT, hint=True,
           call="leave"),
    Action("form_help", ("f1",), "help", "Explain every field", PROGRAM, ("form", "import"), hint=True,
           call="app.help"),
    Action("edit_again", ("e", "enter"), "edit again", "Open the editor again at the error", CHANGE,
           ("rejected",), hint=True),
    Action("keep_last_good", ("escape", "q"), "keep the previous file",
           "Leave servers.toml unchanged; your edit stays in a file in the same directory", CHANGE,
           ("rejected",), hint=True),
    Action("copy_peer", ("y",), "copy", "Copy the section", SEE, ("stanza",), hint=True, call="copy"),
    Action("stanza_done", ("escape", "enter", "q"), "continue", "Continue", MOVE, ("stanza",), hint=True,
           call="close"),
    Action("copy_output", ("y",), "copy", "Copy the output", SEE, ("output",), hint=True),
    Action("end_command", ("x",), "end", "End the command, as ctrl+c does in a terminal", CHANGE, ("output",),
           hint=True),
    Action("close_output", ("escape", "q"), "close", "Go back; asks first while the command runs", MOVE,
           ("output",), hint=True),
    Action("yes", ("y",), "yes", "Yes", CHANGE, ("question",)),
    Action("no", ("n",), "no", "No", CHANGE, ("question",)),
    Action("neither", ("escape", "q"), "cancel", "Cancel: change nothing", CHANGE, ("question",)),
    Action("change_setting", ("enter", "space", "right", "l"), "change",
           "Next value of the setting; show or hide the column", SEE, _SETTINGS, hint=True, call="change(1)"),
    Action("change_setting_back", ("left", "h"), "previous value", "Previous value of the setting", SEE,
           _SETTINGS, call="change(-1)"),
    Action("column_earlier", ("<",), "move left", "Move the column to the left", SEE, _SETTINGS, hint=True,
           call="move(-1)"),
    Action("column_later", (">",), "move right", "Move the column to the right", SEE, _SETTINGS, hint=True,
           call="move(1)"),
    Action("forget_setting", ("backspace", "d"), "forget",
           "Forget the choice: config.toml decides again, or the program", SEE, _SETTINGS, hint=True,
           call="forget"),
    Action("close_settings", ("escape", "q", "O"), "back", "Go back to the previous screen", MOVE,
           _SETTINGS, hint=True, call="close"),
    Action("help", ("?", "f1"), "help", "Show keys, verdicts and columns", PROGRAM, _APP, hint=True),
    Action("choose_theme", ("t",), "theme", "Choose a theme, with a preview; this is remembered",
           PROGRAM, _APP, hint=True, palette=True),
    Action("low_bandwidth", ("L",), "low bandwidth",
           "For slow links: fewer repaints, no mouse; press again to end", PROGRAM, _APP,
           palette=True),
    Action("settings", ("O",), "settings",
           "Choose theme, columns, low bandwidth and preview; config.toml is not changed", PROGRAM, _APP,
           palette=True),
    Action("command_palette", ("ctrl+p",), "commands", "Find a command", PROGRAM, _APP),
    Action("quit", ("q", "ctrl+q"), "quit", "Quit", PROGRAM, _APP, hint=True, palette=True),
    Action("interrupt", ("ctrl+c",), "quit",
           "Quit from anywhere; press it twice if something is not saved. Copies text selected by mouse",
           PROGRAM, _APP),
    Action("suspend", ("ctrl+z",), "suspend", "Stop the program and go to the shell; fg returns", PROGRAM,
           _APP),
    Action("keep_note", ("enter",), "save", "Save the note", CHECK, ("note",), hint=True, call="submit"),
    Action("cancel_note", ("escape",), "cancel", "Cancel: change nothing", CHECK, ("note",), hint=True,
           call="cancel"),
    Action("keep_mute", ("enter",), "mute", "Mute alerts until this time", CHECK, ("mute",), hint=True,
           call="submit"),
    Action("next_preset", ("tab", "down"), "next time", "Next suggested time", CHECK, ("mute",), hint=True),
    Action("previous_preset", ("shift+tab", "up"), "previous time", "Previous suggested time", CHECK,
           ("mute",)),
    Action("cancel_mute", ("escape",), "cancel", "Cancel: change nothing", CHECK, ("mute",), hint=True,
           call="cancel"),
    Action("close_explanation", ("escape", "q", "x", "enter"), "close", "Close the explanation", MOVE,
           ("explain",), hint=True, call="close"),
    Action("cancel", ("escape", "q", "s"), "cancel", "Cancel: keep the current sort order", MOVE, ("sort",),
           call="close"),
    Action("sort_up", ("k",), "up", "Move one line up", MOVE, ("sort", "theme"), call="up"),
    Action("sort_down", ("j",), "down", "Move one line down", MOVE, ("sort", "theme"), call="down"),
    Action("keep_theme", ("escape", "q", "t"), "cancel", "Cancel: keep the previous theme", MOVE, ("theme",),
           call="close"),
)
# fmt: on


def actions_for(screen: str, actions: Sequence[Action] = ACTIONS) -> tuple[Action, ...]:
    """The actions of a screen ("fleet", "server", "incidents", "form", "filter" …), or of `EVERYWHERE`."""
    return tuple(action for action in actions if screen in action.screens)


def bindings_for(screen: str) -> list[BindingType]:
    """The Textual `BINDINGS` of a screen, or of the app (`EVERYWHERE`)."""
    return [
        Binding(
            ",".join(action.keys),
            action.call or action.id,
            action.label,
            show=action.hint,
            key_display=action.key,
            tooltip=action.help,
            id=action.id,
            priority=action.id in _BEFORE_ALL_OTHERS,
        )
        for action in actions_for(screen)
    ]
