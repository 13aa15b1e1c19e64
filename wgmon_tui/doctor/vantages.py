"""Checks of other vantages: whether the command of each works, and its error if not."""

from __future__ import annotations

import shlex
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wgmon_tui.child_processes import ProgramTimeoutError, last_line, run
from wgmon_tui.config.config_toml import NAME, read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.doctor.models import ExaminedItem, ItemStatus, ok_item
from wgmon_tui.text import format_limit

TIMEOUT_S = 5.0

_MAX_PARALLEL_COMMANDS = 16


def vantages(config_dir: Path, timeout_s: float = TIMEOUT_S) -> list[ExaminedItem]:
    """Check each `[[vantage]]`; each error of an invalid config.toml gives an item.

    Blocks for up to `timeout_s`, or a multiple of it with more than 16 vantages.
    """
    try:
        found = read_config(config_dir).vantages
    except ConfigurationError as error:
        return [ExaminedItem(NAME, ItemStatus.FIX, line) for line in error.lines]
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
    try:
        completed = run(each.command, timeout_s=timeout_s, keep_stderr=True)
    except ProgramTimeoutError as error:
        words = last_line(error.stderr_tail)
        fact = f"still running after {format_limit(timeout_s)}" + (f": {words}" if words else "")
        return ExaminedItem(subject, ItemStatus.LOOK, fact, advice)
    except OSError as error:
        return ExaminedItem(subject, ItemStatus.FIX, f"{program} does not start: {error.strerror}", advice)
    if completed.code == 0:
        return ok_item(subject, f"{program} reaches the agent")
    fact = last_line(completed.stderr_tail) or f"{program} ended with {completed.ending}"
    return ExaminedItem(subject, ItemStatus.FIX, fact, advice)
