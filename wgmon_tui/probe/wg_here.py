"""The WireGuard interfaces of this machine, as its wg(8) shows them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wgmon_tui.fleet.wg_dump import Dumps, InspectionError, parse_dump_of_all
from wgmon_tui.probe.inspect import output_of

_SHOW_ALL = ("wg", "show", "all", "dump")
_LONGEST = 16 << 20
"""Bytes: a hub has some 200 for each of its peers."""

_LIMIT_S = 5.0
_OWN_STATUS = Path("/proc/self/status")
_CAP_NET_ADMIN = 1 << 12


def interfaces_here() -> Dumps:
    """Every interface with its peers. Raises InspectionError: no wg here, or it is not for us."""
    if shutil.which(_SHOW_ALL[0]) is None:
        raise InspectionError("there is no program wg here; install wireguard-tools")
    try:
        return parse_dump_of_all(output_of(_SHOW_ALL, Path("/"), _LIMIT_S, _LONGEST))
    except InspectionError as error:
        if _may_ask():
            raise InspectionError(f"wg show all dump: {error}") from None
        raise InspectionError(
            "wg shows its interfaces only to who has CAP_NET_ADMIN; "
            "type: sudo wg show all dump | wgmon-tui import --wg -"
        ) from None


def interfaces_if_shown() -> Dumps | None:
    """The same where it costs nothing to ask; None where there is no wg, or it is not for us.

    Only who may see them asks: a refused attempt at every check would fill the log of a careful machine.
    """
    if not _may_ask() or shutil.which(_SHOW_ALL[0]) is None:
        return None
    try:
        return interfaces_here()
    except InspectionError:
        return None


def _may_ask() -> bool:
    try:
        status = _OWN_STATUS.read_text()
    except OSError:  # no Linux
        return os.geteuid() == 0
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_NET_ADMIN)
