"""Makes one text of a profile and the files beside it, so that later steps need no file.

A file that a directive names becomes an inline block at the end of the profile. The numbers of the lines
stay, because messages name them.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import PrivateFileError, read_private
from wgmon_tui.protocols.openvpn.profile_parser import decode_profile, parse_profile
from wgmon_tui.protocols.openvpn.profile_syntax import CONNECTION, Directive, ProfileError, read_directives
from wgmon_tui.protocols.openvpn.profile_words import FILES, PRIVATE_FILES
from wgmon_tui.text import format_bytes, printable, quoted, system_reason

SUFFIXES = (".ovpn", ".conf")
MAX_FILE_BYTES = 1 << 20
"""Of a file beside a profile, and of a member of an archive. A large revocation list has half of it."""

_MAX_MEMBERS = 10_000
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")
_BINARY = "pkcs12"
_DIRECTION = {"0", "1"}

ReadBeside = Callable[[str, bool], bytes]
"""Reads a file by the name in the profile; `True` for a secret. Raises ProfileError, a phrase."""


def complete_profile(content: bytes, path: Path | None) -> bytes:
    """The profile of a file, an archive or a text, with all that it names. Raises ConfigurationError."""
    name = printable(path.name) + ": " if path else ""
    try:
        if content.startswith(_ARCHIVE):
            archive = open_archive(content)
            return complete(archive.only_profile(), archive.read_beside)
        return complete(content, _reader_beside(path) if path else _read_nothing)
    except ProfileError as error:
        raise ConfigurationError(f"{name}{error}") from None


def complete(content: bytes, read_beside: ReadBeside) -> bytes:
    """Put every file that the profile names into it, and validate it. Raises ProfileError."""
    text = decode_profile(content)
    lines = text.split("\n")
    blocks: list[str] = []
    for each in read_directives(text):
        for named in _named_files(each):
            block, rest = _inline(named, read_beside)
            if named is each:
                lines[each.line - 1] = rest
                blocks.append(block)
            else:
                # In a <connection>, the block stands in its place: a later one would be that of the profile.
                lines[named.line - 1] = f"{rest}\n{block}" if rest else block
    completed = "\n".join((*lines, *blocks)).encode() if blocks or "\n".join(lines) != text else content
    parse_profile(completed)
    return completed


def _named_files(each: Directive) -> Iterator[Directive]:
    """The directives that name a file: this one, or those in its block."""
    if each.name == CONNECTION:
        for child in each.children:
            yield from _named_files(child)
    elif each.name in FILES and each.block is None and each.words and each.words[0] != "[inline]":
        yield each


def _inline(each: Directive, read_beside: ReadBeside) -> tuple[str, str]:
    """The block in place of a file, and what is left of the line."""
    try:
        content = read_beside(each.words[0], each.name in PRIVATE_FILES)
    except ProfileError as error:
        raise each.error(str(error)) from None
    text = base64.b64encode(content).decode() if each.name == _BINARY else decode_profile(content)
    has_direction = each.name == "tls-auth" and each.words[-1] in _DIRECTION
    return f"<{each.name}>\n{text.rstrip()}\n</{each.name}>", (
        f"key-direction {each.words[-1]}" if has_direction else ""
    )


def _read_nothing(name: str, _: bool) -> bytes:
    raise ProfileError(f"it names the file {quoted(name)}, and the profile is not in a file; put it inline")


def _reader_beside(profile: Path) -> ReadBeside:
    """Reads files as openvpn(8) does in the directory of the profile."""

    def read(name: str, is_private: bool) -> bytes:
        path = profile.parent / name
        try:
            if is_private:
                return read_private(path, MAX_FILE_BYTES)
            return read_regular(path, MAX_FILE_BYTES)[0]
        except PrivateFileError as error:
            raise ProfileError(str(error)) from None
        except (OSError, ValueError) as error:
            reason = system_reason(error, "not a path")
            raise ProfileError(f"cannot read {printable(str(path))}: {reason}") from None

    return read


@dataclass(frozen=True, slots=True)
class ProfileArchive:
    """The members of a .zip, by name. Nothing is unpacked to the disk, so no name is ever a path."""

    opened: zipfile.ZipFile
    names: tuple[str, ...]

    @property
    def profiles(self) -> tuple[str, ...]:
        """The members that are profiles, by their endings."""
        return tuple(name for name in self.names if PurePosixPath(name).suffix.lower() in SUFFIXES)

    def only_profile(self) -> bytes:
        """The only profile. Raises ProfileError."""
        found = self.profiles
        if len(found) != 1:
            raise ProfileError(
                f"the archive has {len(found) or 'no'} profiles; "
                + ("import it, which makes a server of each" if found else "expected a .ovpn file in it")
            )
        return self.read(found[0])

    def read(self, member: str) -> bytes:
        """A member. Raises ProfileError."""
        try:
            with self.opened.open(member) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except Exception:  # noqa: BLE001  a damaged archive raises whatever its parts raise
            raise ProfileError(f"{quoted(member)} is damaged or encrypted in the archive") from None
        if len(content) > MAX_FILE_BYTES:
            raise ProfileError(f"{quoted(member)} is larger than {format_bytes(MAX_FILE_BYTES)}")
        return content

    def read_beside(self, name: str, _: bool = False) -> bytes:
        """A member by its base name. Raises ProfileError."""
        wanted = PureWindowsPath(name).name
        found = next((each for each in self.names if PureWindowsPath(each).name == wanted), None)
        if found is None:
            raise ProfileError(f"there is no file {quoted(wanted)} in the archive")
        return self.read(found)


def open_archive(content: bytes) -> ProfileArchive:
    """Open a .zip. Raises ProfileError."""
    try:
        opened = zipfile.ZipFile(io.BytesIO(content))
        members: Sequence[zipfile.ZipInfo] = opened.infolist()
    except Exception:  # noqa: BLE001  as above
        raise ProfileError("the archive is damaged; copy it again") from None
    if len(members) > _MAX_MEMBERS:
        raise ProfileError(f"the archive has more than {_MAX_MEMBERS:,} files")
    names = (each.filename for each in members if not each.is_dir())
    return ProfileArchive(
        opened, tuple(each for each in names if not PurePosixPath(each).name.startswith("._"))
    )
