"""Report of an internal fault: a private file without secrets, and the line that names it.

A report has the exception types, the places in the source and the versions. It has no values: no variables,
no arguments, and of a message only the words that the source or Python itself wrote.
"""

from __future__ import annotations

import os
import platform
import re
import stat
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FrameType

from wgmon_tui.text import printable

DIRECTORY = "faults"
"""The directory of reports, in the state directory."""

MAX_REPORTS = 10
_RUNNER = "wgmon_tui/shutdown.py"
"""Runs every command with an event loop: no place where a fault is."""

_MAX_CHAIN = 8
_MAX_FRAMES = 40
_MAX_MESSAGE = 2_000

_WORD = re.compile(r"[A-Za-z_]+")
_PYTHON_WORDS = frozenset(
    _WORD.findall(
        "a an and are argument arguments as at attribute base be by byte bytes can cannot character "
        "closed codec decode dict did division does encode expected file float for found from "
        "function got has have in index int integer invalid is it iterable keyword length list "
        "literal local missing module more must name no nonetype not object of on only operand "
        "operation or out positional possible range referenced required sequence set size start str "
        "string subscriptable supported takes than that the to too tuple type types unexpected "
        "unhashable unpack unsupported utf value values variable was were while with without zero"
    )
)
"""Words of Python's own messages."""


def write_fault_report(fault: BaseException, program: str, state_dir: Path | None) -> Path | None:
    """Write a report into the state directory, or else into the temporary one. None if neither accepts it.

    `program` is its version and command. At most `MAX_REPORTS` are kept: the newest.
    """
    text = "\n".join(_report_lines(fault, program))
    for directory in _directories(state_dir):
        with suppress(OSError):
            _require_private(directory)
            _remove_oldest(directory)
            return _write(directory, text)
    return None


def fault_line(fault: BaseException, report: Path | None) -> str:
    """One line for the operator: what failed, where, and the report."""
    where = f" in {_place(fault)}" if fault.__traceback__ else ""
    told = f"report: {printable(str(report))}" if report else "no report could be written"
    return f"internal fault: {type(fault).__name__}{where}; {told}"


def redacted_message(fault: BaseException) -> str:
    """The message of an exception without values; "" if nothing is left."""
    if isinstance(fault, OSError) and isinstance(fault.errno, int):
        return os.strerror(fault.errno)
    known = _PYTHON_WORDS | _words_of_source(fault)
    try:
        words = str(fault)[:_MAX_MESSAGE].split()
    except Exception:  # noqa: BLE001  a faulty exception must not hide itself
        return ""
    kept = [word if _is_known(word, known) else "…" for word in words]
    text = " ".join(
        word for number, word in enumerate(kept) if word != "…" or kept[number - 1 : number] != ["…"]
    )
    return "" if text == "…" else text


def _is_known(word: str, known: frozenset[str]) -> bool:
    bare = word.strip(".,:;!?()[]{}'\"`")
    return all(part.lower() in known for part in bare.split("-")) if bare else True


def _words_of_source(fault: BaseException) -> frozenset[str]:
    """Words that stand in the source of the function that raised: string literals and names."""
    frames = [frame for frame, _ in traceback.walk_tb(fault.__traceback__)]
    return frozenset(_words_of_code(frames[-1].f_code)) if frames else frozenset()


def _words_of_code(code: CodeType) -> Iterator[str]:
    for text in (
        *code.co_names,
        *code.co_varnames,
        *(each for each in code.co_consts if isinstance(each, str)),
    ):
        yield text.lower()
        yield from (word.lower() for word in _WORD.findall(text))


def _report_lines(fault: BaseException, program: str) -> Iterator[str]:
    yield "Internal fault of wgmon-tui. This report contains no values, addresses or keys."
    yield f"program: {program}"
    yield f"python: {platform.python_version()} on {sys.platform} {platform.machine()}"
    yield f"time: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    for number, each in enumerate(_chain(fault)):
        yield ""
        if number:
            yield "which happened after:"
        message = redacted_message(each)
        yield type(each).__qualname__ + (f": {message}" if message else "")
        frames = list(traceback.walk_tb(each.__traceback__))
        if len(frames) > _MAX_FRAMES:
            yield f"  ({len(frames) - _MAX_FRAMES} calls left out)"
        for frame, line in frames[-_MAX_FRAMES:]:
            yield f"  {_source(frame)}:{line} {frame.f_code.co_name}"
    yield ""


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """The exception, its causes, and the members of groups."""
    waiting, seen = [fault], set[int]()
    while waiting and len(seen) < _MAX_CHAIN:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)
        earlier = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        if earlier is not None:
            waiting.append(earlier)


def _source(frame: FrameType) -> str:
    """The file of a frame below its package: a full path names people and directories."""
    parts = Path(frame.f_code.co_filename).parts
    if __package__ in parts:
        return "/".join(parts[len(parts) - 1 - parts[::-1].index(__package__) :])
    return "/".join(parts[-2:])


def _place(fault: BaseException) -> str:
    """The innermost place in this package, or else the innermost of all."""
    places = [(_source(frame), line) for frame, line in traceback.walk_tb(fault.__traceback__)]
    own = [place for place in places if place[0].startswith(f"{__package__}/") and place[0] != _RUNNER]
    source, line = (own or places)[-1]
    return f"{source}:{line}"


def _directories(state_dir: Path | None) -> Iterator[Path]:
    """A state directory of another account is left alone: its owner could not remove the report."""
    if state_dir is not None:
        with suppress(OSError):
            if state_dir.stat().st_uid == os.geteuid():
                yield state_dir / DIRECTORY
    yield Path(tempfile.gettempdir()) / f"wgmon-tui-{DIRECTORY}-{os.geteuid()}"


def _require_private(directory: Path) -> None:
    """Create the directory; refuse one that another account could have placed there. Raises OSError."""
    with suppress(FileExistsError):
        directory.mkdir(0o700)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise PermissionError


def _remove_oldest(directory: Path) -> None:
    reports = sorted(directory.glob("fault-*.txt"))
    for path in reports[: max(0, len(reports) - MAX_REPORTS + 1)]:
        path.unlink(missing_ok=True)


def _write(directory: Path, text: str) -> Path:
    stem = f"fault-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
    path = directory / f"{stem}-{os.urandom(2).hex()}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path
