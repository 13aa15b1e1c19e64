"""Settings with `[[action]]`, for the tests of user actions."""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.config.user_actions import UserAction


def acting(*actions: UserAction, untrusted: str = "") -> TuiSettings:
    return TuiSettings(user_actions=actions, untrusted=untrusted)


def shell(script: str, *, key: str = "o", background: bool = True, confirm: bool = False) -> UserAction:
    """An action that runs a script of sh, with the name of the server as its first argument."""
    action = UserAction(key, "job", ("sh", "-c", script, "sh", "{name}"), background=background)
    return replace(action, confirm=confirm)
