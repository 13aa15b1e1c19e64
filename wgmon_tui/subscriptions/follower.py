"""Follows the subscriptions of config.toml while the writer runs.

Each list is fetched in its time, compared with servers.toml, and applied by its rule.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config import servers_file
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import replace_private
from wgmon_tui.config.servers_file import FileStamp
from wgmon_tui.config.subscriptions_toml import Subscription
from wgmon_tui.monitor.expiries import SUBSCRIPTION
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import (
    SubscriptionState,
    finite_number,
    read_states,
    state_of,
    write_state,
)
from wgmon_tui.text import printable

POLL_S = 5.0
_RETRY_S = 1800.0
"""Seconds until a list that could not be fetched is fetched again."""

_JITTER = 0.05
_FILE = "subscriptions.json"
_MOST_BYTES = 1 << 20


class SubscriptionFollower:
    """Fetches lists. After a failure the last good list stays, and a line says why."""

    def __init__(self, config_dir: Path, state_dir: Path, log: Callable[[str], None]) -> None:
        self._config_dir = config_dir
        self._state_dir = state_dir
        self._path = state_dir / _FILE
        self._log = log
        self._subscriptions: tuple[Subscription, ...] = ()
        self._due: dict[str, float] = {}
        self._lines: dict[str, str] = {}
        self._lists: dict[str, bytes] = {}
        """The last good list of each subscription that differs from servers.toml."""
        self._quotas: dict[str, Quota] = {}
        """The quotas that providers sent; at first those of the state file."""
        self._has_read_states = False
        self._fetched_at: dict[str, float] = {}
        self._warned: set[str] = set()
        """Subscriptions of which a warning was logged that still holds."""
        self._stamp: FileStamp | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """A line for each list that failed, or differs and waits for an answer, or whose quota ends."""
        names = [each.name for each in self._subscriptions]
        of_lists = [self._lines[name] for name in names if name in self._lines]
        return (*of_lists, *(line for name in names if (line := self._quota_line(name))))

    @property
    def quotas(self) -> dict[str, Quota]:
        """The quotas of the followed lists, by name."""
        return {
            each.name: self._quotas[each.name] for each in self._subscriptions if each.name in self._quotas
        }

    def find_ends(self) -> dict[str, Expires] | None:
        """The ends that providers said, by the tag of the servers of each list; None before they are read."""
        if not self._has_read_states:
            return None
        return {
            each.tag: Expires(SUBSCRIPTION, each.name, quota.ends_at)
            for each in self._subscriptions
            if (quota := self._quotas.get(each.name)) and quota.ends_at is not None
        }

    def _quota_line(self, name: str) -> str:
        quota = self._quotas.get(name)
        warning = quota.warning(time.time()) if quota else ""
        return printable(f'subscription "{name}": {warning}') if warning else ""

    def watch(self, subscriptions: Sequence[Subscription]) -> None:
        """Follow these from now on."""
        self._subscriptions = tuple(subscriptions)

    async def run(self) -> None:
        """Run until cancelled."""
        fetched = await asyncio.to_thread(_read_times, self._path)
        stored = await asyncio.to_thread(read_states, self._state_dir)
        self._quotas.update({name: each.quota for name, each in stored.items() if each.quota})
        self._has_read_states = True
        while True:
            stamp = await asyncio.to_thread(servers_file.stamp, self._config_dir)
            is_changed, self._stamp = stamp != self._stamp, stamp
            for each in self._subscriptions:
                # A clock that was set back does not stop the lists.
                last = min(fetched.get(each.name, 0.0), time.time())
                if time.time() >= self._due.get(each.name, last + each.every):
                    is_fetched = await self._guard(each, self._fetch(each))
                    wait = each.every if is_fetched else min(each.every, _RETRY_S)
                    self._due[each.name] = time.time() + wait * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
                    fetched[each.name] = time.time()
                    await asyncio.to_thread(_write_times, self._path, fetched)
                elif is_changed and each.name in self._lists:
                    await self._guard(each, self._compare(each, self._lists[each.name]))
            await asyncio.sleep(POLL_S)

    async def _guard(self, subscription: Subscription, work: Awaitable[bool]) -> bool:
        """Do work on one list. An internal error is noted by its type alone: its text may hold a secret."""
        try:
            return await work
        except Exception as fault:  # noqa: BLE001  the checks go on
            name = type(fault).__name__
            self._note(subscription.name, f'subscription "{subscription.name}": internal error: {name}')
            return False

    async def _fetch(self, subscription: Subscription) -> bool:
        """Fetch a list, and apply it by its rule. Returns whether it came."""
        from wgmon_tui.subscriptions.application import SubscriptionError, fetch_list

        try:
            quotas: list[Quota | None] = []
            data = await asyncio.to_thread(fetch_list, subscription, self._config_dir, quotas.append)
            self._note_quota(subscription.name, quotas[-1])
            self._fetched_at[subscription.name] = time.time()
        except SubscriptionError as error:
            await self._fail(subscription.name, str(error))
            return False
        return await self._compare(subscription, data)

    async def _compare(self, subscription: Subscription, data: bytes) -> bool:
        from wgmon_tui.subscriptions.application import SubscriptionError, apply, compare_list, limit_to

        name = f'subscription "{subscription.name}"'
        try:
            found = await asyncio.to_thread(compare_list, subscription, data, self._config_dir)
            chosen = limit_to(subscription.apply, found)
            if not chosen.is_empty:
                await asyncio.to_thread(apply, subscription, chosen, self._config_dir)
                self._log(f"{name}: {chosen.summary}, applied")
                found = await asyncio.to_thread(compare_list, subscription, data, self._config_dir)
        except SubscriptionError as error:
            await self._fail(subscription.name, str(error))
            return False
        fetched_at = self._fetched_at.get(subscription.name, time.time())
        state = state_of(found, fetched_at, self._quotas.get(subscription.name))
        await asyncio.to_thread(write_state, self._state_dir, subscription.name, state)
        if found.is_empty:
            self._lines.pop(subscription.name, None)
            self._lists.pop(subscription.name, None)
        else:
            self._lists[subscription.name] = data
            self._note(
                subscription.name,
                f"{name}: {found.summary}; to see and apply it, type: wgmon-tui subscriptions",
            )
        return True

    async def _fail(self, name: str, line: str) -> None:
        """Note why a list could not be fetched, compared or applied. What is known of it stays."""
        self._note(name, line)
        states = await asyncio.to_thread(read_states, self._state_dir)
        state = replace(states.get(name, SubscriptionState()), problem=printable(line))
        await asyncio.to_thread(write_state, self._state_dir, name, state)

    def _note_quota(self, name: str, quota: Quota | None) -> None:
        """Keep what the provider says, and log a warning once."""
        self._quotas.pop(name, None)
        if quota:
            self._quotas[name] = quota
        line = self._quota_line(name)
        if not line:
            self._warned.discard(name)
        elif name not in self._warned:
            self._warned.add(name)
            self._log(line)

    def _note(self, name: str, line: str) -> None:
        """Keep a line to show, and log it when it is new."""
        if self._lines.get(name) != line:
            self._log(printable(line))
        self._lines[name] = printable(line)


def _read_times(path: Path) -> dict[str, float]:
    """When each list was fetched, in Unix seconds; nothing if that is not known."""
    try:
        stored = json.loads(read_regular(path, _MOST_BYTES)[0])
    except (OSError, ValueError, RecursionError):
        return {}
    times = stored if isinstance(stored, dict) else {}
    read = {name: finite_number(at) for name, at in times.items()}
    return {name: at for name, at in read.items() if at is not None}


def _write_times(path: Path, times: dict[str, float]) -> None:
    """Store the times. Without them, the lists are fetched again after a restart."""
    try:
        replace_private(path, json.dumps(times))
    except OSError:
        return
