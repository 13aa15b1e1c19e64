"""Read-only dashboard: which actions it refuses, and the app that refuses them.

A read-only dashboard shows what is stored. It sends no packet and no request, starts no program and writes no
file. So an action is refused if it does any of that. The clipboard of the terminal is not a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.actions import ActionParseResult
from textual.app import App
from textual.dom import DOMNode

from wgmon_tui.tui.keys.action import EVERYWHERE, Action
from wgmon_tui.tui.keys.actions import actions_for

CHANGING = frozenset(
    {
        *("acknowledge", "mute", "unmute", "note", "pause", "keep_note", "keep_mute"),
        *("recheck", "recheck_all", "inspect", "take_over"),
        *("test_sink", "retry", "see"),
        *(
            "add_first",
            "check_first",
            "new",
            "edit",
            "duplicate",
            "delete",
            "undo",
            "import",
            "take_in",
            "save",
        ),
        *("new_identity", "edit_identity", "delete_identity"),
        *("edit_file", "edit_again", "keep_last_good"),
        *("trace_path", "trace_again", "trace_before", "trace_after", "name_hops"),
        *("end_command", "write", "fetch_list", "apply_list", "watch_node"),
    }
)
"""Actions that change something outside this dashboard."""

VIEWING = frozenset(
    {
        *("open", "open_past", "open_incident", "open_its_server", "open_alerted"),
        *("expiries", "open_expiring", "filter_expiries", "sort_expiries", "reverse_expiries"),
        *("subscriptions", "open_listed"),
        *("nodes", "open_node", "filter_nodes", "sort_nodes", "reverse_nodes"),
        *("incidents", "alerts", "identities", "explain", "help", "form_help"),
        *("back", "close", "cancel", "close_explanation", "leave", "leave_import", "stanza_done"),
        *("up", "down", "left", "right", "first", "last", "page_up", "page_down", "sort_up", "sort_down"),
        *("previous_server", "next_server", "previous_exchange", "next_exchange", "next_tab", "previous_tab"),
        *("address_before", "address_after", "compare", "follow", "zoom_in", "zoom_out", "now"),
        "next_vantage",
        *("filter", "filter_incidents", "invert", "keep", "complete", "older_line", "newer_line", "clear"),
        *("sort", "sort_left", "sort_right", "reverse", "group", "fold_all"),
        *("mark", "mark_shown", "unmark"),
        *("copy", "copy_summary", "copy_markdown", "copy_stanza", "copy_peer", "copy_peer_line"),
        *("copy_alert", "copy_command", "copy_output", "copy_path"),
        *("search", "clear_search", "keep_search", "preview", "diagnosis_up", "diagnosis_down"),
        *("open_alerted_server", "close_output", "interrupt", "suspend"),
        *("open_first", "close_first"),
        *("next_field", "enter_field", "previous_field", "complete_path"),
        *("import_next", "import_previous", "import_page_down", "import_page_up"),
        *("next_preset", "previous_preset", "cancel_note", "cancel_mute", "no", "neither"),
        "yes",  # it answers a question; what asks questions is refused where it changes something
        *("settings", "change_setting", "change_setting_back", "forget_setting", "close_settings"),
        *("column_earlier", "column_later"),
        *("choose_theme", "keep_theme", "low_bandwidth", "command_palette", "quit", "leave_program"),
    }
)
"""Actions that change only what this dashboard shows."""


def is_refused(action: Action) -> bool:
    """Whether a read-only dashboard refuses an action. It refuses one that nobody has declared."""
    return action.id not in VIEWING


def offered_actions(actions: Sequence[Action], *, read_only: bool) -> list[Action]:
    """The actions of a dashboard, without those that it refuses."""
    return [action for action in actions if not (read_only and is_refused(action))]


def _refused_calls(screen: str) -> Mapping[str, Action]:
    return {action.call or action.id: action for action in actions_for(screen) if is_refused(action)}


class ReadOnlyKeys(App[None]):
    """An app that can refuse every key that changes something."""

    read_only = False

    def show_notice(self, *lines: str) -> None:
        """Show a notice in place of the previous one."""
        raise NotImplementedError

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, or say in one line that it is refused."""
        if self.read_only and (refused := self._refused(action, default_namespace)):
            self.show_read_only_notice(refused.label)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def _refused(self, action: str | ActionParseResult, namespace: DOMNode | None) -> Action | None:
        screen = EVERYWHERE if namespace in (None, self) else getattr(namespace, "ACTIONS_OF", "")
        return _refused_calls(screen).get(action) if isinstance(action, str) else None

    def show_read_only_notice(self, what: str) -> None:
        """Say why something is not done."""
        self.show_notice(f"Read only: {what} is off. Start without --read-only.")
