"""Makes a Python process on Linux see the `socket`, `os` and kernel interfaces of macOS or FreeBSD.

Python imports this module first in each process that has its directory in PYTHONPATH, also in the processes
that a test starts. TEST_AS_SYSTEM is the value of `sys.platform` to take: `freebsd14` or `darwin`.

It removes the names that only Linux has. It also answers the socket options by the numbers and layouts of
that system, and refuses what its kernel refuses. So the program runs with its own row for that system.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import select
import signal
import struct
import sys
import sysconfig
import time
from types import ModuleType
from typing import Any

_ONLY_LINUX: dict[ModuleType, tuple[str, ...]] = {
    os: (
        *("O_PATH", "O_TMPFILE", "O_DIRECT", "O_NOATIME", "O_LARGEFILE", "O_RSYNC"),
        *("sched_getaffinity", "sched_setaffinity", "sched_getscheduler", "sched_setscheduler"),
        *("pidfd_open", "memfd_create", "eventfd", "eventfd_read", "eventfd_write", "getrandom", "splice"),
        *("copy_file_range", "setns", "unshare", "posix_fallocate", "posix_fadvise", "fdatasync", "pipe2"),
        *("getxattr", "setxattr", "listxattr", "removexattr", "waitid", "getresuid", "setresuid"),
        *("getresgid", "setresgid"),
    ),
    select: ("epoll", *(name for name in dir(select) if name.startswith("EPOLL"))),
    signal: ("SIGRTMIN", "SIGRTMAX", "SIGPWR", "SIGSTKFLT", "SIGPOLL", "sigtimedwait", "sigwaitinfo"),
    time: ("CLOCK_BOOTTIME", "CLOCK_TAI", "CLOCK_MONOTONIC_RAW"),
    fcntl: tuple(
        name for name in dir(fcntl) if name.startswith(("F_OFD", "F_SEAL", "F_ADD_SEALS", "F_NOTIFY"))
    ),
    resource: ("prlimit", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME"),
}
_ONLY_LINUX_SOCKET = (
    *("SOCK_NONBLOCK", "SOCK_CLOEXEC", "SO_PEERCRED", "SO_PASSCRED", "SO_PEERSEC", "SO_PASSSEC", "SO_MARK"),
    *("SO_BINDTODEVICE", "SO_DOMAIN", "SO_PROTOCOL", "SO_INCOMING_CPU", "SO_PRIORITY", "MSG_ERRQUEUE"),
    *("MSG_CONFIRM", "MSG_MORE", "TCP_CORK", "TCP_USER_TIMEOUT", "TCP_DEFER_ACCEPT", "TCP_QUICKACK"),
)
_ONLY_LINUX_FAMILIES = ("AF_NETLINK", "NETLINK_", "AF_PACKET", "PACKET_", "AF_ALG", "ALG_", "AF_CAN", "CAN_")

_SO_TIMESTAMP = 0x0400
_SCM_TIMESTAMP = 0x02
_LINUX_SO_TIMESTAMP = 29
_LINUX_SO_PEERCRED = 17
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2
_IP_DONTFRAG = {"freebsd14": 67, "darwin": 28}
_LINUX_MTU_DISCOVER, _PROBE, _MAY_FRAGMENT = 10, 3, 5
_MAX_RECEIVE_BUFFER = 2 * 1024 * 1024  # FreeBSD's kern.ipc.maxsockbuf
_PATH_BYTES = 103


def take_system(system: str) -> None:
    """Turn this process into one of `system`."""
    for module, names in _ONLY_LINUX.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on it asks for the affinity on Linux
        os.process_cpu_count = os.cpu_count
    import socket  # only now: `selectors` chooses from what `select` has

    for name in dir(socket):
        if name in _ONLY_LINUX_SOCKET or name.startswith(_ONLY_LINUX_FAMILIES):
            delattr(socket, name)
    sysconfig.get_config_vars()  # reads a file that is named by the true platform
    sys.platform = system
    sys.modules.setdefault("_scproxy", ModuleType("_scproxy"))  # which urllib imports on macOS
    for name in ("_get_proxy_settings", "_get_proxies"):
        setattr(sys.modules["_scproxy"], name, dict)
    _replace_socket_calls(system)


def _replace_socket_calls(system: str) -> None:
    import socket

    # The class of Python; the methods are those of the C class below it, whose types allow anything here.
    kernel: Any = socket.socket.__mro__[1]

    def setsockopt(self: socket.socket, level: int, option: int, *value: Any) -> None:
        if level == socket.SOL_SOCKET and option == socket.SO_RCVBUF and value[0] > _MAX_RECEIVE_BUFFER:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        if level == socket.SOL_SOCKET and option in (35, 55, 59):
            raise OSError(errno.ENOPROTOOPT, "Linux alone has this option")
        if level in (socket.IPPROTO_IP, socket.IPPROTO_IPV6) and option in (11, 25):
            raise OSError(errno.ENOPROTOOPT, "Linux alone has an error queue")
        if (level, option) == (socket.IPPROTO_IP, _IP_DONTFRAG[system]):
            option, value = _LINUX_MTU_DISCOVER, (_PROBE if value[0] else _MAY_FRAGMENT,)
        is_timestamp = level == socket.SOL_SOCKET and option == _SO_TIMESTAMP
        kernel.setsockopt(self, level, _LINUX_SO_TIMESTAMP if is_timestamp else option, *value)

    def getsockopt(self: socket.socket, level: int, option: int, size: int = 0) -> int | bytes:
        if level == socket.SOL_SOCKET and option in (_LINUX_SO_PEERCRED, 55, 59):
            raise OSError(errno.ENOPROTOOPT, "Linux alone has this option")
        if self.family == socket.AF_UNIX and level == _SOL_LOCAL:
            return _answer_local(kernel, self, option, system)
        found: int | bytes = kernel.getsockopt(self, level, option, *((size,) if size else ()))
        return found

    def recvmsg(self: socket.socket, *arguments: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
        data, ancillary, flags, source = kernel.recvmsg(self, *arguments)
        return data, [_as_bsd(each, system) for each in ancillary], flags, source

    def sendto(self: socket.socket, data: bytes, *rest: Any) -> int:
        if self.type == socket.SOCK_DGRAM and self.family != socket.AF_UNIX and _is_connected(self):
            raise OSError(errno.EISCONN, "Socket is already connected")
        sent: int = kernel.sendto(self, data, *rest)
        return sent

    def bind(self: socket.socket, address: Any) -> None:
        kernel.bind(self, _checked(self, address))

    def connect(self: socket.socket, address: Any) -> None:
        if self.type == socket.SOCK_DGRAM and self.family != socket.AF_UNIX and _is_connected(self):
            raise OSError(errno.EISCONN, "Socket is already connected")
        kernel.connect(self, _checked(self, address))

    def _checked(self: socket.socket, address: Any) -> Any:
        if self.family == socket.AF_UNIX and len(os.fsencode(address)) > _PATH_BYTES:
            raise OSError("AF_UNIX path too long")
        if self.family == socket.AF_UNIX and os.fsencode(address).startswith(b"/proc/"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", address)
        return address

    for replacement in (setsockopt, getsockopt, recvmsg, sendto, bind, connect):
        setattr(socket.socket, replacement.__name__, replacement)


def _is_connected(sock: Any) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _answer_local(kernel: Any, sock: Any, option: int, system: str) -> int | bytes:
    """Answer LOCAL_PEERCRED and LOCAL_PEERPID from Linux's SO_PEERCRED."""
    pid, uid, gid = struct.unpack("3i", kernel.getsockopt(sock, 1, _LINUX_SO_PEERCRED, 12))
    if option == _LOCAL_PEERPID and system == "darwin":
        return int(pid)
    if option != _LOCAL_PEERCRED:
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")
    groups = [gid, *os.getgroups()[:15]]
    credentials = struct.pack("@IIh16I", 0, uid, len(groups), *groups, *([0] * (16 - len(groups))))
    if system == "darwin":
        return credentials
    return credentials.ljust(struct.calcsize("@IIh16I0P"), b"\0") + struct.pack("@iI", pid, 0)


def _as_bsd(message: tuple[int, int, bytes], system: str) -> tuple[int, int, bytes]:
    level, kind, value = message
    if (level, kind) != (1, _LINUX_SO_TIMESTAMP):
        return message
    seconds, microseconds = struct.unpack("@ll", value)
    return level, _SCM_TIMESTAMP, struct.pack("@li" if system == "darwin" else "@ll", seconds, microseconds)


if _system := os.environ.get("TEST_AS_SYSTEM"):
    take_system(_system)
