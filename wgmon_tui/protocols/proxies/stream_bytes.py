"""The bytes of a connection to a proxy, as far as others on the path can read them. Pure functions."""

from __future__ import annotations

from wgmon_tui.net.packet_fields import PacketField

_RECORDS = {
    20: "TLS change cipher spec",
    21: "TLS alert",
    22: "TLS handshake",
    23: "TLS application data",
}
"""Content types of TLS records (RFC 8446 §5.1)."""

_RECORD_HEADER = 5


def label_of(data: bytes) -> str:
    """What bytes of a connection look like."""
    if data and not data.strip(b"\0"):
        return "not shown"
    if is_tls_record(data):
        return _RECORDS[data[0]]
    if data.startswith((b"GET ", b"HTTP/1.")):
        return "HTTP upgrade"
    return "encrypted bytes"


def is_tls_record(data: bytes) -> bool:
    """Whether bytes begin with a record of TLS."""
    return len(data) >= _RECORD_HEADER and data[0] in _RECORDS and data[1] == 3 and data[2] <= 4


def fields_of(data: bytes) -> tuple[PacketField, ...]:
    """The fields of the first TLS record, or all bytes as one field."""
    if not data:
        return ()
    if data and not data.strip(b"\0"):
        return (PacketField("hidden", 0, len(data), "it holds the secret of the link: zeros stand for it"),)
    if not is_tls_record(data):
        what = "text" if data.startswith((b"GET ", b"HTTP/1.")) else "encrypted bytes"
        return (PacketField(what, 0, len(data), "what the path sees of the connection"),)
    end = min(len(data), _RECORD_HEADER + int.from_bytes(data[3:5], "big"))
    fields = [
        PacketField("type", 0, 1, "the content type of the TLS record"),
        PacketField("version", 1, 2, "always 3.1 or 3.3"),
        PacketField("length", 3, 2, "the bytes of this record"),
        PacketField("record", _RECORD_HEADER, end - _RECORD_HEADER, "a handshake message, or encrypted data"),
        PacketField("further records", end, len(data) - end, "more of the same connection"),
    ]
    return tuple(each for each in fields if each.length)
