"""Contents of the frames: JSON of records, and the setup, which holds secrets.

A worker reads foreign packets, so the writer reads what it sends as JSON, by the types of the records. Both
processes are of one version, so checks are rows of values without the names of fields. The other way, the
fleet and its secrets go as a pickle: the writer is the parent process, and the socket pair has no name that
another process could open.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from copyreg import dispatch_table
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.path_trace import PathTrace, TraceOptions
from wgmon_tui.checks.soak_progress import SoakProgress
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.control.trace_request import answer_trace, options_as_json, options_from_json, read_trace
from wgmon_tui.store.clock_guard import ClockBelief
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of
from wgmon_tui.store.formats.stored_names import STORED_NAMES
from wgmon_tui.workers.connection import BadFrameError

# From the writer, with secrets


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker needs before its first check.

    `known_stamps` is the copy of the timestamps in the store, `belief` that of the writer's clock guard, and
    `group` the number of this writer and its workers in the timestamp ledger.
    """

    version: str
    number: int
    state_dir: str
    known_stamps: Mapping[bytes, int]
    belief: ClockBelief
    group: bytes


@dataclass(frozen=True, slots=True)
class FleetAssignment:
    """The whole fleet with its secrets: experiments of one server try the secrets of others."""

    fleet: Fleet
    keyring: Keyring


def encode_setup(setup: WorkerSetup | FleetAssignment) -> bytes:
    """Encode for the socket pair only: the bytes contain secrets in clear text."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _SECRETS
    pickler.dump(setup)
    return buffer.getvalue()


def decode_setup(content: bytes) -> Any:
    """Decode what the writer sent."""
    return pickle.loads(content)  # noqa: S301  from the parent process, over a socket without a name


def _reduce_secret(secret: PrivateKey | PresharedKey) -> tuple[Callable[..., Any], tuple[bytes]]:
    return type(secret), (secret.raw,)


def _reduce_mapping(mapping: MappingProxyType[Any, Any]) -> tuple[Callable[..., Any], tuple[Any]]:
    return MappingProxyType, (dict(mapping),)


_SECRETS: dict[Any, Any] = {
    **dispatch_table,
    PrivateKey: _reduce_secret,
    PresharedKey: _reduce_secret,
    MappingProxyType: _reduce_mapping,
}
"""Secrets refuse to be pickled anywhere else."""


# From the writer


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """Check a server. The result carries the same `number`."""

    number: int
    server: str
    deep: bool = False
    explain: bool = False
    soak: bool = False


def write_request(request: CheckRequest) -> object:
    """Write a request as JSON, to be gathered with others."""
    return [request.number, request.server, request.deep, request.explain, request.soak]


def decode_requests(content: bytes) -> list[CheckRequest]:
    """Decode gathered requests."""
    return [CheckRequest(*fields) for fields in json.loads(content)]


def encode_number(number: int) -> bytes:
    """Encode the number of a cancelled request."""
    return _json(number)


def decode_number(content: bytes) -> int:
    """Decode the number of a request."""
    return int(json.loads(content))


def encode_answered(server: str, checks: Sequence[Check]) -> bytes:
    """Encode the last answered round of a server, without its packets."""
    return _json([server, _write_checks(tuple(replace(each, exchange=()) for each in checks))])


def decode_answered(content: bytes) -> tuple[str, tuple[Check, ...]]:
    """Decode the last answered round of a server."""
    server, checks = json.loads(content)
    return server, _read_checks(checks)


def encode_trace_request(number: int, server: str, options: TraceOptions) -> bytes:
    """Encode a request for a trace."""
    return _json([number, server, options_as_json(options)])


def decode_trace_request(content: bytes) -> tuple[int, str, TraceOptions]:
    """Decode a request for a trace."""
    number, server, options = json.loads(content)
    return number, server, options_from_json(options)


# From a worker


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """The status that a worker sends every second: CPU seconds, bytes of memory, and its timestamps.

    `held` says why checks are not sent, `trouble` why timestamps are kept in memory; "" if all is well.
    """

    cpu_s: float
    memory_bytes: int
    held: str = ""
    trouble: str = ""


def write_checked(number: int, checks: tuple[Check, ...]) -> object:
    """Write the result of a request as JSON, to be gathered with others."""
    return [number, _write_checks(checks)]


def decode_checked(content: bytes) -> list[tuple[int, tuple[Check, ...]]]:
    """Decode gathered results. Raises BadFrameError."""
    results = _parse(content)
    if isinstance(results, list):
        try:
            return [_read_checked(each) for each in results]
        except UnreadableValueError:
            pass
    raise BadFrameError("checks in an unknown format")


def _read_checked(result: object) -> tuple[int, tuple[Check, ...]]:
    match result:
        case [int(number), list(checks)]:
            return number, _read_checks(checks)
    raise UnreadableValueError


def encode_soak_progress(number: int, progress: SoakProgress) -> bytes:
    """Encode how far the soak of a request is."""
    return _json([number, progress.sent, progress.planned, progress.elapsed])


def decode_soak_progress(content: bytes) -> tuple[int, SoakProgress]:
    """Decode how far the soak of a request is. Raises BadFrameError."""
    match _parse(content):
        case [int(number), int(sent), int(planned), int() | float() as elapsed]:
            return number, SoakProgress(sent, planned, float(elapsed))
    raise BadFrameError("the progress of a soak in an unknown format")


def encode_node_report(server: str, report: ControlPlaneReport) -> bytes:
    """Encode what a control plane reported."""
    return _json([server, _write_report(report)])


def decode_node_report(content: bytes) -> tuple[str, ControlPlaneReport]:
    """Decode what a control plane reported. Raises BadFrameError."""
    match _parse(content):
        case [str(server), raw]:
            try:
                return server, _read_report(raw)
            except UnreadableValueError:
                pass
    raise BadFrameError("a report of nodes in an unknown format")


def encode_trace(number: int, trace: PathTrace) -> bytes:
    """Encode what a trace has found."""
    return _json([number, answer_trace(trace)])


def decode_trace(content: bytes) -> tuple[int, PathTrace]:
    """Decode what a trace has found. Raises BadFrameError."""
    match _parse(content):
        case [int(number), dict(raw)] if trace := read_trace(raw):
            return number, trace
    raise BadFrameError("a trace in an unknown format")


def encode_line(number: int, line: str) -> bytes:
    """Encode the process id with the version, or the number of a request or error with its reason."""
    return _json([number, line])


def decode_line(content: bytes) -> tuple[int, str]:
    """Decode a number with its line. Raises BadFrameError."""
    match _parse(content):
        case [int(number), str(line)]:
            return number, line
    raise BadFrameError("a line in an unknown format")


def encode_worker_report(report: WorkerReport) -> bytes:
    """Encode the status of a worker."""
    return _json([report.cpu_s, report.memory_bytes, report.held, report.trouble])


def decode_worker_report(content: bytes) -> WorkerReport:
    """Decode the status of a worker. Raises BadFrameError."""
    match _parse(content):
        case [int() | float() as cpu_s, int(memory_bytes), str(held), str(trouble)]:
            return WorkerReport(float(cpu_s), memory_bytes, held, trouble)
    raise BadFrameError("a status in an unknown format")


_ROWS = replace(STORED_NAMES, as_rows=True)
_write_checks, _read_checks = codec_of(tuple[Check, ...], _ROWS)
_write_report, _read_report = codec_of(ControlPlaneReport)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _parse(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise BadFrameError("expected JSON") from None
