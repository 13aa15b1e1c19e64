"""Editing of servers.toml in an external editor.

The editor opens a copy. Only a valid copy replaces the file. Checks continue meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import SuspendNotSupported

from wgmon_tui.config.error_location import find_lines
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.ownership import require_own
from wgmon_tui.config.secrets.private_files import create_private, replace_private
from wgmon_tui.config.servers_file import NAME, read_raw_text, replace_raw_text
from wgmon_tui.config.trusted_files import find_problem
from wgmon_tui.text import printable, system_reason
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.editing.file_operation import run_file_operation
from wgmon_tui.tui.editing.rejected_file import RejectedFileScreen
from wgmon_tui.tui.editing.terminal_program import run_in_terminal, suspend_terminal

REJECTED_NAME = f"{NAME}.rejected"

_FALLBACK_EDITORS = ("editor", "nano", "vim", "vi")
_ACCEPTS_LINE_NUMBER = frozenset({"nano", "vi", "vim", "nvim", "emacs", "joe", "micro", "kak", "editor"})


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The editor command: $VISUAL, $EDITOR, or an installed editor. Raises ConfigurationError."""
    for variable in ("VISUAL", "EDITOR"):
        asked = environment.get(variable, "").strip()
        if asked:
            try:
                return shlex.split(asked)
            except ValueError:
                raise ConfigurationError(f"{variable}: expected a command; a quote is not closed") from None
    for name in _FALLBACK_EDITORS:
        if shutil.which(name):
            return [name]
    raise ConfigurationError("no editor found; set $EDITOR and restart")


def command_at_line(command: Sequence[str], path: Path, line: int | None) -> list[str]:
    """The command to open this file, with the line number if the editor supports it."""
    known = Path(command[0]).name in _ACCEPTS_LINE_NUMBER
    return [*command, *([f"+{line}"] if line and known else []), str(path)]


async def edit_servers_file(app: AppContext, config_dir: Path) -> None:
    """Edit until the file is valid, or until the operator keeps the last valid one."""
    before = await run_file_operation(app, partial(read_raw_text, config_dir))
    if before is None:
        return
    try:
        require_own(config_dir)
        if problem := find_problem(config_dir / NAME):
            raise ConfigurationError(f"{NAME}: no editor is run on it: {problem}")
        command = editor_command(os.environ)
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240  once, on a key press
        # A private directory next to the file: the text may hold keys, and editors leave backups.
        with TemporaryDirectory(prefix=".edit-", dir=config_dir) as directory:
            copy = Path(directory, NAME)
            create_private(copy, before)
            await _edit_until_valid(app, config_dir, before, copy, command)
    except ConfigurationError as error:
        app.show_error(str(error))
    except OSError as error:
        app.show_error(f"{printable(str(error.filename or config_dir))}: {error.strerror}")


async def _edit_until_valid(
    app: AppContext, config_dir: Path, before: str, copy: Path, command: Sequence[str]
) -> None:
    lines: tuple[int, ...] = ()
    while True:
        await _run_editor(app, command_at_line(command, copy, lines[0] if lines else None))
        after = _read_text(copy)
        if after == before:
            app.show_notice("servers.toml is unchanged")
            return
        try:
            await asyncio.to_thread(replace_raw_text, config_dir, before, after)
        except ConfigurationError as error:
            lines = find_lines(error)
            # Saved before the question, so that the edit survives if the program ends meanwhile.
            replace_private(config_dir / REJECTED_NAME, after)
            if not await app.push_screen_wait(RejectedFileScreen(error, after)):
                kept = f"Your text is in {REJECTED_NAME}"
                app.show_error("servers.toml is unchanged", kept)
                return
        else:
            (config_dir / REJECTED_NAME).unlink(missing_ok=True)
            app.show_notice("Saved servers.toml")
            return


def _read_text(copy: Path) -> str:
    """The edited text. Raises ConfigurationError."""
    try:
        return copy.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the edit is lost: byte {error.start + 1} is not valid UTF-8") from None


async def _run_editor(app: AppContext, words: Sequence[str]) -> None:
    """Run a program in the terminal until it exits. Raises ConfigurationError."""
    code, failure = 0, None
    try:
        with suspend_terminal(app):
            # Caught inside: an exception that leaves `suspend` would keep the app suspended.
            try:
                code = await run_in_terminal(words)
            except (OSError, ValueError) as error:
                failure = system_reason(error, "not a command")
    except SuspendNotSupported:
        raise ConfigurationError("this terminal cannot run an editor") from None
    editor = printable(words[0])
    if failure:
        raise ConfigurationError(f"cannot start the editor {editor}: {failure}; set $EDITOR and restart")
    if code:
        raise ConfigurationError(f"the editor {editor} exited with code {code}; servers.toml is unchanged")
