"""Budgets of accounts and vantages, as the writer reports them to `doctor` and to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from enum import Enum

from wgmon_tui.records import dataclass

ALL = "all"
"""The holder of a budget that accounts or vantages share."""


class Resource(Enum):
    """What is limited."""

    CONNECTIONS = "connections"
    CHANGES = "changes"
    NOTES = "notes"
    PACKETS = "packets"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True)
class Budget:
    """What an account or a vantage has used of a limit. `refused` counts what was above it.

    `used` and `limit` are None where a limit holds for each server and minute. Packets are the bytes of this
    day (UTC); notes are those of the incident that has most.
    """

    resource: Resource
    holder: str
    used: int | None
    limit: int | None
    refused: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left of it."""
        return self.used is not None and self.limit is not None and self.used >= self.limit


def budgets_as_json(budgets: Iterable[Budget]) -> list[dict[str, object]]:
    """Encode budgets for the control socket."""
    return [{**asdict(budget), "resource": budget.resource.value} for budget in budgets]


def budgets_from_json(raw: object) -> tuple[Budget, ...]:
    """Decode a writer's budgets, without resources of other versions. Empty if the writer reports none."""
    found = [_budget(each) for each in raw] if isinstance(raw, list) else []
    return tuple(budget for budget in found if budget)


def _budget(raw: object) -> Budget | None:
    try:
        match raw:
            case {
                "resource": word,
                "holder": str(holder),
                "used": used,
                "limit": limit,
                "refused": int(refused),
            }:
                return Budget(Resource(word), holder, _number(used), _number(limit), refused)
    except ValueError:
        pass
    return None


def _number(raw: object) -> int | None:
    return raw if isinstance(raw, int) else None
