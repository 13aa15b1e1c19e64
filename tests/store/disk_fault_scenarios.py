"""Disk faults that need a separate process: `python -m tests.store.disk_fault_scenarios SCENARIO DIRECTORY`.

SCENARIO is `full` or `read-only`. As root, a scenario runs in a mount namespace made by `unshare`, on a small
disk that is full or mounted read-only: root ignores file modes. Without root, a limit on file sizes and the
mode of the directory have the same effect.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from tests.store.recorder_harness import Desk, query_store, recording
from wgmon_tui.store.store_version import STORE

_ROOM = 2**20


def main() -> None:
    """Run one scenario; print what the recorder reports, one line per state."""
    scene, directory = sys.argv[1], Path(sys.argv[2])
    if os.geteuid() == 0:
        mount("-t", "tmpfs", "-o", f"size={_ROOM}", "tmpfs", str(directory))
    {"full": full, "read-only": read_only}[scene](directory / "state")


def full(state: Path) -> None:
    """The disk is full; later there is free space again."""
    with recording(Desk(state)) as desk:
        desk.check()
        desk.written()
        print(desk.recorder.trouble)
        make_room = fill_disk(state)
        kept = wait_for_trouble(desk)
        make_room()
        wait_for_recovery(desk, kept)


def read_only(state: Path) -> None:
    """The directory is read-only from the start; later it can be written."""
    with recording(Desk(state)) as desk:
        desk.check()
    let_write = protect(state)
    desk = Desk(state)
    desk.recorder.start()
    desk.recorder.watch(desk.states.values())
    print(None)
    kept = wait_for_trouble(desk, before=1)
    let_write()
    wait_for_recovery(desk, kept)
    desk.recorder.stop()
    assert desk.recorder.failure is None, desk.recorder.failure


def wait_for_trouble(desk: Desk, before: int = 1) -> int:
    """Run checks until the recorder reports trouble; return how many checks there are."""
    checks = before
    while not desk.recorder.trouble or "not written yet" not in desk.recorder.trouble:
        desk.check()
        desk.clock.now += 10
        checks += 1
        desk.until(lambda: not desk.recorder._server_updates)
    print(desk.recorder.trouble)
    return checks


def wait_for_recovery(desk: Desk, checks: int) -> None:
    """Check that all is written without a request, and that nothing is broken."""
    desk.until(lambda: desk.recorder.trouble is None)
    desk.written()
    print(desk.recorder.trouble)
    with closing(sqlite3.connect(desk.state_dir / STORE)) as connection:
        print(connection.execute("PRAGMA integrity_check").fetchone()[0])
    (rolled,) = query_store(desk.state_dir, "SELECT ifnull(sum(checks), 0) FROM minutes")[0]
    (waiting,) = query_store(desk.state_dir, _UNROLLED)[0]
    print(checks - rolled - waiting, "lost")


def fill_disk(state: Path) -> Callable[[], None]:
    """Fill the disk; call the result to free space again."""
    if os.geteuid() != 0:
        former = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, former[1]))
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, former)
    ballast = state.parent / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1024))
    return ballast.unlink


def protect(state: Path) -> Callable[[], None]:
    """Make the directory read-only; call the result to undo that."""
    if os.geteuid() == 0:
        mount("-o", "remount,ro", str(state.parent))
        return lambda: mount("-o", "remount,rw", str(state.parent))
    state.chmod(0o500)
    (state / STORE).chmod(0o400)

    def let_write() -> None:
        state.chmod(0o700)
        (state / STORE).chmod(0o600)

    return let_write


def mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)


_UNROLLED = """SELECT count(*) FROM checks LEFT JOIN current USING (series)
    WHERE checks.verdict IS NOT NULL AND checks.id > ifnull(as_of, 0)"""

if __name__ == "__main__":
    main()
