"""One HTTP/1.1 response (RFC 9112), as far as it has arrived. h11 parses it; it comes with an extra."""

from __future__ import annotations

import h11

KEPT_BODY_BYTES = 64 * 1024
"""The part of the body that is kept, to search a text in it."""

_MAX_HEAD_BYTES = 32 * 1024
_START = b"HTTP/1."


class HttpError(Exception):
    """The bytes are no valid response. The message is a phrase without anything that the server sent."""


class ResponseParser:
    """The response to a GET request."""

    def __init__(self) -> None:
        self.status: int | None = None
        """The status of the final response; None before its head is complete."""
        self.size = 0
        """The bytes of the body that have arrived."""
        self.body = bytearray()
        """The first KEPT_BODY_BYTES of the body."""
        self.is_complete = False
        """Whether nothing is missing."""
        self.date = ""
        """The Date header (RFC 9110 §6.6.1) of the final response; "" without one."""
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._connection.send(h11.Request(method="GET", target="/", headers=[("Host", "server")]))
        self._connection.send(h11.EndOfMessage())
        self._start = b""

    def receive(self, data: bytes) -> None:
        """Take bytes of the stream. Raises HttpError."""
        if not data:
            return
        self._start += data[: len(_START) - len(self._start)]
        if not _START.startswith(self._start):
            raise HttpError("the answer is not HTTP")
        self._take(data)

    def end(self) -> None:
        """Take the end of the stream. Raises HttpError if something is missing."""
        self._take(b"")
        if not self.is_complete:
            raise HttpError("the connection ended before the response did")

    def _take(self, data: bytes) -> None:
        try:
            self._connection.receive_data(data)
            while not self.is_complete:
                event = self._connection.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take_event(event)
        except h11.RemoteProtocolError as error:
            is_too_long = error.error_status_hint == 431
            raise HttpError(
                "the head of the response is too long" if is_too_long else "the answer is not valid HTTP"
            ) from None

    def _take_event(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self.status = event.status_code
            dates = [value for name, value in event.headers if name == b"date"]
            self.date = dates[0].decode("ascii", "replace") if dates else ""
        elif isinstance(event, h11.Data):
            self.size += len(event.data)
            self.body += event.data[: KEPT_BODY_BYTES - len(self.body)]
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            self.is_complete = self.status is not None
            if not self.is_complete:
                raise HttpError("the connection ended before the response did")
