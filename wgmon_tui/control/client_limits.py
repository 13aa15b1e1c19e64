"""Limits of the control socket for each account: connections, requests and changes.

A member of the state directory's group cannot use up what the owner and root need. The limits of root and of
the owner only protect the process from running out of descriptors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import field

from wgmon_tui.control.budgets import ALL, Budget, Resource
from wgmon_tui.rate_limits import Pacer, RateLimitedError, TokenBucket
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_limit

MAX_CONNECTIONS = 64
"""Connections of all accounts."""

RESERVED_CONNECTIONS = 16
"""Of these, connections that only root and the owner get."""

MAX_CONNECTIONS_OF_MEMBER = 16

IDLE_TIMEOUT_S = 60.0
"""How long a connection lives without a complete request. A viewer asks several times a second."""

CHANGES_AT_ONCE = 60
CHANGE_REFILL_S = 6.0
"""A member can send `CHANGES_AT_ONCE` changing requests at once, then one in this time."""

CHANGES_PER_DAY = 1000
"""Each change may be stored for years, as a note or as a delivery."""

_REQUESTS_PER_S = 100.0
_BYTES_PER_S = 512.0 * 1024
_BURST_S = 2.0
"""The requests of all connections of a member are delayed above this rate; so many seconds of it at once."""

_MAX_KNOWN_ACCOUNTS = 1024
"""Accounts whose used-up limits are remembered after their last connection."""


@dataclass(slots=True)
class _AccountUse:
    pacer: Pacer = field(default_factory=lambda: Pacer(_BURST_S))
    changes: TokenBucket = field(default_factory=lambda: TokenBucket(1.0 / CHANGE_REFILL_S, CHANGES_AT_ONCE))
    changes_of_day: TokenBucket = field(
        default_factory=lambda: TokenBucket(CHANGES_PER_DAY / 86400.0, CHANGES_PER_DAY)
    )
    refused_connections: int = 0
    refused_changes: int = 0


class ClientLimits:
    """Counts the connections and the changing requests of each account."""

    def __init__(self, owner: int) -> None:
        """`owner` is the user id of this process."""
        self._unlimited = frozenset({0, owner})
        self._connections: Counter[int] = Counter()
        self._accounts: dict[int, _AccountUse] = {}

    def budgets(self, login_of: Callable[[int], str]) -> list[Budget]:
        """The connections of all, with refusals of root and the owner; then those of each member."""
        refused = sum(
            account.refused_connections for uid, account in self._accounts.items() if not self.is_limited(uid)
        )
        found = [Budget(Resource.CONNECTIONS, ALL, self._connections.total(), MAX_CONNECTIONS, refused)]
        for uid in sorted(filter(self.is_limited, self._connections.keys() | self._accounts.keys())):
            account, login = self._accounts.get(uid, _AccountUse()), login_of(uid)
            used, limit = self._connections[uid], MAX_CONNECTIONS_OF_MEMBER
            found.append(Budget(Resource.CONNECTIONS, login, used, limit, account.refused_connections))
            used, limit = account.changes.taken, CHANGES_AT_ONCE
            found.append(Budget(Resource.CHANGES, login, used, limit, account.refused_changes))
        return found

    def is_limited(self, uid: int) -> bool:
        """Whether the limits of members apply: not to root and the owner."""
        return uid not in self._unlimited

    def connect(self, uid: int) -> str:
        """Count a new connection. Returns why it is refused, "" if it is not."""
        refusal = self._find_refusal(uid)
        if refusal:
            self._account(uid).refused_connections += 1
        else:
            self._connections[uid] += 1
        return refusal

    def disconnect(self, uid: int) -> None:
        """Count the end of a connection that `connect` did not refuse."""
        self._connections[uid] -= 1
        if not self._connections[uid]:
            del self._connections[uid]

    def _find_refusal(self, uid: int) -> str:
        if self._connections.total() >= MAX_CONNECTIONS:
            return f"all {MAX_CONNECTIONS} viewer slots are in use"
        if not self.is_limited(uid):
            return ""
        if self._connections[uid] >= MAX_CONNECTIONS_OF_MEMBER:
            return f"this account has {MAX_CONNECTIONS_OF_MEMBER} connections already: close one of them"
        members = sum(count for each, count in self._connections.items() if self.is_limited(each))
        if members >= MAX_CONNECTIONS - RESERVED_CONNECTIONS:
            return f"all {members} viewer slots of the group are in use"
        return ""

    async def pace(self, uid: int, size: int, *, is_check: bool = False) -> None:
        """Wait before a request of `size` bytes is handled, if the account sends too many.

        Checks are limited by their number at once: a one-shot command may ask for those of a large fleet.
        """
        if self.is_limited(uid):
            cost_s = size / _BYTES_PER_S
            await self._account(uid).pacer.take(cost_s if is_check else max(1.0 / _REQUESTS_PER_S, cost_s))

    def find_change_refusal(self, uid: int) -> str:
        """Count a changing request. Returns why it is refused, "" if it is not."""
        if not self.is_limited(uid):
            return ""
        account = self._account(uid)
        try:
            account.changes.take()
            account.changes_of_day.take()
        except RateLimitedError as error:
            account.refused_changes += 1
            wait_s = max(1.0, round(error.wait))
            return f"too many changes from this account: try again in {format_limit(wait_s)}"
        return ""

    def _account(self, uid: int) -> _AccountUse:
        if uid not in self._accounts and len(self._accounts) >= _MAX_KNOWN_ACCOUNTS:
            for known in [
                each for each, account in self._accounts.items() if not account.changes_of_day.taken
            ]:
                del self._accounts[known]
        return self._accounts.setdefault(uid, _AccountUse())
