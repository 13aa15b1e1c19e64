"""The WireGuard interfaces of this machine, as its wg(8) shows them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wgmon_tui.config.imports.wg_dump_parser import InspectionError, InterfaceDumps, parse_all_dumps
from wgmon_tui.protocols.wireguard.server_view import run_command

_SHOW_ALL = ("wg", "show", "all", "dump")
_MAX_OUTPUT_BYTES = 16 << 20
"""Bytes: a hub has some 200 for each of its peers."""

_LIMIT_S = 5.0
_OWN_STATUS = Path("/proc/self/status")
_CAP_NET_ADMIN = 1 << 12


def read_local_interfaces() -> InterfaceDumps:
    """Every interface with its peers. Raises InspectionError: no wg here, or it is not for us."""
    if shutil.which(_SHOW_ALL[0]) is None:
        raise InspectionError("there is no program wg here; install wireguard-tools")
    try:
        return parse_all_dumps(run_command(_SHOW_ALL, Path("/"), _LIMIT_S, _MAX_OUTPUT_BYTES))
    except InspectionError as error:
        if _can_read_interfaces():
            raise InspectionError(f"wg show all dump: {error}") from None
        raise InspectionError(
            "wg shows its interfaces only to who has CAP_NET_ADMIN; "
            "type: sudo wg show all dump | wgmon-tui import --wg -"
        ) from None


def read_local_interfaces_if_permitted() -> InterfaceDumps | None:
    """The same where it costs nothing to ask; None where there is no wg, or it is not for us.

    Only who may see them asks: a refused attempt at every check would fill the log of a careful machine.
    """
    if not _can_read_interfaces() or shutil.which(_SHOW_ALL[0]) is None:
        return None
    try:
        return read_local_interfaces()
    except InspectionError:
        return None


def _can_read_interfaces() -> bool:
    try:
        status = _OWN_STATUS.read_text()
    except OSError:  # no Linux
        return os.geteuid() == 0
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_NET_ADMIN)
