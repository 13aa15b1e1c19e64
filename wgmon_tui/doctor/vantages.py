"""The other vantages: whether the command of each starts, and what it says where it does not."""

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

from wgmon_tui.doctor.items import Condition, Item, fine
from wgmon_tui.fleet.config_toml import NAME, read_config
from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.probe.children import LAST_WORDS, ending_with_us, last_line, start
from wgmon_tui.text import format_limit

WITHIN_S = 5.0

_AT_ONCE = 16


def vantages(config_dir: Path, within_s: float = WITHIN_S) -> list[Item]:
    """An item for each `[[vantage]]`, or one for a config.toml that cannot stand. Blocks up to `within_s`,
    and for more than a few vantages a multiple of it.
    """
    try:
        found = read_config(config_dir).vantages
    except ConfigurationError as error:
        return [Item(NAME, Condition.FIX, str(error))]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda each: vantage(each, within_s), found))


def vantage(each: Vantage, within_s: float) -> Item:
    """Start the command as a writer does, but say nothing to it: an agent then ends at once, with 0.

    A writer's line to the same agent stays, since that changes hands with a hello only.
    """
    subject, program = f"vantage {each.name}", each.command[0]
    if shutil.which(program) is None:
        advice = f"install it, or name another command for it in {NAME}"
        return Item(subject, Condition.FIX, f"{program} is not there to be run", advice)
    advice = f"type: {shlex.join(each.command)} </dev/null"
    with tempfile.TemporaryFile() as said:
        try:
            code = _exit_code(each.command, said, within_s)
        except OSError as error:
            return Item(subject, Condition.FIX, f"{program} does not start: {error.strerror}", advice)
        words = last_line(_tail(said))
    if code == 0:
        return fine(subject, f"{program} reaches the agent there")
    if code is None:
        fact = f"no end within {format_limit(within_s)}" + (f": {words}" if words else "")
        return Item(subject, Condition.LOOK, fact, advice)
    return Item(subject, Condition.FIX, words or f"{program} ended with exit code {code}", advice)


def _exit_code(command: Sequence[str], said: IO[bytes], within_s: float) -> int | None:
    """None where it had not ended in time; then it is ended with all that it has started. Raises OSError."""
    process = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
    with ending_with_us(process):
        try:
            return process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None


def _tail(said: IO[bytes]) -> bytes:
    said.seek(max(0, said.seek(0, os.SEEK_END) - LAST_WORDS))
    return said.read()
