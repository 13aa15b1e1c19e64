"""Accounts of this machine: names of ids, and access to a state directory."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from wgmon_tui.text import printable


def login_name(uid: int) -> str:
    """The account's name, printable, or its number if it has none. May query the network: not in a loop."""
    try:
        return printable(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """The group's name, printable, or its number if it has none."""
    try:
        return printable(grp.getgrgid(gid).gr_name)
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
