"""Bytes of a configuration file as text: UTF-8, UTF-16 and UTF-32 by their byte order mark."""

from __future__ import annotations

import codecs

from wgmon_tui.records import dataclass

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # UTF-32 first: in little endian, its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF16_STARTS = {b"[\0": "utf-16-le", b"#\0": "utf-16-le", b"\0[": "utf-16-be", b"\0#": "utf-16-be"}
"""How a file of UTF-16 without a mark begins. `wg` does not accept the first and the third."""


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text, and the first line with bytes that stand for no character; U+FFFD replaces them."""

    text: str
    undecodable_line: int | None = None


def decode_text(data: bytes) -> DecodedText:
    """Decode a file. `wg` reads bytes and ignores those in comments, so a wrong byte is no error here."""
    encoding = _UTF16_STARTS.get(data[:2], "utf-8")
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            encoding, data = name, data[len(mark) :]
            break
    try:
        return DecodedText(data.decode(encoding))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        return DecodedText(data.decode(encoding, "replace"), before.count("\n") + 1)
