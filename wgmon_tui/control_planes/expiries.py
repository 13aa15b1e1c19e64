"""Which of the things that a control plane reports end soon enough to be noted with its check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.expiry import Expires, name_with_id

_SOON_S = 100 * 86_400.0
"""Longer than any time of warning."""

_LONG_AGO_S = 30 * 86_400.0
"""What ended earlier is not noted: APIs list used-up keys and forgotten nodes for ever."""

_MOST = 50
"""Each check stores them. In a large mesh, some key of a node ends every hour: half is for other keys."""


def find_expiries(report: ControlPlaneReport, now: float) -> list[Expires]:
    """Find keys and invitations that end soon, or ended lately, the first first."""
    names = Counter(each.name for each in report.nodes)
    of_nodes = (
        Expires("node key", name_with_id(each.name, each.id, names[each.name] > 1), each.key_expiry)
        for each in report.nodes
        if each.key_expiry
    )
    own = _select(report.expiries, now, _MOST // 2)
    return sorted([*own, *_select(of_nodes, now, _MOST - len(own))], key=lambda each: each.at)


def _select(found: Iterable[Expires], now: float, most: int) -> list[Expires]:
    """Those that end next, and those that ended last. At least half are of the former, if there are any."""
    noted = sorted(
        (each for each in found if now - _LONG_AGO_S < each.at < now + _SOON_S), key=lambda each: each.at
    )
    coming = [each for each in noted if each.at > now]
    ended = noted[: len(noted) - len(coming)]
    coming = coming[: max(most - len(ended), most // 2)]
    return [*ended[len(ended) - min(len(ended), most - len(coming)) :], *coming]
