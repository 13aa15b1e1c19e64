"""Accounts of this machine: names of ids, credentials of a socket peer, and access to a state directory."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.text import printable

_UCRED = struct.Struct("3i")
_SO_PEERGROUPS = 59
"""Linux 4.13 and later; the socket module has no name for it."""
_GROUPS_BYTES = 1024
"""The limit of the socket module: 256 groups."""


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """The process at the other end of a Unix socket, as the kernel reports it."""

    pid: int
    uid: int
    gids: frozenset[int]


def read_peer_credentials(connected: socket.socket) -> PeerCredentials:
    """Read the credentials of the process at the other end of a socket. Raises OSError."""
    pid, uid, gid = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    try:
        raw = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
        groups = frozenset(struct.unpack(f"{len(raw) // 4}I", raw))
    except OSError:
        groups = _look_up_groups(uid, gid)  # an older kernel, or too many of them
    return PeerCredentials(pid, uid, groups | {gid})


def _look_up_groups(uid: int, gid: int) -> frozenset[int]:
    """The groups that the account gets at its next login."""
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return frozenset()


def login_name(uid: int) -> str:
    """The account's name, or its number if it has none. May query the network (LDAP): not in a loop."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The group's name, or its number if it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def is_shared(status: os.stat_result) -> bool:
    """Whether members of its group can read a state directory."""
    return status.st_mode & (stat.S_IRGRP | stat.S_IXGRP) == stat.S_IRGRP | stat.S_IXGRP


def explain_access_denied(state_dir: Path) -> str:
    """Explain in one line why this account cannot read a state directory, and what to do."""
    place = printable(str(state_dir))
    try:
        status = state_dir.stat()
    except OSError:
        return f"{place}: access denied for this account; use your own state directory: --state DIR"
    if not is_shared(status):
        owner = login_name(status.st_uid)
        return (
            f"{place}: access denied for this account; it belongs to {owner} and is not shared with a group"
        )
    login, group = login_name(os.geteuid()), group_name(status.st_gid)
    if status.st_gid in (os.getegid(), *os.getgroups()):
        return f"{place}: not readable, although this account is in its group {group}"
    if _is_member(login, status.st_gid):
        return f"{place}: this session is older than your membership in the group {group}; log in again"
    command = f"sudo usermod -aG {shlex.quote(group)} {shlex.quote(login)}"
    return (
        f"{place}: access denied for this account; ask an administrator to run {command}, then log in again"
    )


def _is_member(login: str, gid: int) -> bool:
    try:
        return gid in os.getgrouplist(login, pwd.getpwnam(login).pw_gid)
    except KeyError:
        return False
