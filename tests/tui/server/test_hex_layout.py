"""Hex dump: every byte appears once and in a field, and columns match mouse positions."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.tui import sample_exchanges
from wgmon_tui.protocols.wireguard.packet_words import value_of
from wgmon_tui.protocols.wireguard.wire import fields_of
from wgmon_tui.tui.server.hex_layout import (
    GUTTER,
    HexLine,
    ascii_column,
    bytes_per_line,
    hex_lines,
    offset_at,
)

HEADERS = st.sampled_from([b"", b"\x01\0\0\0", b"\x02\0\0\0", b"\x03\0\0\0", b"\x04\0\0\0"])
PACKETS = st.builds(lambda header, rest: header + rest, HEADERS, st.binary(max_size=300)) | st.sampled_from(
    [packet.data for packet in sample_exchanges.under_load().exchange]
)
PER_LINE = st.sampled_from([8, 16])


def lines_of(packet: bytes, per_line: int) -> tuple[HexLine, ...]:
    return hex_lines(packet, fields_of(packet), per_line)


@given(PACKETS, PER_LINE)
def test_every_byte_appears_once_and_in_order(packet: bytes, per_line: int) -> None:
    shown = "".join(
        line.hex_of(span).replace(" ", "") for line in lines_of(packet, per_line) for span in line.spans
    )
    assert bytes.fromhex(shown) == packet


@given(PACKETS, PER_LINE)
def test_spans_lie_end_to_end_and_inside_their_fields(packet: bytes, per_line: int) -> None:
    fields = fields_of(packet)
    at = 0
    for line in lines_of(packet, per_line):
        assert line.offset == at
        for span in line.spans:
            field = fields[span.field]
            assert span.start == at
            assert field.offset <= span.start < span.end <= field.end
            assert span.name == field.name
            at = span.end
    assert at == len(packet)


@given(PACKETS, PER_LINE)
def test_ascii_side_shows_one_printable_cell_a_byte(packet: bytes, per_line: int) -> None:
    text = "".join(line.ascii_of(span, ".") for line in lines_of(packet, per_line) for span in line.spans)
    assert len(text) == len(packet)
    assert text.isascii()
    assert not packet or text.isprintable()


@given(PACKETS, PER_LINE)
def test_a_column_leads_back_to_the_byte_that_is_drawn_there(packet: bytes, per_line: int) -> None:
    for line in lines_of(packet, per_line):
        drawn = "".join(line.gap_before(span) + line.hex_of(span) for span in line.spans)
        for index, pair in enumerate(re.finditer("[0-9a-f]{2}", drawn)):
            assert offset_at(line, GUTTER + pair.start(), per_line) == line.offset + index
            assert offset_at(line, ascii_column(per_line) + index, per_line) == line.offset + index


def test_beside_the_bytes_there_is_no_byte() -> None:
    line = lines_of(bytes(5), 16)[0]
    assert offset_at(line, 0, 16) is None
    assert offset_at(line, 6 + 3 * 5, 16) is None
    assert offset_at(line, ascii_column(16) + 5, 16) is None


def test_a_line_of_sixteen_needs_72_columns() -> None:
    assert (bytes_per_line(72), bytes_per_line(71)) == (16, 8)


def values(packet: bytes) -> dict[str, str | None]:
    return {field.name: value_of(packet, field) for field in fields_of(packet)}


def test_values_of_an_initiation_are_read_out_and_what_is_sealed_is_not() -> None:
    said = values(sample_exchanges.initiate().packet)
    assert said["sender"] == "0x01020304"
    assert said["ephemeral"] == "ST6C/HRGSlkmiBdiPSBTxeuOLMSpiLT+4XnsawENUx0="
    assert said["mac2"] == "zeros: no cookie was demanded"
    assert said["static"] is said["timestamp"] is said["mac1"] is None


def test_mac2_that_is_set_says_that_a_cookie_was_used() -> None:
    assert (
        values(sample_exchanges.initiate(sample_exchanges.COOKIE).packet)["mac2"]
        == "set: computed with a cookie"
    )


def test_counter_is_little_endian() -> None:
    packet = b"\x04\0\0\0" + bytes(4) + (258).to_bytes(8, "little") + bytes(16)
    assert values(packet)["counter"] == "258"


def test_a_keepalive_is_told_from_data() -> None:
    keepalive, data = b"\x04\0\0\0" + bytes(28), b"\x04\0\0\0" + bytes(28 + 64)
    assert (values(keepalive)["type"], values(keepalive)["packet"]) == ("keepalive", "no payload")
    assert (values(data)["type"], values(data)["packet"]) == (None, "64 bytes of payload, padding included")


def test_foreign_bytes_are_read_as_text_without_their_control_characters() -> None:
    assert values(b"SSH-2.0\x1b[2J\r\n")["unknown"] == 'text: "SSH-2.0.[2J.."'
