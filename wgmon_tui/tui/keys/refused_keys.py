"""Keys without an effect: the app says why in one line.

A key can be unknown on a screen, or its action can be impossible now. Movement keys at the end of a list stay
quiet: their action is possible, and the screen shows why nothing moves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen

from wgmon_tui.tui.keys.action import EVERYWHERE, SHORT_KEYS, Action

REPEAT_S = 60.0
"""How long a line is not repeated while its screen stays on top, in seconds."""

_FOCUS_ACTIONS = ("app.focus_next", "app.focus_previous")
_CURSOR_KEYS = frozenset({"up", "down", "left", "right", "home", "end", "pageup", "pagedown"})
_MOST_NAMED = 4


class RefusedKeys(App[None]):
    """An app that says why a key has no effect, once for each visit of a screen.

    A screen explains an action that its `check_action` refuses with `explain_refusal(action) -> str`.
    `key_labels` of a dialog are its own words for its actions, by id.
    """

    actions: Sequence[Action]

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._told_at: dict[str, float] = {}

    def on_mount(self) -> None:
        """Note when a screen opens or closes."""
        self.screen_change_signal.subscribe(self, self._begin_visit, immediate=True)

    def show_notice(self, *lines: str) -> None:
        """Show a notice in place of the previous one."""
        raise NotImplementedError

    def explain_refusal(self, action: str) -> str:
        """Why an action of the app is refused now; "" if there is no more to say."""
        return ""

    def _begin_visit(self, _screen: Screen[object]) -> None:
        self._told_at.clear()

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Run the action of a key. If it has none here, or none that is possible, say why."""
        has_effect = not self._moves_no_focus(key) and await super()._check_bindings(key, priority)
        if not has_effect and not priority and not self._is_quiet(key):
            self._tell(self._explain(key))
        return has_effect

    def _moves_no_focus(self, key: str) -> bool:
        """Whether a key would only move the focus, on a screen with nothing to move it to."""
        if key not in ("tab", "shift+tab") or len(self.screen.focus_chain) > 1:
            return False
        bound = self._bound(key)
        return bool(bound) and bound[0][1].action in _FOCUS_ACTIONS

    def _is_quiet(self, key: str) -> bool:
        """Whether a key moves the cursor of an input line: at its end, as everywhere, nothing is said."""
        focused = self.screen.focused
        return key in _CURSOR_KEYS and focused is not None and focused.check_consume_key("a", "a")

    def _tell(self, line: str) -> None:
        now = time.monotonic()
        if now - self._told_at.get(line, -REPEAT_S) >= REPEAT_S:
            self._told_at[line] = now
            self.show_notice(line)

    def _explain(self, key: str) -> str:
        known = {action.id: action for action in self.actions}
        for node, binding in self._bound(key):
            if action := known.get(binding.id or ""):
                return _refusal(node, action) or f"{action.label}: not possible now"
        shown = _display(key)
        return f"{shown} does nothing here. {self._keys_here()}"

    def _bound(self, key: str) -> list[tuple[DOMNode, Binding]]:
        chain = self.screen._modal_binding_chain  # noqa: SLF001  `active_bindings` lacks refused ones
        return [(node, each) for node, bindings in chain for each in bindings.key_to_bindings.get(key, ())]

    def _keys_here(self) -> str:
        """Where all keys of this screen are listed; in a dialog, the keys themselves."""
        known = {action.id: action for action in self.actions}
        here = [
            known[each.binding.id]
            for each in self.screen.active_bindings.values()
            if each.binding.id in known and each.enabled
        ]
        helps = [action for action in here if action.id in ("help", "form_help")]
        if helps:
            return f"Press {helps[-1].key} for the keys."
        labels: Mapping[str, str] = getattr(self.screen, "key_labels", {})
        named = dict.fromkeys(
            f"{action.key} {labels.get(action.id, action.label)}"
            for action in here
            if EVERYWHERE not in action.screens
        )
        return f"Keys: {', '.join(list(named)[:_MOST_NAMED])}."


def _refusal(node: DOMNode, action: Action) -> str:
    explain = getattr(node, "explain_refusal", None)
    name = (action.call or action.id).partition("(")[0]
    return str(explain(name)) if explain else ""


def _display(key: str) -> str:
    """A key, as the hints display it."""
    *modifiers, last = key.split("+")
    character = key_to_character(last)
    shown = character if character and character.isprintable() and character != " " else last
    return "+".join((*modifiers, SHORT_KEYS.get(last, shown)))
