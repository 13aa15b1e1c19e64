"""Why a key of the fleet screen has no effect now, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.fleet.tag_groups import TagGroup
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.keymap import key_of


def explain_refusal(action: str, no_server: str, actions: Sequence[Action]) -> str:
    """Why an action of the table, its filter, marks or groups is refused. `no_server` is for all others."""
    match action:
        case "clear":
            return f"No filter to clear. Press {key_of('quit', actions)} to quit."
        case "invert":
            return f"No filter to invert. Press {key_of('filter', actions)} to filter."
        case "unmark":
            return f"No server is marked. Press {key_of('mark', actions)} to mark one."
        case "fold_all":
            return f"There are no groups. Press {key_of('group', actions)} to group by tag."
    return no_server


def explain_no_server(group: TagGroup | None, *, is_empty: bool, app: AppContext) -> str:
    """Why no server is under the cursor: an empty table, a filter, or a group heading."""
    actions = app.actions
    if is_empty and app.config_dir is None:
        return "There are no servers"
    if is_empty:
        return f"There are no servers yet. Press {key_of('new', actions)} to add one."
    if group is None:
        return f"No server matches the filter. Press {key_of('clear', actions)} to clear it."
    return "This is a group heading. Move to a server first."
