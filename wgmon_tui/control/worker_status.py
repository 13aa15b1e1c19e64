"""The state of the worker processes, as the writer reports it to `doctor` and to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker process: its number from 1, and what it did since the writer started.

    `pid` is 0 while none runs; `trouble` then says why. `checks` counts results, `restarts` the ends of its
    processes. `cpu_s` and `memory_bytes` are those of the present process.
    """

    number: int
    pid: int
    servers: int
    checks: int
    restarts: int
    cpu_s: float
    memory_bytes: int
    trouble: str = ""


def workers_as_json(workers: Iterable[WorkerStatus]) -> list[dict[str, object]]:
    """Encode the workers for the control socket."""
    return [asdict(worker) for worker in workers]


def workers_from_json(raw: object) -> tuple[WorkerStatus, ...]:
    """Decode a writer's workers. Empty if it has none, or reports them in an unknown format."""
    found = [_worker(each) for each in raw] if isinstance(raw, list) else []
    return tuple(worker for worker in found if worker)


def _worker(raw: object) -> WorkerStatus | None:
    match raw:
        case {
            "number": int(number),
            "pid": int(pid),
            "servers": int(servers),
            "checks": int(checks),
            "restarts": int(restarts),
            "cpu_s": int() | float() as cpu_s,
            "memory_bytes": int(memory_bytes),
            "trouble": str(trouble),
        }:
            return WorkerStatus(number, pid, servers, checks, restarts, float(cpu_s), memory_bytes, trouble)
    return None
