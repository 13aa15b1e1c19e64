"""Which of the things that a control plane reports end soon enough to be noted with its check."""

from __future__ import annotations

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.expiry import Expires

_SOON_S = 100 * 86_400.0
"""Longer than any time of warning."""

_MOST = 50
"""Each check stores them: those that end first are enough to act on."""


def find_expiries(report: ControlPlaneReport, now: float) -> list[Expires]:
    """Find keys and invitations that end soon, or have ended, the first first."""
    found = [
        *report.expiries,
        *(Expires("node key", each.name, each.key_expiry) for each in report.nodes if each.key_expiry),
    ]
    soon = [each for each in found if each.at < now + _SOON_S]
    return sorted(soon, key=lambda each: each.at)[:_MOST]
