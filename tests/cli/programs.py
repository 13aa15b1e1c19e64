"""Run the program in a child process: with redirections, or with a function replaced by a fault."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.forked_program import own_lines
from tests.harm.command_scenarios import SCENARIOS, Site, make_site

_PREPARE = """\
import asyncio, sys, threading
from importlib import import_module
def fault(*_args, **_options):
    raise RuntimeError("the fault with the token hunter2")
async def async_fault(*_args, **_options):
    fault()
def thread_fault(*_args, **_options):
    thread = threading.Thread(target=fault)
    thread.start()
    thread.join()
def task_fault(*_args, **_options):
    asyncio.create_task(async_fault())
*path, name = {place!r}.split(".")
owner = None
for depth in range(len(path), 0, -1):
    try:
        owner = import_module(".".join(path[:depth]))
    except ModuleNotFoundError:
        continue
    for each in path[depth:]:
        owner = getattr(owner, each)
    break
setattr(owner, name, {kind})
sys.argv = ["wgmon-tui", *{words!r}]
from wgmon_tui.cli.main import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def site_in(directory: Path) -> Site:
    """Two servers on a closed port of loopback."""
    return make_site(directory / "site", SCENARIOS[0])


NO_FILE_GROWS = "export PYTHONDONTWRITEBYTECODE=1; ulimit -f 0"
"""For `shell`: what a full disk is like. Before it ignores SIGXFSZ, Python would cache modules."""


def shell(site: Site, redirections: str, *words: str, prepare: str = ":", inside: Sequence[str] = ()) -> Ran:
    """Run the program in bash; the code is that of the program in a pipeline.

    `inside` is a program with its options that runs bash, such as `unshare`.
    """
    program = f"{shlex.join(site.command(*words))} {redirections}"
    return _run(site, *inside, "bash", "-c", f"{prepare}; {program}; exit ${{PIPESTATUS[0]}}")


def with_fault(site: Site, place: str, *words: str, kind: str = "fault") -> Ran:
    """Run the program with a function replaced: its dotted name, and a function of `_PREPARE`."""
    code = _PREPARE.format(place=place, kind=kind, words=site.command(*words)[3:])
    return _run(site, sys.executable, "-c", code)


def _run(site: Site, *command: str) -> Ran:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env=site.environment,
    )
    return Ran(done.returncode, done.stdout, own_lines(done.stderr))


def reports(site: Site) -> list[Path]:
    return sorted(site.home.rglob("fault-*.txt"), key=os.path.getmtime)
