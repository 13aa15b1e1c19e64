"""The whole of servers.toml in the operator's own editor.

What is edited is a copy; only a copy that can stand takes the place of the file. Checks go on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import SuspendNotSupported

from wgmon_tui.fleet.error_lines import line_of
from wgmon_tui.fleet.private_files import create_private, replace_private
from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.fleet.servers_file import NAME, read_whole, replace_whole
from wgmon_tui.text import printable
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.forms.attempt import SAID_FOR_S, attempted
from wgmon_tui.tui.forms.rejected import Rejected

REJECTED_NAME = f"{NAME}.rejected"

_USUAL_EDITORS = ("editor", "nano", "vim", "vi")
_TAKES_A_LINE = frozenset({"nano", "vi", "vim", "nvim", "emacs", "joe", "micro", "kak", "editor"})


def editor_command(environment: Mapping[str, str]) -> list[str]:
    """The words that start the editor: $VISUAL, $EDITOR, or what is installed. Raises ConfigurationError."""
    for variable in ("VISUAL", "EDITOR"):
        asked = environment.get(variable, "").strip()
        if asked:
            try:
                return shlex.split(asked)
            except ValueError:
                raise ConfigurationError(
                    f"{variable}: expected a command; a quote in it is not closed"
                ) from None
    for name in _USUAL_EDITORS:
        if shutil.which(name):
            return [name]
    raise ConfigurationError("no editor found; set $EDITOR before the start")


def at_line(command: Sequence[str], path: Path, line: int | None) -> list[str]:
    """The command on this file, at the line where the editor is known to understand that."""
    known = Path(command[0]).name in _TAKES_A_LINE
    return [*command, *([f"+{line}"] if line and known else []), str(path)]


async def edit_whole(app: AppContext, config_dir: Path) -> None:
    """Edit until it can stand, or until the operator keeps the last good one."""
    before = await attempted(app, partial(read_whole, config_dir))
    if before is None:
        return
    try:
        command = editor_command(os.environ)
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # noqa: ASYNC240  once, on a key press
        # Beside the file, where nobody else can look: the text may hold keys, and editors leave backups.
        with TemporaryDirectory(prefix=".edit-", dir=config_dir) as directory:
            copy = Path(directory, NAME)
            create_private(copy, before)
            await _until_it_stands(app, config_dir, before, copy, command)
    except ConfigurationError as error:
        app.say(str(error), seconds=SAID_FOR_S)
    except OSError as error:
        app.say(f"{printable(str(error.filename or config_dir))}: {error.strerror}", seconds=SAID_FOR_S)


async def _until_it_stands(
    app: AppContext, config_dir: Path, before: str, copy: Path, command: Sequence[str]
) -> None:
    line: int | None = None
    while True:
        await _run(app, at_line(command, copy, line))
        after = _text_of(copy)
        if after == before:
            app.say("servers.toml is as it was")
            return
        try:
            await asyncio.to_thread(replace_whole, config_dir, before, after)
        except ConfigurationError as error:
            line = line_of(error, after)
            # Before the question: whatever ends the program while it is open must not take the work along.
            replace_private(config_dir / REJECTED_NAME, after)
            if not await app.push_screen_wait(Rejected(str(error), after, line)):
                kept = f"{REJECTED_NAME} has what you wrote"
                app.say("servers.toml is as it was", kept, seconds=SAID_FOR_S)
                return
        else:
            (config_dir / REJECTED_NAME).unlink(missing_ok=True)
            app.say("Saved servers.toml")
            return


def _text_of(copy: Path) -> str:
    """Raises ConfigurationError."""
    try:
        return copy.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"the edit is lost: expected UTF-8 text; byte {error.start + 1} is none"
        ) from None


async def _run(app: AppContext, words: Sequence[str]) -> None:
    """Lend the terminal to a program until it ends. Raises ConfigurationError."""
    code, failure = 0, None
    try:
        with _terminal_lent(app):
            # Caught inside: what leaves `suspend` as an exception leaves the terminal lent.
            try:
                code = await _ended(words)
            except (OSError, ValueError) as error:
                failure = (isinstance(error, OSError) and error.strerror) or "not a command"
    except SuspendNotSupported:
        raise ConfigurationError("no editor can be opened on this terminal") from None
    editor = printable(words[0])
    if failure:
        raise ConfigurationError(f"cannot start the editor {editor}: {failure}; set $EDITOR before the start")
    if code:
        raise ConfigurationError(f"the editor {editor} ended with {code}; servers.toml is as it was")


async def _ended(words: Sequence[str]) -> int:
    """The exit code of a program on our terminal. It does not outlive this program."""
    process = await asyncio.create_subprocess_exec(*words)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        raise


@contextmanager
def _terminal_lent(app: AppContext) -> Iterator[None]:
    """Nothing is drawn meanwhile, and ctrl+c in the editor's terminal does not end this program."""
    with ExitStack() as stack:
        stack.enter_context(app.batch_update())
        # A handler that does nothing, and not SIG_IGN: that the editor would inherit.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        stack.callback(signal.signal, signal.SIGINT, before)
        stack.enter_context(app.suspend())
        yield
