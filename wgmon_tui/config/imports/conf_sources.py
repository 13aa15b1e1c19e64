"""Sources of an import: files, standard input, directories and zip archives, as bytes with a name.

All sizes are bounded. Nothing is unpacked to the disk, so a name inside an archive is never a path.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from wgmon_tui.config.imports.foreign_formats import SUFFIXES
from wgmon_tui.config.imports.protocol_import import read_nothing_beside
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import ReadBeside
from wgmon_tui.config.regular_files import read_regular_or_pipe
from wgmon_tui.config.secrets.private_files import is_open_to_others, shown
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_bytes, printable, quoted, system_reason

STANDARD_INPUT = "-"

CONF_SUFFIXES = (".conf", ".vpn", ".ovpn", ".zip")
"""A word with such an ending names a file of wg-quick or OpenVPN, a vpn:// link or an archive: no server."""

_OF_PROTOCOLS = (".conf", ".vpn", ".ovpn", ".mobileconfig", ".sswan")
"""The endings of what is imported from a directory or an archive."""

MAX_CONF_BYTES = 16 << 20
MAX_ARCHIVE_BYTES = 32 << 20
MAX_UNPACKED_BYTES = 64 << 20
"""Of all members of an archive together."""

MAX_BESIDE_BYTES = 1 << 20
"""Of a file that another one names, such as a certificate or a revocation list."""

MAX_FILES = 50_000
"""Files of a directory or an archive. The largest fleet that is measured has a fifth of it."""

_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""A link, also one that `Path` has taken a slash from."""

_WHY_NO_LINK = (
    "holds a password, and other accounts can see it there; type: wgmon-tui import -, then paste the link, "
    "Enter, Ctrl+D"
)
_CHUNK_BYTES = 1 << 16
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")
_MEMBER = b"PK\x01\x02"
_CONVERSIONS = {
    b"\x1f\x8b": "a gzip file; type: tar -xzf FILE, then import the directory",
    b"7z\xbc\xaf": "a 7z archive; type: 7z x FILE, then import the directory",
    b"Rar!": "a rar archive; type: unrar x FILE, then import the directory",
    b"\x89PNG": "an image; if it is a QR code, type: zbarimg -q --raw FILE | wgmon-tui import -",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read. `label` is its name in messages. `open_path` is set if other users can read it.

    `read_beside` reads a file of the same directory or archive.
    """

    label: str
    path: Path
    data: bytes
    open_path: Path | None = None
    read_beside: ReadBeside = read_nothing_beside


def read_sources(
    words: Iterable[str | Path], read_standard_input: Callable[[int], bytes]
) -> Iterator[SourceFile | Remark]:
    """The files that the words name, in order; a fault stands in place of what cannot be read.

    `-` is standard input, of which at most so many bytes are read.
    """
    for word in words:
        if str(word) == STANDARD_INPUT:
            path = Path("standard input")
            yield from _opened(SourceFile(str(path), path, read_standard_input(MAX_ARCHIVE_BYTES + 1)))
        elif is_link(str(word)):
            yield Remark("the link on the command line", _WHY_NO_LINK)
        elif _is_directory(path := Path(word)):
            yield from _directory(path)
        else:
            found = _file(path, printable(path.name))
            yield from (found,) if isinstance(found, Remark) else _opened(found)


def is_link(word: str) -> bool:
    """Whether a word of a command line is a share link, which no message may repeat."""
    return _LINK.match(word) is not None


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _file(path: Path, label: str) -> SourceFile | Remark:
    """A file or a pipe."""
    try:
        data, status = read_regular_or_pipe(path, MAX_ARCHIVE_BYTES)
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a path")
        return Remark(shown(path), f"cannot be read: {reason}")
    is_open = stat.S_ISREG(status.st_mode) and is_open_to_others(status)
    return SourceFile(label, path, data, path if is_open else None, partial(_read_beside, path.parent))


def _read_beside(directory: Path, name: str) -> bytes:
    """A file of this directory or below it. A profile that somebody sent must not fetch any other file."""
    wanted = PurePosixPath(name)
    if wanted.is_absolute() or ".." in wanted.parts:
        raise ConfigurationError(f"it names {quoted(name)}; only files beside it are imported: copy it there")
    path = directory / wanted
    try:
        return read_regular_or_pipe(path, MAX_BESIDE_BYTES)[0]
    except (OSError, ValueError) as error:
        reason = system_reason(error, "not a path")
        raise ConfigurationError(f"cannot read {shown(path)}: {reason}") from None


def _directory(directory: Path) -> Iterator[SourceFile | Remark]:
    """The .conf files of a directory and those below it, without links to directories."""
    name = printable(directory.resolve().name or str(directory))
    count = 0
    errors: list[OSError] = []
    for path in _walk(directory, errors):
        if count == MAX_FILES:
            yield Remark(name, f"has more than {MAX_FILES:,} files; the others are not read")
            return
        count += 1
        label = printable(f"{name}/{path.relative_to(directory)}")
        found = _file(path, label)
        yield from (found,) if isinstance(found, Remark) else _opened(found)
    for error in errors:
        yield Remark(printable(str(error.filename)), f"cannot be read: {error.strerror}")
    if not count and not errors:
        yield Remark(name, "has no .conf file")


def _walk(directory: Path, errors: list[OSError]) -> Iterator[Path]:
    for parent, folders, files in os.walk(directory, onerror=errors.append):
        folders.sort()
        for file in sorted(files):
            path = Path(parent, file)
            # A FIFO would block until somebody writes to it.
            if _is_wanted(file) and path.is_file():
                yield path


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    # macOS adds a ._ file to each file in an archive.
    return not path.name.startswith("._") and path.suffix.lower() in (*_OF_PROTOCOLS, *SUFFIXES)


def _opened(file: SourceFile) -> Iterator[SourceFile | Remark]:
    """The file itself, or the members of an archive."""
    if file.data.startswith(_ARCHIVE):
        yield from _archive(file)
        return
    for magic, explanation in _CONVERSIONS.items():
        if file.data.startswith(magic):
            yield Remark(file.label, explanation)
            return
    if len(file.data) > MAX_CONF_BYTES:
        yield Remark(file.label, f"is larger than {format_bytes(MAX_CONF_BYTES)}; that is no wg-quick file")
    else:
        yield file


def _archive(file: SourceFile) -> Iterator[SourceFile | Remark]:
    if len(file.data) > MAX_ARCHIVE_BYTES:
        yield Remark(file.label, f"is larger than {format_bytes(MAX_ARCHIVE_BYTES)}; unpack it first")
        return
    # Counted before it is opened: opening makes a record of each member.
    if file.data.count(_MEMBER) > MAX_FILES:
        yield Remark(file.label, f"has more than {MAX_FILES:,} files; unpack it, and import the directory")
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(file.data))
        members = [each for each in archive.infolist() if not each.is_dir() and _is_wanted(each.filename)]
    # zipfile raises many types for a damaged archive, struct.error and UnicodeDecodeError among them.
    except Exception:  # noqa: BLE001
        yield Remark(
            file.label, "a damaged zip archive; copy it again, or unpack it and import the directory"
        )
        return
    if not members:
        yield Remark(file.label, "has no .conf file")
    left = MAX_UNPACKED_BYTES
    read_beside = partial(_read_member, archive)
    for member in sorted(members, key=lambda each: each.filename):
        label = printable(f"{file.label}/{member.filename}")
        unpacked = bytearray()
        fault = _unpack(archive, member, min(left, MAX_CONF_BYTES) + 1, unpacked)
        left -= len(unpacked)
        if left < 0:
            yield Remark(file.label, f"has more than {format_bytes(MAX_UNPACKED_BYTES)}; unpack it first")
            return
        if len(unpacked) > MAX_CONF_BYTES:
            fault = f"is larger than {format_bytes(MAX_CONF_BYTES)}; that is no wg-quick file"
        # Windows writes backslashes into some archives.
        path = Path(PureWindowsPath(member.filename).name)
        yield (
            Remark(label, fault)
            if fault
            else SourceFile(label, path, bytes(unpacked), read_beside=read_beside)
        )


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member by its base name: directories of the archive do not matter."""
    wanted = PureWindowsPath(name).name
    found = (each for each in archive.infolist() if PureWindowsPath(each.filename).name == wanted)
    member, unpacked = next(found, None), bytearray()
    if member is None:
        raise ConfigurationError(f"there is no file {quoted(wanted)} in the archive")
    if fault := _unpack(archive, member, MAX_BESIDE_BYTES + 1, unpacked):
        raise ConfigurationError(f"the file {quoted(wanted)} {fault}")
    if len(unpacked) > MAX_BESIDE_BYTES:
        raise ConfigurationError(f"the file {quoted(wanted)} is larger than {format_bytes(MAX_BESIDE_BYTES)}")
    return bytes(unpacked)


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, into: bytearray) -> str | None:
    """Unpack at most so many bytes, whatever the header of the member states; returns why that failed."""
    if member.flag_bits & 1:
        return "is encrypted; unpack the archive, and import the directory"
    # The other methods may allocate gigabytes for a dictionary.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "has an unusual compression; unpack the archive, and import the directory"
    try:
        with archive.open(member) as opened:
            while len(into) < most and (chunk := opened.read(min(_CHUNK_BYTES, most - len(into)))):
                into += chunk
    except Exception:  # noqa: BLE001  as above
        return "is damaged in the archive; copy the archive again"
    return None
