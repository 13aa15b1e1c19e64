"""The WireGuard interfaces of this machine, read with wg(8).

Each is read separately: the process of a userspace interface may hang, which `wg show all` waits for.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wgmon_tui.checks.inspection import LocalInterfaces
from wgmon_tui.config.imports.wg_dump_parser import (
    InspectionError,
    InterfaceDump,
    parse_all_dumps,
    parse_dump,
)
from wgmon_tui.protocols.wireguard.server_view import CommandTimeoutError, run_command

_MAX_OUTPUT_BYTES = 16 << 20
"""Output limit in bytes: a hub needs about 200 per peer."""

_MAX_NAMES_BYTES = 1 << 20
_READERS = 8

REQUESTED_LIMIT_S = 5.0
"""The time for an interface that a person asks for."""

CHECK_LIMIT_S = 0.5
"""The time for an interface beside a check; a working one needs milliseconds."""

_OWN_STATUS = Path("/proc/self/status")
_CAP_NET_ADMIN = 1 << 12


def read_local_interfaces(limit_s: float = REQUESTED_LIMIT_S) -> LocalInterfaces:
    """Read every interface with its peers, each within `limit_s`.

    Raises InspectionError if wg is missing or access is denied.
    """
    if shutil.which("wg") is None:
        raise InspectionError("there is no program wg here; install wireguard-tools")
    try:
        names = run_command(("wg", "show", "interfaces"), Path("/"), limit_s, _MAX_NAMES_BYTES).split()
    except InspectionError:
        return _read_all_at_once(limit_s)
    with ThreadPoolExecutor(_READERS) as pool:
        found = dict(zip(names, pool.map(lambda name: _read(name, limit_s), names), strict=True))
    dumps = {name: each for name, each in found.items() if isinstance(each, InterfaceDump)}
    hung = [name for name, each in found.items() if isinstance(each, CommandTimeoutError)]
    if names and not dumps and not hung:
        return _read_all_at_once(limit_s)
    return LocalInterfaces(dumps, hung, limit_s)


def _read(name: str, limit_s: float) -> InterfaceDump | InspectionError:
    try:
        return parse_dump(run_command(("wg", "show", name, "dump"), Path("/"), limit_s, _MAX_OUTPUT_BYTES))
    except InspectionError as error:
        return error


def _read_all_at_once(limit_s: float) -> LocalInterfaces:
    """Read with one command, whose error explains why nothing can be read. Raises InspectionError."""
    try:
        command = ("wg", "show", "all", "dump")
        return LocalInterfaces(parse_all_dumps(run_command(command, Path("/"), limit_s, _MAX_OUTPUT_BYTES)))
    except InspectionError as error:
        if _can_read_interfaces():
            raise InspectionError(f"wg show all dump: {error}") from None
        raise InspectionError(
            "wg needs CAP_NET_ADMIN; type: sudo wg show all dump | wgmon-tui import --wg -"
        ) from None


def read_local_interfaces_if_permitted() -> LocalInterfaces | None:
    """Read the interfaces beside a check, if this process may; None without wg or without permission.

    Without permission wg is not run: a denied attempt per check would fill the system log.
    """
    if not _can_read_interfaces() or shutil.which("wg") is None:
        return None
    try:
        return read_local_interfaces(CHECK_LIMIT_S)
    except InspectionError:
        return None


def _can_read_interfaces() -> bool:
    try:
        status = _OWN_STATUS.read_text()
    except OSError:  # not Linux
        return os.geteuid() == 0
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_NET_ADMIN)
