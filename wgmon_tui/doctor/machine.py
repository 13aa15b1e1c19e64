"""Checks of this machine: software, clock, and limits that matter for a large fleet."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from wgmon_tui.config.models import Fleet
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.net.connected_sockets import MAX_CONNECTED_SOCKETS
from wgmon_tui.net.platforms import PLATFORM, Platform
from wgmon_tui.text import format_utc_time

_PACKAGES = ("wgmon-tui", "textual", "pynacl", "tomli-w", "platformdirs")

RELEASE_YEAR = 2026
"""The year of this version. A clock that shows an earlier year is wrong."""

_STEP_S = 0.05

_MAX_CONCURRENT_CHECKS = 256
"""The maximum number of simultaneous checks that need separate sockets."""

_BASE_OPEN_FILES = 64

_STALL_S = 0.5
_DATAGRAM_COST = 832
"""Receive buffer bytes that the kernel uses for one small datagram; measured on Linux 6."""

_REQUESTED_BUFFER = 4 * 1024 * 1024


def check_software() -> list[ExaminedItem]:
    """Check Python, the required packages, and the platform."""
    return [check_packages(_installed()), check_platform(PLATFORM, platform.platform())]


def _installed() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def check_packages(found: dict[str, str | None]) -> ExaminedItem:
    """Report package versions and missing packages. libsodium is part of pynacl."""
    missing = [package for package, number in found.items() if number is None]
    if missing:
        names = " ".join(missing)
        return ExaminedItem("software", ItemStatus.FIX, f"missing: {names}", f"type: pip install {names}")
    versions = ", ".join(f"{package} {number}" for package, number in found.items())
    return ok_item("software", f"Python {platform.python_version()}, {versions}")


def check_platform(system: Platform, full_name: str) -> ExaminedItem:
    """Report the platform, and what this program sees less exactly there than on Linux."""
    if not system.less_exact:
        return ok_item("platform", full_name)
    return ExaminedItem("platform", ItemStatus.LOOK, full_name, "; ".join(system.less_exact))


def check_clock(now: float) -> ExaminedItem:
    """Check that the clock is plausible. `now` is Unix time in seconds."""
    shown = datetime.fromtimestamp(now, UTC)
    fact = f"{format_utc_time(now)}"
    if shown.year < RELEASE_YEAR:
        advice = "servers that saw a later timestamp stay silent until the clock is right; "
        advice += f"type: {PLATFORM.commands.clock}"
        return ExaminedItem("clock", ItemStatus.FIX, f"{fact}, before this version was released", advice)
    return ok_item("clock", fact)


def check_clock_steps(before: float, after: float) -> ExaminedItem:
    """Check whether the wall clock was set, from its offset to the monotonic clock before and after."""
    stepped = after - before
    if abs(stepped) > _STEP_S:
        fact = f"was set by {stepped:+.2f} s during the examination"
        return ExaminedItem("clock steps", ItemStatus.LOOK, fact, f"type: {PLATFORM.commands.clock}")
    return ok_item("clock steps", "none during the examination")


def check_ntp(shown: str | None) -> list[ExaminedItem]:
    """The NTP status from `timedatectl show`; no item without one."""
    found = re.search(r"^NTPSynchronized=(yes|no)$", shown or "", re.MULTILINE)
    if found is None:
        return []
    if found[1] == "yes":
        return [ok_item("clock source", "synchronised by NTP")]
    return [
        ExaminedItem(
            "clock source", ItemStatus.LOOK, "not synchronised by NTP", "type: timedatectl set-ntp true"
        )
    ]


def check_open_files(limit: int, fleet: Fleet, system: Platform = PLATFORM) -> ExaminedItem:
    """Check the limit of open files against the needs of this fleet. `limit` -1 means no limit."""
    needed = _BASE_OPEN_FILES + len(fleet.identities) + 2 * min(len(fleet.servers), _MAX_CONCURRENT_CHECKS)
    if not system.has_error_queue:
        needed += min(len(fleet.servers), 2 * MAX_CONNECTED_SOCKETS)
    if 0 <= limit < needed:
        fact = f"{limit} are allowed, this fleet may need {needed}"
        return ExaminedItem("open files", ItemStatus.FIX, fact, f"type: ulimit -n {needed}")
    return ok_item("open files", f"{'any number' if limit < 0 else limit} allowed, {needed} needed at most")


def check_receive_buffer(rmem_max: int | None, fleet: Fleet) -> list[ExaminedItem]:
    """Check that the receive buffer covers a stall of half a second; no item if `rmem_max` is unknown.

    `rmem_max` is net.core.rmem_max in bytes. The kernel grants twice that size.
    """
    if rmem_max is None:
        return []
    answers = [
        (1 + server.tunnel_count * server.tunnel) / server.interval
        for server in fleet.servers
        if not server.paused
    ]
    needed = sum(answers) * _STALL_S * _DATAGRAM_COST
    granted = 2 * min(rmem_max, _REQUESTED_BUFFER)
    fact = f"holds {granted // _DATAGRAM_COST} answers; about {sum(answers):.1f} arrive each second"
    if needed > granted:
        advice = f"type: sysctl -w net.core.rmem_max={_REQUESTED_BUFFER}"
        if rmem_max >= _REQUESTED_BUFFER:
            advice = "set longer intervals in servers.toml"
        return [ExaminedItem("receive buffer", ItemStatus.LOOK, fact, advice)]
    return [ok_item("receive buffer", fact)]
