"""The running writer: what group members and vantages have used of their limits, and its workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from wgmon_tui.control.budgets import Budget, Resource, budgets_from_json
from wgmon_tui.control.client import AccessDeniedError, ControlConnection, NoWriterError
from wgmon_tui.control.protocol import Operation
from wgmon_tui.control.server import RequestRefusedError
from wgmon_tui.control.worker_status import WorkerStatus, workers_from_json
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.text import format_count, printable

_MAX_SHOWN = 3
_MEGABYTE = 1_000_000

_ADVICE = {
    Resource.CONNECTIONS: "end programs of that account which keep connections open",
    Resource.CHANGES: "end programs of that account which send changes",
    Resource.NOTES: "further notes on that incident are refused",
    Resource.PACKETS: "see the tab Vantages of its servers, or set vantage_megabytes_per_day in config.toml",
}


async def check_budgets(state_dir: Path) -> list[ExaminedItem]:
    """Ask the writer for its budgets and workers. Without a writer, or with an older one, there are none."""
    try:
        connection = await ControlConnection.connect(state_dir)
    except (NoWriterError, AccessDeniedError):
        return []  # the item of the prober says so
    try:
        answer = await connection.ask(Operation.STATS)
    except (NoWriterError, RequestRefusedError, TimeoutError):
        return []
    finally:
        await connection.close()
    budgets, workers = budgets_from_json(answer.get("budgets")), workers_from_json(answer.get("workers"))
    return [*list_budgets(budgets), *list_workers(workers)]


def list_budgets(budgets: Iterable[Budget]) -> list[ExaminedItem]:
    """One item for each kind of budget, with the fullest first."""
    budgets = tuple(budgets)
    found = []
    for resource in Resource:
        held = sorted((each for each in budgets if each.resource is resource), key=_share, reverse=True)
        if held:
            found.append(_item(resource, held))
    return found


def list_workers(workers: Sequence[WorkerStatus]) -> list[ExaminedItem]:
    """One item for the worker processes; none if the writer checks itself."""
    if not workers:
        return []
    restarts, memory = sum(each.restarts for each in workers), sum(each.memory_bytes for each in workers)
    running = [each for each in workers if each.pid]
    fact = f"{len(running)} of {len(workers)} run, {memory / _MEGABYTE:.0f} MB"
    fact += f"; ended {format_count(restarts, 'time')}" if restarts else ""
    if ended := [each for each in workers if not each.pid]:
        fact += f"; worker {ended[0].number}: {printable(ended[0].trouble)}"
    if ended or restarts:
        return [ExaminedItem("workers", ItemStatus.LOOK, fact, "see the log of wgmon-tui run")]
    return [ok_item("workers", fact)]


def _share(budget: Budget) -> float:
    return (budget.used or 0) / budget.limit if budget.limit else 0.0


def _item(resource: Resource, held: list[Budget]) -> ExaminedItem:
    fact = ", ".join(map(_text, held[:_MAX_SHOWN]))
    fact += f", and {len(held) - _MAX_SHOWN} more" if len(held) > _MAX_SHOWN else ""
    refused = sum(each.refused for each in held)
    what = "without packets" if resource is Resource.PACKETS else "refused"
    fact += f"; {refused} {what}" if refused else ""
    if any(each.is_used_up for each in held) or (resource is Resource.PACKETS and refused):
        return ExaminedItem(resource.value, ItemStatus.LOOK, fact, _ADVICE.get(resource, ""))
    return ok_item(resource.value, fact)


def _text(budget: Budget) -> str:
    if budget.used is None or budget.limit is None:
        return f"{budget.holder} within the limit of each minute" if not budget.refused else budget.holder
    if budget.resource is Resource.PACKETS:
        used, limit = f"{budget.used / _MEGABYTE:.1f}", f"{budget.limit / _MEGABYTE:g} MB today"
        return f"{used} of {limit} used by {budget.holder}"
    return f"{budget.used} of {budget.limit} used by {budget.holder}"
