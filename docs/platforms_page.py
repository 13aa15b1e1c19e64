"""The page platforms.md, from the table of wgmon_tui/net/platforms.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wgmon_tui.net.platforms import FREEBSD, MACOS, PLATFORMS, Platform

_INTRODUCTION = """# Platforms

wgmon-tui needs Python 3.11 to 3.14 and a POSIX system. Linux is the one that it knows best. CI runs all
tests on Linux with each Python, and the default suite on macOS. For FreeBSD it checks the types, and runs
most of the suite on Linux as FreeBSD would: without the names that only Linux has, and with FreeBSD's
socket options (`make systems`). Other systems are not tested.

The default suite ran with Python 3.11, 3.12 and 3.13 on Debian 12, and with Python 3.14.10 on Debian
unstable of 2026-11-30: OpenSSL 3.6, OpenVPN 2.7.8, strongSwan 6.1 and Wireshark 4.6. It has not yet run on
a real macOS or FreeBSD.

The protocol, the verdicts, the store, alerts and screens are the same everywhere. These parts of the
system differ:
"""

_CONSEQUENCES = """
What this means in practice:

- **ICMP errors.** macOS and FreeBSD report them only to a connected socket, as an error number. So each
  server gets a connected socket on the common port, up to 128 for each IP version. A port counts as
  closed whoever reports it: a firewall on the path that rejects with "port unreachable" looks like the
  server itself. Other errors appear as the nearest ICMP error. `wgmon-tui trace` needs the sender of
  each error, so it works on Linux only; elsewhere, advice names mtr.
- **Open files.** These sockets count as open files. `doctor` says how many a fleet needs. macOS allows
  256 by default; `ulimit -n 1024` raises that.
- **A silent gateway** is not named as the cause: the server is shown as silent.
- **Locks.** Where a lock belongs to the process, programs that use the library in several threads still
  exclude each other: the process keeps a table of its own locks.
- **systemd** exists only on Linux. `wgmon-tui run` works in the foreground everywhere; use launchd or
  rc.d.
"""

_ROWS: tuple[tuple[str, Callable[[Platform], str]], ...] = (
    ("ICMP errors", lambda row: "error queue" if row.has_error_queue else "connected sockets"),
    ("sender of an ICMP error", lambda row: _yes(row.has_error_queue)),
    ("arrival time by the kernel", lambda row: _timestamp(row)),
    ("count of dropped answers", lambda row: _yes(row.has_drop_counter)),
    ("routes and neighbours", lambda row: "rtnetlink" if row.has_routing_socket else "no"),
    ("account behind a Unix socket", lambda row: f"`{row.peer_source.value}`"),
    ("locks of checks", lambda row: "of the open file" if row.has_open_file_locks else "of the process"),
    ("bytes of a socket's path", lambda row: str(row.socket_path_bytes)),
)


def platforms() -> str:
    """What each operating system offers, and what is less exact there."""
    return "\n".join(_platforms())


def _platforms() -> Iterator[str]:
    yield _INTRODUCTION
    yield f"| | {' | '.join(row.name for row in PLATFORMS)} |"
    yield f"|---|{'---|' * len(PLATFORMS)}"
    for name, cell in _ROWS:
        yield f"| {name} | {' | '.join(cell(row) for row in PLATFORMS)} |"
    yield "\n`doctor` prints what is less exact on its machine. Compared with Linux:\n"
    for row in (MACOS, FREEBSD):
        yield f"**{row.name}**\n"
        yield from (f"- {sentence}" for sentence in row.less_exact)
        yield ""
    yield _CONSEQUENCES.lstrip("\n")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _timestamp(row: Platform) -> str:
    timestamp = row.receive_timestamp
    if timestamp is None:
        return "no"
    return f"`{timestamp.name}`, in {'nanoseconds' if timestamp.unit_ns == 1 else 'microseconds'}"
