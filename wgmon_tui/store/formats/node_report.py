"""The stored form of what a control plane reports: compressed JSON."""

from __future__ import annotations

import json
import zlib

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.store.formats.record_codec import UnreadableValueError, codec_of


def to_bytes(report: ControlPlaneReport) -> bytes:
    """Encode a report."""
    write, _ = codec_of(ControlPlaneReport)
    return zlib.compress(json.dumps(write(report), separators=(",", ":")).encode())


def from_bytes(data: bytes) -> ControlPlaneReport | None:
    """Decode a stored report; None if it is damaged or of a version that this one cannot read."""
    _, read = codec_of(ControlPlaneReport)
    try:
        report = read(json.loads(zlib.decompress(data)))
    except (zlib.error, ValueError, RecursionError, UnreadableValueError):
        return None
    return report if isinstance(report, ControlPlaneReport) else None
