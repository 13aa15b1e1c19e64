"""Long form: programs that hang, flood and fork, through everything that starts one; none may be left.

`python -m tests.harm.child_processes [COUNT]` runs each bad program COUNT times in each place, then ends
wgmon-tui by a signal COUNT times in the middle of one.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from tests.alerts.sample_announcements import announcement
from wgmon_tui.alerts.models import RetryError
from wgmon_tui.alerts.sinks.command import send
from wgmon_tui.child_processes import OutputLimitError, run
from wgmon_tui.config.alerting import Command, Sink
from wgmon_tui.config.imports.wg_dump_parser import InspectionError
from wgmon_tui.protocols.wireguard.server_view import run_command
from wgmon_tui.tui.editing.terminal_program import run_in_terminal
from wgmon_tui.vantages.collector.ssh_process import AgentProcess

MARK = "WGMON_TUI_HARM"
LIMIT_S = 0.5
SLACK_S = 5.0
"""How much longer than its limit a program may take: the machine may be busy."""

MAX_BYTES = 1 << 16
MAX_GROWTH_KB = 64_000
"""Of four threads that read floods at the same time; one flood unread is gigabytes."""
AT_ONCE = 4
GONE_WITHIN_S = 10.0

PROGRAMS = {
    "hangs": "exec sleep 600",
    "hangs with children": "sleep 600 & sleep 600 & wait",
    "ignores signals": "trap '' TERM HUP INT; sleep 600; sleep 600",
    "floods its output": "cat /dev/zero",
    "floods stderr": "cat /dev/zero >&2",
    "children flood": "cat /dev/zero & cat /dev/zero >&2 & wait",
    "leaves a child": "sleep 600 &",
    "leaves jobs of their own groups": "set -m; sleep 600 & sleep 600 &",
    "leaves grandchildren": "((sleep 600 & sleep 600 &) &) & nohup sleep 600 >/dev/null 2>&1 &",
    "forks and forks": "for i in 1 2 3 4 5 6 7 8; do (sleep 600 & sleep 600) & done",
}


def as_key_command(words: tuple[str, ...]) -> None:
    with suppress(TimeoutError, OutputLimitError):
        run(words, timeout_s=LIMIT_S, max_bytes=MAX_BYTES)


def as_inspect(words: tuple[str, ...]) -> None:
    with suppress(InspectionError):
        run_command(words, Path("/"), LIMIT_S, MAX_BYTES)


def as_sink(words: tuple[str, ...]) -> None:
    with suppress(RetryError):
        send(Sink("harm", Command(words), timeout=LIMIT_S), announcement(), {})


def as_vantage(words: tuple[str, ...]) -> None:
    async def connect() -> None:
        process = await AgentProcess.start(words)
        with suppress(Exception):
            async with asyncio.timeout(LIMIT_S):
                await process.read_line()
        await process.stop()

    asyncio.run(connect())


def as_editor(words: tuple[str, ...]) -> None:
    shell, option, script = words
    quiet = (shell, option, f"exec >/dev/null 2>&1; {script}")  # it has the terminal

    async def edit() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await run_in_terminal(quiet)

    asyncio.run(edit())


PLACES: dict[str, Callable[[tuple[str, ...]], None]] = {
    "key command": as_key_command,
    "inspect": as_inspect,
    "sink": as_sink,
    "vantage": as_vantage,
    "editor": as_editor,
}


def find_marked(mark: str) -> list[int]:
    """The other processes that have this mark in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):
                is_zombie = (process / "stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
                if not is_zombie and f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
    return found


def count_left(mark: str) -> int:
    """How many marked processes do not end within the time for it; those are killed."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (left := find_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def run_everywhere(count: int) -> bool:
    mark = os.environ[MARK] = token_hex(8)
    for start in PLACES.values():
        start(("bash", "-c", "true"))  # imports what it needs
    failed, before = False, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for place, start in PLACES.items():
        slowest, runs = 0.0, 0
        for script in PROGRAMS.values():
            if place == "editor" and "set -m" in script:
                continue  # a shell of the editor has the session of wgmon-tui: its jobs are not promised

            def run_once(
                _: int, script: str = script, start: Callable[[tuple[str, ...]], None] = start
            ) -> float:
                began = time.monotonic()
                start(("bash", "-c", script))
                return time.monotonic() - began

            # The editor has the terminal, and signal handlers, so the main thread.
            with ThreadPoolExecutor(1 if place == "editor" else AT_ONCE) as pool:
                times = map(run_once, range(count)) if place == "editor" else pool.map(run_once, range(count))
                slowest, runs = max(slowest, *times), runs + count
        left = count_left(mark)
        print(f"{place}: {runs} bad programs, {left} processes left, slowest {slowest:.1f} s", flush=True)
        failed |= left > 0 or slowest > LIMIT_S + SLACK_S
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"memory: grew by {growth} KB at most")
    return failed or growth > MAX_GROWTH_KB


SERVERS = """
[[identity]]
name = "a"
private_key_command = ["bash", "-c", {script}]
[[server]]
name = "fra1"
endpoint = "127.0.0.1:9"
public_key = "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk="
identity = "a"
"""


def end_in_the_middle(count: int) -> bool:
    """End `probe` by a signal at a random moment, while its key command runs."""
    left = 0
    chosen = random.Random(count)
    with TemporaryDirectory(prefix="wgmon-tui-harm-") as place:
        for number in range(count):
            mark = token_hex(8)
            script = chosen.choice(list(PROGRAMS.values()))
            Path(place, "servers.toml").write_text(SERVERS.format(script=repr(script).replace("'", '"')))
            with subprocess.Popen(
                (sys.executable, "-m", "wgmon_tui", "--config", place, "--state", f"{place}/state", "probe"),
                env={**os.environ, MARK: mark},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as probe:
                time.sleep(chosen.uniform(0.3, 2.0))
                probe.send_signal(chosen.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))
                probe.wait(30)
            left += count_left(mark)
            if sys.stdout.isatty():
                print(f"\r{number + 1}", end="", flush=True)
    print(f"ended by a signal: {count} probes, {left} processes left")
    return left > 0


def main(argv: list[str]) -> int:
    count = int(argv[0]) if argv else 50
    failed = run_everywhere(count)
    return int(end_in_the_middle(count) or failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
