"""What the last fetch of each list found, as a file in the state directory.

Screens and commands read it, also beside a writer of another process. It has names and endpoints, no secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wgmon_tui.config.ownership import foreign_owner
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import replace_private
from wgmon_tui.subscriptions.quota import Quota

if TYPE_CHECKING:
    from wgmon_tui.subscriptions.difference import ListDifference

_FILE = "subscription_states.json"
_MOST_BYTES = 16 << 20
_MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """What is known of a list. `fetched_at` is in Unix seconds, None before the first good fetch.

    `problem` says why a later fetch failed, "" if it did not. `lines` are those of `ListDifference`, `unread`
    what could not be read. `same` counts the servers that do not differ.
    """

    fetched_at: float | None = None
    problem: str = ""
    summary: str = ""
    lines: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    same: int = 0
    quota: Quota | None = None


def state_of(found: ListDifference, at: float, quota: Quota | None) -> SubscriptionState:
    """The state after a fetch at `at`. Of very many lines, the first ones."""
    return SubscriptionState(
        at,
        summary="" if found.is_empty else found.summary,
        lines=tuple(found.lines())[:_MOST_LINES],
        unread=found.unread[:_MOST_LINES],
        same=found.same,
        quota=quota,
    )


def read_states(state_dir: Path) -> dict[str, SubscriptionState]:
    """The states by the name of the subscription; those that cannot be read are left out."""
    try:
        stored = json.loads(read_regular(state_dir / _FILE, _MOST_BYTES)[0])
    except (OSError, ValueError, RecursionError):
        return {}
    found = {name: _read(each) for name, each in stored.items()} if isinstance(stored, dict) else {}
    return {name: state for name, state in found.items() if state}


def write_state(state_dir: Path, name: str, state: SubscriptionState) -> None:
    """Replace the state of one list. Without the file, a screen says that nothing was fetched yet.

    Root leaves no file in the directory of a service.
    """
    if foreign_owner(state_dir) is not None:
        return
    states = {**read_states(state_dir), name: state}
    try:
        replace_private(state_dir / _FILE, json.dumps({key: asdict(each) for key, each in states.items()}))
    except OSError:
        return


def _read(stored: object) -> SubscriptionState | None:
    if not isinstance(stored, Mapping):
        return None
    quota = stored.get("quota")
    same = stored.get("same")
    return SubscriptionState(
        finite_number(stored.get("fetched_at")),
        _text(stored.get("problem")),
        _text(stored.get("summary")),
        _texts(stored.get("lines")),
        _texts(stored.get("unread")),
        same if isinstance(same, int) else 0,
        _quota(quota) if isinstance(quota, Mapping) else None,
    )


def _quota(stored: Mapping[str, Any]) -> Quota:
    used, total = (stored.get(key) for key in ("used", "total"))
    return Quota(
        finite_number(stored.get("ends_at")),
        used if isinstance(used, int) else None,
        total if isinstance(total, int) else None,
    )


def finite_number(value: object) -> float | None:
    """A stored number below 10^12, which a Unix time is; None for anything else."""
    return float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
