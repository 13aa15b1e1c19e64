"""Signature packets I1 to I5: their tags, and the packets that are made of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.protocols.amneziawg.signature_packets import SignaturePacket, SignaturePacketError


def test_a_packet_is_made_of_its_tags_in_order() -> None:
    packet = SignaturePacket.parse("<b 0xc0ff><rc 3><rd 2> and <t><r 4><d>")
    made = packet.make(0x01020304)
    assert re.fullmatch(rb"\xc0\xff[A-Za-z]{3}[0-9]{2}\x01\x02\x03\x04....", made, re.DOTALL)
    assert len(made) == packet.length == 15


def test_random_bytes_differ_between_two_packets() -> None:
    packet = SignaturePacket.parse("<r 32>")
    assert packet.make(0) != packet.make(0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no tag"),
        ("0xc0ff", "it has no tag"),
        ("<b 0xc0ff", "does not end"),
        ("<b 0xc0f>", "<b> needs bytes"),
        ("<b>", "<b> needs bytes"),
        ("<r>", "<r> needs a number"),
        ("<rd x>", "<rd> needs a number"),
        ("<x>", "does not know"),
        ("<>", "does not know"),
        ("<r 65000><r 65000>", "a datagram holds"),
    ],
)
def test_an_invalid_text_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(SignaturePacketError, match=reason):
        SignaturePacket.parse(text)


@given(st.text(alphabet="<>brcdtsz 0x19af-\n", max_size=40))
def test_a_text_is_refused_or_gives_packets_of_the_announced_length(text: str) -> None:
    try:
        packet = SignaturePacket.parse(text)
    except SignaturePacketError:
        return
    assert len(packet.make(0)) == packet.length
    assert str(packet) == text
