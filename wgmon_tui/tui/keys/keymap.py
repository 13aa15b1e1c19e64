"""The keymap: the action table with the keys that config.toml assigns. Pure: tables in, a table out.

Unknown actions and keys are refused. So is one key for two actions on one screen, because one of them would
silently do nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.keys import Keys, _character_to_key

from wgmon_tui.config.setting_problems import SettingProblem, raise_problems
from wgmon_tui.text import LEAST_SIMILARITY_OF_SHORT_WORDS, did_you_mean, printable, quoted
from wgmon_tui.tui.keys.action import EVERYWHERE, OWN, Action

if TYPE_CHECKING:
    from wgmon_tui.config.user_actions import UserAction

_KEY_ALIASES = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "ins": "insert"}
_MODIFIERS = frozenset({"ctrl", "shift", "alt"})
_NAMED = frozenset(key.value for key in Keys if not key.value.startswith("<"))
_SCREENS_WITH_APP_KEYS = (
    "fleet", "server", "incidents", "incident", "alerts", "delivery", "expiries", "subscriptions", "nodes",
    "path", "identities", "settings", "first_check", "output",
)  # fmt: skip
"""Screens on which the keys of `EVERYWHERE` work. A dialog over them takes every key itself."""


def assign_keys(actions: Sequence[Action], keys: Mapping[str, Sequence[str]]) -> tuple[Action, ...]:
    """Assign keys to actions by id.

    Raises ConfigurationError with one line per problem.
    """
    raise_problems(_key_problems(actions, keys))
    return _assigned(actions, keys)


def with_user_actions(actions: Sequence[Action], user_actions: Sequence[UserAction]) -> tuple[Action, ...]:
    """The table with one more action for each `[[action]]`.

    They are before the help: a narrow terminal leaves out the last hints first, such as those of the program.
    Raises ConfigurationError for keys that do not exist or are in use, with one line per problem.
    """
    raise_problems(list(_user_action_problems(actions, user_actions)))
    own = [_as_action(number, each) for number, each in enumerate(user_actions)]
    first = next((at for at, each in enumerate(actions) if each.id == "help"), 0)
    return (*actions[:first], *own, *actions[first:])


def keymap_problems(
    actions: Sequence[Action], keys: Mapping[str, Sequence[str]], user_actions: Sequence[UserAction]
) -> list[SettingProblem]:
    """All problems of `[keys]` and `[[action]]`."""
    known = {action.id for action in actions}
    valid = {action: names for action, names in keys.items() if action in known and not _unknown(names)}
    return [
        *_key_problems(actions, keys),
        *_user_action_problems(_assigned(actions, valid), user_actions),
    ]


def _assigned(actions: Sequence[Action], keys: Mapping[str, Sequence[str]]) -> tuple[Action, ...]:
    return tuple(
        replace(action, keys=tuple(map(_normalise_key, keys[action.id]))) if action.id in keys else action
        for action in actions
    )


def _key_problems(actions: Sequence[Action], keys: Mapping[str, Sequence[str]]) -> list[SettingProblem]:
    known = {action.id: action for action in actions}
    problems = [*_unknown_actions(keys, known)]
    for action, names in keys.items():
        problems += (SettingProblem(("keys", action), f"keys: {action}: {why}") for why in _unknown(names))
    return problems or list(_clashes(_assigned(actions, keys), keys))


def _user_action_problems(
    actions: Sequence[Action], user_actions: Sequence[UserAction]
) -> Iterator[SettingProblem]:
    table = list(actions)
    for number, each in enumerate(user_actions):
        added = _as_action(number, each)
        found = _unknown((each.key,)) or [
            f'key "{each.key}" is assigned to {other.label} {place}; choose another key'
            for other in table
            if added.keys[0] in other.keys and (place := _shared_screens(added, other))
        ]
        yield from (
            SettingProblem(("action", number, "key"), f"action {quoted(each.label)}: {why}")
            for why in found[:1]
        )
        table.append(added)


def _as_action(number: int, action: UserAction) -> Action:
    command = printable(shlex.join(action.command))
    return Action(
        f"action {action.label}",
        (_normalise_key(action.key),),
        action.label,
        f"Run in the background: {command}" if action.background else f"Run: {command}",
        OWN,
        action.screens,
        hint=True,
        palette=True,
        call=f"user_action({number})",
    )


def user_bindings(actions: Sequence[Action]) -> list[Binding]:
    """The bindings of the actions that `with_user_actions` has added. The app has them, not a screen."""
    return [
        Binding(
            long_name(action.keys[0]),
            action.call,
            action.label,
            show=True,
            key_display=action.key,
            tooltip=action.help,
            id=action.id,
        )
        for action in actions
        if action.group == OWN
    ]


def textual_keymap(actions: Sequence[Action], keys: Mapping[str, object]) -> dict[str, str]:
    """The keymap for Textual: the ids of reassigned actions and the long names of their keys."""
    return {action.id: ",".join(map(long_name, action.keys)) for action in actions if action.id in keys}


def long_name(key: str) -> str:
    """The name that Textual reports for a pressed key: `?` is "question_mark"."""
    return _character_to_key(key) if len(key) == 1 else key


def key_of(name: str, actions: Sequence[Action]) -> str:
    """The key of an action, as displayed in messages."""
    return next(action.key for action in actions if action.id == name)


def _unknown_actions(keys: Mapping[str, object], known: Mapping[str, object]) -> Iterator[SettingProblem]:
    for action in keys:
        if action not in known:
            meant = did_you_mean(action, known, LEAST_SIMILARITY_OF_SHORT_WORDS)
            hint = meant or "docs/keys.md lists all actions"
            yield SettingProblem(("keys", action), f'keys: unknown action "{action}"; {hint}')


def _unknown(names: Sequence[str]) -> list[str]:
    """What is wrong with keys that do not exist."""
    return [
        f'unknown key "{name}"; expected one character, or a name such as '
        '"f5", "ctrl+x", "shift+tab", "enter", "esc", "pgup"'
        for name in names
        if not _is_known_key(_normalise_key(name))
    ]


def _normalise_key(name: str) -> str:
    """The name that the action table uses. Also accepts the displayed names: `esc`, `ctrl+X`, a blank."""
    if len(name) == 1:
        return "space" if name == " " else name
    *modifiers, last = name.split("+") if not name.endswith("+") else [*name[:-2].split("+"), "+"]
    modifiers = [each.lower() for each in modifiers]
    if len(last) > 1 or "ctrl" in modifiers:
        last = last.lower()
    return "+".join((*modifiers, _KEY_ALIASES.get(last, last)))


def _is_known_key(name: str) -> bool:
    if len(name) == 1 or name in _NAMED:
        return True
    *modifiers, last = name.split("+") if not name.endswith("+") else [*name[:-2].split("+"), "+"]
    return _MODIFIERS.issuperset(modifiers) and bool(modifiers) and (len(last) == 1 or last in _NAMED)


def _clashes(actions: Sequence[Action], chosen: Mapping[str, object]) -> Iterator[SettingProblem]:
    """Problems with keys that two actions of one screen share. The table itself shares some on purpose."""
    for number, one in enumerate(actions):
        for other in actions[number + 1 :]:
            if one.id not in chosen and other.id not in chosen:
                continue
            for key in (key for key in one.keys if key in other.keys):
                if screen := _shared_screens(one, other):
                    both = f"{one.id} and {other.id}"
                    why = f'keys: "{key}" is assigned to both {both} {screen}; change one of them'
                    yield SettingProblem(("keys", one.id if one.id in chosen else other.id), why)


def _shared_screens(one: Action, other: Action) -> str:
    """The place where both actions are available, as text; "" if there is none."""
    for screen in one.screens:
        if screen in other.screens:
            return "everywhere" if screen == EVERYWHERE else f"on the {screen} screen"
    for everywhere, there in ((one, other), (other, one)):
        if EVERYWHERE in everywhere.screens:
            for screen in there.screens:
                if screen in _SCREENS_WITH_APP_KEYS:
                    return f"on the {screen} screen"
    return ""
