"""Checks of other vantages: whether the command of each works, and its error if not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from wgmon_tui.child_processes import STDERR_TAIL_BYTES, last_line, start, terminate_on_exit
from wgmon_tui.config.config_toml import NAME, read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.text import format_limit

TIMEOUT_S = 5.0

_MAX_PARALLEL_COMMANDS = 16


def vantages(config_dir: Path, timeout_s: float = TIMEOUT_S) -> list[ExaminedItem]:
    """Check each `[[vantage]]`; an invalid config.toml gives one item.

    Blocks for up to `timeout_s`, or a multiple of it with more than 16 vantages.
    """
    try:
        found = read_config(config_dir).vantages
    except ConfigurationError as error:
        return [ExaminedItem(NAME, ItemStatus.FIX, str(error))]
    with ThreadPoolExecutor(_MAX_PARALLEL_COMMANDS) as pool:
        return list(pool.map(lambda each: vantage(each, timeout_s), found))


def vantage(each: Vantage, timeout_s: float) -> ExaminedItem:
    """Start the command as a writer does, but send nothing. An agent then exits at once, with code 0.

    A writer's connection to the same agent is kept: only a hello message takes it over.
    """
    subject, program = f"vantage {each.name}", each.command[0]
    if shutil.which(program) is None:
        advice = f"install it, or change the command in {NAME}"
        return ExaminedItem(subject, ItemStatus.FIX, f"program {program} not found", advice)
    advice = f"type: {shlex.join(each.command)} </dev/null"
    with tempfile.TemporaryFile() as stderr_file:
        try:
            code = _exit_code(each.command, stderr_file, timeout_s)
        except OSError as error:
            return ExaminedItem(
                subject, ItemStatus.FIX, f"{program} does not start: {error.strerror}", advice
            )
        last_words = last_line(_read_tail(stderr_file))
    if code == 0:
        return ok_item(subject, f"{program} reaches the agent")
    if code is None:
        fact = f"still running after {format_limit(timeout_s)}" + (f": {last_words}" if last_words else "")
        return ExaminedItem(subject, ItemStatus.LOOK, fact, advice)
    return ExaminedItem(
        subject, ItemStatus.FIX, last_words or f"{program} ended with exit code {code}", advice
    )


def _exit_code(command: Sequence[str], stderr_file: IO[bytes], timeout_s: float) -> int | None:
    """The exit code; None after a timeout, when the process and its children are killed. Raises OSError."""
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr_file)
    with terminate_on_exit(process):
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None


def _read_tail(stderr_file: IO[bytes]) -> bytes:
    stderr_file.seek(max(0, stderr_file.seek(0, os.SEEK_END) - STDERR_TAIL_BYTES))
    return stderr_file.read()
