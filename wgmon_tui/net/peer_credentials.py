"""Credentials of the process at the other end of a Unix socket."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import struct

from wgmon_tui.net.platforms import PLATFORM, PeerSource
from wgmon_tui.records import dataclass

# Linux: unix(7), and the uapi headers for what the socket module has no name for.
_SO_PEERCRED = getattr(socket, "SO_PEERCRED", 17)
_UCRED = struct.Struct("3i")
_SO_PEERGROUPS = 59
"""Linux 4.13 and later."""
_GROUPS_BYTES = 1024
"""The limit of the socket module: 256 groups."""

# macOS and FreeBSD: unix(4), sys/un.h and sys/ucred.h.
_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1
_LOCAL_PEERPID = 2  # macOS only
_MOST_XUCRED_GROUPS = 16
_XUCRED = struct.Struct("@IIh16I")
"""`struct xucred`: version, user, number of groups, groups; the effective group is the first."""
_XUCRED_PID = struct.calcsize("@IIh16I0P")
"""Offset of the process id, which FreeBSD 13 and later append."""


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """The process at the other end of a Unix socket, as the kernel reports it; `pid` is 0 if it does not."""

    pid: int
    uid: int
    gids: frozenset[int]


def read_peer_credentials(
    connected: socket.socket, source: PeerSource = PLATFORM.peer_source
) -> PeerCredentials:
    """Read the credentials of the process at the other end of a socket. Raises OSError."""
    match source:
        case PeerSource.SO_PEERCRED:
            return _read_ucred(connected)
        case PeerSource.LOCAL_PEERCRED:
            return _read_xucred(connected)
        case PeerSource.GETPEEREID:
            uid, gid = _getpeereid(connected)
            return PeerCredentials(0, uid, _look_up_groups(uid, gid) | {gid})


def _read_ucred(connected: socket.socket) -> PeerCredentials:
    pid, uid, gid = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, _SO_PEERCRED, _UCRED.size))
    try:
        raw = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
        groups = frozenset(struct.unpack(f"{len(raw) // 4}I", raw))
    except OSError:
        groups = _look_up_groups(uid, gid)  # an older kernel, or too many of them
    return PeerCredentials(pid, uid, groups | {gid})


def _read_xucred(connected: socket.socket) -> PeerCredentials:
    raw = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _GROUPS_BYTES)
    if len(raw) < _XUCRED.size:
        raise OSError(errno.EINVAL, "the kernel does not tell who is connected")
    _, uid, count, *listed = _XUCRED.unpack_from(raw)
    count = max(1, min(count, _MOST_XUCRED_GROUPS))
    groups = frozenset(listed[:count])
    if count == _MOST_XUCRED_GROUPS:  # the kernel lists no more of them
        groups |= _look_up_groups(uid, listed[0])
    if len(raw) >= _XUCRED_PID + 4:
        (pid,) = struct.unpack_from("@i", raw, _XUCRED_PID)
    else:
        pid = _read_peer_pid(connected)
    return PeerCredentials(max(0, pid), uid, groups)


def _read_peer_pid(connected: socket.socket) -> int:
    try:
        return connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
    except OSError:
        return 0


def _getpeereid(connected: socket.socket) -> tuple[int, int]:
    """The user and group of getpeereid(3), which the BSDs have in libc. Raises OSError."""
    import ctypes  # only for systems that this table does not name

    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    try:
        function = ctypes.CDLL(None, use_errno=True).getpeereid
    except AttributeError:
        raise OSError(errno.ENOSYS, "this system does not tell who is connected") from None
    if function(connected.fileno(), ctypes.byref(uid), ctypes.byref(gid)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return uid.value, gid.value


def _look_up_groups(uid: int, gid: int) -> frozenset[int]:
    """The groups that the account gets at its next login."""
    try:
        return frozenset(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return frozenset()
