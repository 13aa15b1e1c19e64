"""Checks of files: servers.toml, permissions, secrets, the state directory and timestamps."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from wgmon_tui.checks import tai64n
from wgmon_tui.config import config_toml
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.ownership import command_as, foreign_owner
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.core_dumps import explain_core_dumps
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.secrets.private_files import chmod_advice, is_open_to_others, shown
from wgmon_tui.config.servers_file import NAME, is_read_only, read
from wgmon_tui.config.trusted_files import find_problem
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.net.accounts import login_name
from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.text import format_elapsed

_SECRET_SUFFIXES = (".key", ".psk", ".hpk")
_MAX_AHEAD_S = 1.0
_MAX_STAMP_BYTES = 1024


def check_servers_file(config_dir: Path) -> tuple[Fleet, list[ExaminedItem]]:
    """Read servers.toml. Returns the fleet, empty if the file is invalid, and a finding for each error."""
    try:
        fleet = read(config_dir).fleet
    except ConfigurationError as error:
        return Fleet(), [ExaminedItem(NAME, ItemStatus.FIX, line) for line in error.lines]
    if not fleet.servers:
        fact = f"no servers in {shown(config_dir / NAME)}"
        advice = "type: wgmon-tui add NAME ENDPOINT PUBLIC_KEY, or: wgmon-tui add FILE.conf"
        return fleet, [ExaminedItem(NAME, ItemStatus.LOOK, fact, advice)]
    servers, identities = len(fleet.servers), len(fleet.identities)
    return fleet, [ok_item(NAME, f"{shown(config_dir / NAME)}: servers {servers}, identities {identities}")]


def check_data_path(fleet: Fleet) -> list[ExaminedItem]:
    """Check that data through the tunnel can be tested. Without a tunnel address it cannot."""
    tunnelled = [server for server in fleet.servers if server.tunnel]
    probing_identities = {server.identity for server in tunnelled}
    items = [
        ExaminedItem(
            "data path",
            ItemStatus.LOOK,
            f'identity "{identity.name}" has no tunnel address: its servers can at most be unproven',
            'add to it: addresses = ["TUNNEL-ADDRESS"], as in AllowedIPs on the server',
        )
        for identity in fleet.identities
        if identity.name in probing_identities and not identity.addresses
    ]
    items += [
        ExaminedItem("data path", ItemStatus.FIX, f'server "{server.name}": {target.key}: {target}')
        for server in tunnelled
        for target in find_unaddressed_targets(server, fleet.identity(server.identity))
    ]
    if items or not fleet.servers:
        return items
    unnamed = [
        each
        for each in tunnelled
        if not (each.tunnel_ping or each.tunnel_dns or each.tunnel_tcp or each.tunnel_http)
    ]
    if not unnamed:
        return [ok_item("data path", "every server has inner addresses to test")]
    fact = f"the first hop is pinged where tunnel_ping is missing: {unnamed[0].name}"
    others = f" and {len(unnamed) - 1} more" if len(unnamed) > 1 else ""
    return [ok_item("data path", fact + others)]


def check_permissions(config_dir: Path) -> list[ExaminedItem]:
    """Check that other users cannot change the files whose commands run as this user."""
    items = []
    for name in (NAME, config_toml.NAME):
        try:
            problem = find_problem(config_dir / name)
        except OSError:
            # An unreadable file has a separate finding.
            continue
        if problem:
            items.append(ExaminedItem("permissions", ItemStatus.FIX, problem.fact, problem.advice))
    if not items and config_dir.is_dir():
        items.append(ok_item("permissions", f"no other user can write {shown(config_dir)}"))
    return list(dict.fromkeys(items)) if config_dir.is_dir() else []


def check_secrets(keyring: Keyring, config_dir: Path) -> list[ExaminedItem]:
    """Findings for unreadable secrets, then for secrets that other users can read."""
    lines = list(dict.fromkeys((*keyring.identity_problems.values(), *keyring.problems.values())))
    lines += [
        chmod_advice(path)
        for path in _open_secrets(config_dir)
        if not any(shown(path) in already for already in lines)
    ]
    if lines:
        return [ExaminedItem("secrets", ItemStatus.FIX, text) for text in lines]
    return [ok_item("secrets", f"all readable; private keys: {len(keyring.private_keys)}")]


def check_core_dumps() -> ExaminedItem:
    """Check that a crash does not write keys to a file."""
    if trouble := explain_core_dumps():
        return ExaminedItem(
            "core dumps",
            ItemStatus.LOOK,
            f"a crash may write keys to a file: {trouble}",
            "for a service, add LimitCORE=0 to its unit, and type: sysctl kernel.core_pattern",
        )
    return ok_item("core dumps", "switched off for this program")


def _open_secrets(config_dir: Path) -> Iterator[Path]:
    """Key files next to servers.toml, in use or not, that other users can read."""
    try:
        for path in sorted(config_dir.iterdir()):
            if path.suffix in _SECRET_SUFFIXES and is_open_to_others(path.stat()):
                yield path
    except OSError:
        return


def check_state_directory(state_dir: Path) -> ExaminedItem:
    """Check that the state directory is writable, or can be created."""
    if owner := foreign_owner(state_dir):
        fact = f"{shown(state_dir)} belongs to {login_name(owner)}; root leaves its files alone"
        return ExaminedItem("state", ItemStatus.LOOK, fact, f"type: {command_as(owner)}")
    advice = "choose another directory: --state DIR"
    try:
        there = next(path for path in (state_dir, *state_dir.absolute().parents) if path.exists())
        if there == state_dir:
            with tempfile.TemporaryFile(dir=state_dir) as file:
                file.write(b"\0")
        elif not os.access(there, os.W_OK | os.X_OK):
            reason = ": the file system is read-only" if is_read_only(there) else ""
            raise PermissionError(0, f"cannot be created in {shown(there)}{reason}")
    except OSError as error:
        fact = f"{shown(state_dir)}: {error.strerror}"
        return ExaminedItem("state", ItemStatus.FIX, fact, advice)
    if foreign := _find_foreign_entry(state_dir):
        fact = f"{shown(foreign)} belongs to another user: this account cannot write it"
        command = f"sudo chown -R {shlex.quote(login_name(os.geteuid()))} {shlex.quote(shown(state_dir))}"
        return ExaminedItem("state", ItemStatus.FIX, fact, f"type: {command}")
    return ok_item(
        "state", f"{shown(state_dir)} {'is writable' if there == state_dir else 'will be created'}"
    )


def check_held_timestamps(state_dir: Path, identities: Mapping[str, PublicKey]) -> list[ExaminedItem]:
    """Find out whether checks are held, because a timestamp would be far ahead. Uses up no timestamp."""
    if not (state_dir / "stamps").is_dir():
        return []
    with TimestampLedger(state_dir) as timestamps:
        for public_key in identities.values():
            timestamps.may_stamp(public_key)
        if timestamps.held is None:
            return []
    fact, _, advice = timestamps.held.rpartition("; ")
    return [ExaminedItem("timestamps", ItemStatus.FIX, fact, advice)]


def _find_foreign_entry(state_dir: Path) -> Path | None:
    """A file that another account left in the state directory of this one, as root could before."""
    if os.geteuid() == 0:
        return None
    try:
        entries = [*state_dir.iterdir(), *(state_dir / "stamps").glob("*")]
        return next((entry for entry in entries if entry.lstat().st_uid != os.geteuid()), None)
    except OSError:
        return None


def check_timestamps(state_dir: Path, identities: Mapping[str, PublicKey], now_ns: int) -> list[ExaminedItem]:
    """Find identities whose last TAI64N timestamp is ahead of the clock, which was then set back.

    Uses up no timestamp. `now_ns` is Unix time in nanoseconds.
    """
    ahead = {}
    for name, public_key in identities.items():
        try:
            # The file name is the same as in store/timestamp_ledger.py.
            path = state_dir / "stamps" / hashlib.sha256(public_key.raw).hexdigest()[:32]
            stored, _ = read_regular(path, _MAX_STAMP_BYTES)
            ahead[name] = (tai64n.decode(stored) - now_ns) / 1e9
        except (OSError, ValueError):
            # Not used yet, or damaged: the next timestamp comes from the clock.
            continue
    items = [
        ExaminedItem(
            "timestamps",
            ItemStatus.LOOK,
            f'the last timestamp of identity "{name}" is {format_elapsed(seconds)} ahead of the clock, '
            "which was set back",
            f"until then, servers ignore another prober with this key; type: {PLATFORM.commands.clock}",
        )
        for name, seconds in ahead.items()
        if seconds > _MAX_AHEAD_S
    ]
    return items or [ok_item("timestamps", "none is ahead of the clock")]
