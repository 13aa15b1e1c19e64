"""A strict parser of one HTTP/1.1 response (RFC 9112), sans-I/O: bytes in, status and body out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto

KEPT_BODY_BYTES = 64 * 1024
"""The part of the body that is kept, to search a text in it."""

_MAX_HEAD_BYTES = 32 * 1024
_MAX_CHUNK_LINE = 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_LENGTH = re.compile(rb"[0-9]{1,15}")
_NO_BODY = (204, 304)


class HttpError(Exception):
    """The bytes are no valid response. The message is a phrase without anything that the server sent."""


class _Part(Enum):
    """The part of the response that comes next."""

    HEAD = auto()
    BODY = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ResponseParser:
    """The response to a GET request, as far as it has arrived."""

    def __init__(self) -> None:
        self.status: int | None = None
        """The status of the final response; None before its head is complete."""
        self.size = 0
        """The bytes of the body that have arrived."""
        self.body = bytearray()
        """The first KEPT_BODY_BYTES of the body."""
        self._part = _Part.HEAD
        self._left: int | None = None  # bytes of the body or chunk that are missing; None: until the end
        self._buffer = bytearray()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return self._part is _Part.NOTHING

    def receive(self, data: bytes) -> None:
        """Take bytes of the stream. Raises HttpError."""
        self._buffer += data
        while not self.is_complete and self._take_part():
            pass

    def end(self) -> None:
        """Take the end of the stream. Raises HttpError if something is missing."""
        if self._part is _Part.BODY and self._left is None:
            self._part = _Part.NOTHING
        if not self.is_complete:
            raise HttpError("the connection ended before the response did")

    def _take_part(self) -> bool:
        """Take the next part from the buffer; False if more bytes are needed."""
        match self._part:
            case _Part.HEAD:
                return self._take_head()
            case _Part.BODY | _Part.CHUNK:
                return self._take_body()
            case _Part.CHUNK_SIZE:
                return self._take_chunk_size()
            case _Part.CHUNK_END:
                return self._take_chunk_end()
            case _:
                return self._take_trailer()

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end > _MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > _MAX_HEAD_BYTES):
            raise HttpError("the head of the response is too long")
        if not self._buffer.startswith(b"HTTP/1."[: len(self._buffer)]):
            raise HttpError("the answer is not HTTP")
        if end < 0:
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        status_line = _STATUS_LINE.fullmatch(first)
        if status_line is None:
            raise HttpError("the status line is not valid")
        status, headers = int(status_line[1]), _read_headers(lines)
        if status >= 200:
            self.status = status
            self._begin_body(status, headers)
        elif status == 101:
            raise HttpError("the server changes the protocol")
        return True

    def _begin_body(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Find how the body ends: RFC 9112 §6.3."""
        codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
        lengths = {value for name, value in headers if name == b"content-length"}
        self._part = _Part.BODY
        if status in _NO_BODY:
            self._part = _Part.NOTHING
        elif codings:
            if codings != [b"chunked"] or lengths:
                raise HttpError("the encoding of the body is not known")
            self._part = _Part.CHUNK_SIZE
        elif lengths:
            (length, *others) = lengths
            if others or _LENGTH.fullmatch(length) is None:
                raise HttpError("the length of the body is not valid")
            self._left = int(length)
            if not self._left:
                self._part = _Part.NOTHING

    def _take_body(self) -> bool:
        data = bytes(self._buffer[: self._left])
        del self._buffer[: len(data)]
        self.size += len(data)
        self.body += data[: KEPT_BODY_BYTES - len(self.body)]
        if self._left is not None:
            self._left -= len(data)
            if not self._left:
                self._part = _Part.CHUNK_END if self._part is _Part.CHUNK else _Part.NOTHING
                return True
        return False

    def _take_chunk_size(self) -> bool:
        line = self._take_line()
        if line is None:
            return False
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise HttpError("the size of a chunk is not valid")
        self._left = int(size[1], 16)
        self._part = _Part.CHUNK if self._left else _Part.TRAILER
        return True

    def _take_chunk_end(self) -> bool:
        line = self._take_line()
        if line:
            raise HttpError("a chunk is longer than its size")
        if line is not None:
            self._part = _Part.CHUNK_SIZE
        return line is not None

    def _take_trailer(self) -> bool:
        line = self._take_line()
        if line == b"":
            self._part = _Part.NOTHING
        return line is not None

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end > _MAX_CHUNK_LINE or (end < 0 and len(self._buffer) > _MAX_CHUNK_LINE):
            raise HttpError("a line between chunks is too long")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _read_headers(lines: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    headers = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise HttpError("a header is not valid")
        headers.append((header[1].lower(), header[2]))
    return headers
