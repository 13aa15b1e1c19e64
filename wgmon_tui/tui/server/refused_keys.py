"""Why a key of the server screen has no effect on the open tab, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.server.tab import ServerTab

_WORKS_IN: Mapping[str, tuple[str, ...]] = {
    "left": ("packets", "rtt", "vantages"),
    "right": ("packets", "rtt", "vantages"),
    "compare": ("packets",),
    "follow": ("packets",),
    "open": ("history", "vantages"),
    "zoom_in": ("rtt",),
    "zoom_out": ("rtt",),
    "now": ("rtt",),
    "next_vantage": ("history", "rtt"),
}
"""The tabs in which an action does something, by their ids."""

_TITLES = {"packets": "Packets", "rtt": "RTT", "history": "History", "vantages": "Vantages"}

_REFUSALS = {
    ("packets", "follow"): "This is the newest exchange already",
    ("history", "open"): "No line is selected. Move down to an incident or a failed check.",
    ("vantages", "open"): "This vantage has no packets yet",
    ("vantages", "left"): "There is no other vantage",
    ("vantages", "right"): "There is no other vantage",
    ("rtt", "zoom_in"): "This is the shortest time",
    ("rtt", "zoom_out"): "This is the longest time",
    ("history", "next_vantage"): "No other vantage checks this server",
    ("rtt", "next_vantage"): "No other vantage checks this server",
    ("rtt", "now"): "The plot ends at the present already",
}
"""Why an action is refused in a tab that has it."""


def explain_refusal(tab: ServerTab, action: str, actions: Sequence[Action]) -> str:
    """Why an action of `TAB_ACTIONS` is refused in this tab."""
    tabs = _WORKS_IN[action]
    if tab.id == "rtt" and tab.app.history is None:
        return "This run stores nothing, so there is nothing to plot"
    if tab.id in tabs:
        return _REFUSALS.get((tab.id or "", action), "")
    names = " and ".join(_TITLES[each] for each in tabs if each != "vantages" or len(tabs) == 1)
    return f"This key works in the tab {names}. Press {key_of('next_tab', actions)} for the next tab."
