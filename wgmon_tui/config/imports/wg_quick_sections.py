"""Lines and sections of a wg-quick file, read as `wg setconf` reads them, and as wg-quick reads its own keys.

`wg` removes all whitespace from a line, ends it at a NUL, and compares names in any case
(wireguard-tools, src/config.c: config_read_line). A fault never stops the reading: all are reported.
"""

from __future__ import annotations

import re
from dataclasses import field

from wgmon_tui.config.imports import amneziawg_keys
from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.records import dataclass

INTERFACE, PEER = "[interface]", "[peer]"

_WG_KEYS = {
    name.lower(): name
    for name in (
        *("PrivateKey", "ListenPort", "FwMark"),
        *("PublicKey", "PresharedKey", "Endpoint", "AllowedIPs", "PersistentKeepalive"),
    )
}
_KNOWN = {
    INTERFACE: {
        *("privatekey", "address", "listenport", "fwmark", "dns", "mtu", "table", "saveconfig"),
        *("preup", "postup", "predown", "postdown"),
    },
    PEER: {"publickey", "presharedkey", "endpoint", "allowedips", "persistentkeepalive"},
}
_LISTS = {"allowedips", "address", "dns"}
"""Values in which spaces after a comma are good form."""

# Too short for a key: a misplaced secret must not pass as the name of a setting.
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
_OTHER_HEADING = re.compile(r"\[([A-Za-z][A-Za-z0-9_.-]{0,30})\]")
_HEADING = re.compile(r"^[ \t]*\[(interface|peer)\]", re.IGNORECASE | re.MULTILINE)
_WHITESPACE = re.compile(r"[ \t\n\v\f\r]+")

_MAX_FAULTS, _MAX_NOTICES = 10, 50
"""Lines of one file that are reported in full. A binary file has a fault in every line."""


@dataclass(slots=True)
class ConfSection:
    """A section: each key in lower case with its line and value, in order. `faulty`: a line is unreadable.

    `above` are the comments just above the heading, `beside` is that on its line.
    """

    kind: str
    line: int
    above: list[str] = field(default_factory=list)
    beside: str = ""
    directly_below: str = ""
    below: list[str] = field(default_factory=list)
    entries: list[tuple[str, int, str]] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    """The keys as the file spells them."""
    faulty: bool = False

    def last(self, key: str) -> tuple[int, str] | None:
        """The last value of a key, as in wg."""
        found = [(line, value) for name, line, value in self.entries if name == key]
        return found[-1] if found else None

    def all(self, key: str) -> list[tuple[int, str]]:
        """All elements of a comma-separated list, over all lines with this key."""
        return [
            (line, part.strip())
            for name, line, value in self.entries
            if name == key
            for part in value.split(",")
            if part.strip()
        ]


def is_conf_text(text: str) -> bool:
    """Whether the text looks like a wg-quick file: it has a section heading on a line."""
    return _HEADING.search(text) is not None


class SectionReader:
    """Reads the lines of one file into `sections`, `notices` and `faults`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.sections: list[ConfSection] = []
        self.notices: list[Remark] = []
        self.faults: list[Remark] = []
        self._faulty_lines = 0
        self._notice_count = 0
        self._comments: list[str] = []
        """Comments since the last line that was something else: they belong to a heading that follows."""
        self._is_ignored = False
        """Whether the lines belong to an unknown section."""

    def read(self, text: str) -> None:
        """Read the whole text."""
        # Not splitlines(): it splits at characters that are part of a line in wg.
        for number, line in enumerate(text.split("\n"), start=1):
            self._read_line(line, number)
        self._end_comments()
        if self._notice_count > _MAX_NOTICES:
            more = self._notice_count - _MAX_NOTICES
            self.notices.append(Remark(self._source, f"and {more} more notices of this kind"))
        if self._faulty_lines > _MAX_FAULTS:
            more = self._faulty_lines - _MAX_FAULTS
            self.faults.append(Remark(self._source, f"and {more} more lines that cannot be read"))

    def _read_line(self, line: str, number: int) -> None:
        line, nul, _ = line.partition("\0")
        if nul:
            self._notice(number, "a NUL byte; wg ignores it and the rest of its line")
        content, mark, comment = line.partition("#")
        compact = _WHITESPACE.sub("", content.strip())
        if compact.startswith("["):
            self._read_heading(compact, content.strip(), comment, number)
        elif compact:
            self._end_comments()
            if not self._is_ignored:
                self._read_setting(compact, content.strip(), number)
        elif mark:
            self._comments.append(comment.strip())
        else:
            self._end_comments()

    def _end_comments(self) -> None:
        """The comments so far belong to the section in which they stand."""
        if self.sections and self._comments:
            section = self.sections[-1]
            if not section.entries and not section.below:
                section.directly_below = self._comments[0]
            section.below += self._comments
        self._comments = []

    def _read_heading(self, compact: str, content: str, beside: str, number: int) -> None:
        kind = compact.lower()
        self._is_ignored = kind not in _KNOWN
        if not self._is_ignored:
            self.sections.append(ConfSection(kind, number, self._comments, beside.strip()))
            if compact != content:
                self._notice(number, f"spaces inside a heading; write {compact}")
        elif match := _OTHER_HEADING.fullmatch(compact):
            self._notice(number, f"[{match[1]}] is no section of WireGuard; ignored with its lines")
        else:
            self._fault(number, "expected [Interface] or [Peer]; the lines below it are not read")
        self._comments = []

    def _read_setting(self, compact: str, content: str, number: int) -> None:
        name, equals, value = compact.partition("=")
        key = name.lower()
        is_wg = key in _WG_KEYS and name.isascii()
        if not is_wg:
            name, equals, value = (part.strip() for part in content.partition("="))
            key = name.lower()
        if not self.sections:
            self._is_ignored = True
            self._fault(number, "expected [Interface] before the first key")
        elif not equals or not _SETTING.fullmatch(name):
            self.sections[-1].faulty = True
            self._fault(number, "expected Key = value")
        else:
            if is_wg:
                self._check_spaces(content, key, number)
            self._add(self.sections[-1], key, name, value, number)

    def _check_spaces(self, content: str, key: str, number: int) -> None:
        name, _, value = (part.strip() for part in content.partition("="))
        if name.lower() != key:
            self._notice(number, f"spaces inside {_WG_KEYS[key]}; wg ignores them")
        elif key not in _LISTS and _WHITESPACE.search(value):
            self._notice(number, f"spaces inside the value of {_WG_KEYS[key]}; wg ignores them")

    def _add(self, section: ConfSection, key: str, name: str, value: str, number: int) -> None:
        if key not in _KNOWN[section.kind] and key not in amneziawg_keys.KEYS:
            self._notice(number, f"{name} is unknown in {section.kind}; ignored")
        elif not value and key not in amneziawg_keys.KEYS:
            self._notice(number, f"{name} is empty; ignored. Delete the line")
            return
        section.entries.append((key, number, value))
        section.written[key] = name

    def _notice(self, line: int, text: str) -> None:
        self._notice_count += 1
        if self._notice_count <= _MAX_NOTICES:
            self.notices.append(Remark(self._source, text, line))

    def _fault(self, line: int, text: str) -> None:
        self._faulty_lines += 1
        if self._faulty_lines <= _MAX_FAULTS:
            self.faults.append(Remark(self._source, text, line))
