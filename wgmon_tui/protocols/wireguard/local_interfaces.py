"""The WireGuard interfaces of this machine, read with wg(8)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from wgmon_tui.config.imports.wg_dump_parser import InspectionError, InterfaceDumps, parse_all_dumps
from wgmon_tui.protocols.wireguard.server_view import run_command

_SHOW_ALL = ("wg", "show", "all", "dump")
_MAX_OUTPUT_BYTES = 16 << 20
"""Output limit in bytes: a hub needs about 200 per peer."""

_LIMIT_S = 5.0
_OWN_STATUS = Path("/proc/self/status")
_CAP_NET_ADMIN = 1 << 12


def read_local_interfaces() -> InterfaceDumps:
    """Read every interface with its peers. Raises InspectionError if wg is missing or access is denied."""
    if shutil.which(_SHOW_ALL[0]) is None:
        raise InspectionError("there is no program wg here; install wireguard-tools")
    try:
        return parse_all_dumps(run_command(_SHOW_ALL, Path("/"), _LIMIT_S, _MAX_OUTPUT_BYTES))
    except InspectionError as error:
        if _can_read_interfaces():
            raise InspectionError(f"wg show all dump: {error}") from None
        raise InspectionError(
            "wg needs CAP_NET_ADMIN; type: sudo wg show all dump | wgmon-tui import --wg -"
        ) from None


def read_local_interfaces_if_permitted() -> InterfaceDumps | None:
    """Read the interfaces if this process may; None without wg or without permission.

    Without permission wg is not run: a denied attempt per check would fill the system log.
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
    except OSError:  # not Linux
        return os.geteuid() == 0
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_NET_ADMIN)
