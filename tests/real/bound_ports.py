"""The port that a program has bound by itself, after it was told to use port 0.

A test that picks a free port and passes it on loses it now and then: until the program binds it, another test
may get the same one. That test then receives what was meant for the program.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

_READY_WITHIN_S = 60.0
_LISTENING = {
    "tcp": "0A",
    "udp": "07",
}  # TCP_LISTEN, and TCP_CLOSE, which is how an unconnected UDP socket is


def bound_port(process: subprocess.Popen[bytes], protocol: str = "tcp") -> int:
    """Wait for the only IPv4 port of a process: one that listens (tcp), or an unconnected one (udp)."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while not (ports := _bound_ports(process.pid, protocol)):
        assert process.poll() is None, "the program ended before it was ready"
        assert time.monotonic() < deadline, "the program binds no port"
        time.sleep(0.01)
    (port,) = ports
    return port


def _bound_ports(pid: int, protocol: str) -> set[int]:
    """The ports of a process in the tables of its network namespace (proc_pid_net(5))."""
    sockets = _links(Path(f"/proc/{pid}/fd"))
    ports = set()
    for line in Path(f"/proc/{pid}/net/{protocol}").read_text().splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == _LISTENING[protocol] and f"socket:[{rest[5]}]" in sockets:
            ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _links(directory: Path) -> set[str]:
    """What the links of a directory point to. Descriptors may be closed meanwhile."""
    found = set()
    for each in directory.iterdir():
        try:
            found.add(str(each.readlink()))
        except FileNotFoundError:
            continue
    return found
