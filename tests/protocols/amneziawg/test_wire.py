"""The fields of AmneziaWG's datagrams."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.protocols.amneziawg.profiles import (
    PROFILES,
    PROTECTION_KEY,
    VERSION_2,
    VERSION_3_TRAILERS,
    framing,
    parameters,
)
from tests.protocols.wireguard.handshake_parties import CLIENT
from wgmon_tui.protocols.amneziawg.layout import LENGTHS, Layout
from wgmon_tui.protocols.amneziawg.parameters import Parameters
from wgmon_tui.protocols.amneziawg.wire import DECOY, UNFRAMED, fields_of, label_of
from wgmon_tui.protocols.wireguard.wire import MessageType

LAYOUT = Layout.of(VERSION_2, is_protected=False)
PROTECTED = Layout.of(VERSION_2, is_protected=True)


def datagram(kind: MessageType, profile: Parameters, key: bytes | None = None, more: int = 0) -> bytes:
    made = framing(profile, CLIENT.public, key)
    return made.frame(kind, made.header(kind) + bytes(LENGTHS[kind] - 4 + more))


@pytest.mark.parametrize("key", [None, PROTECTION_KEY])
@pytest.mark.parametrize("kind", MessageType)
def test_each_message_is_named_with_prefix_and_replaced_type(kind: MessageType, key: bytes | None) -> None:
    layout = Layout.of(VERSION_2, is_protected=key is not None)
    made = datagram(kind, VERSION_2, key, more=16 if kind is MessageType.TRANSPORT else 0)
    assert label_of(made, layout) == kind.label
    prefix, header, *others = fields_of(made, layout)
    assert (prefix.name, prefix.length) == ("prefix", VERSION_2.prefixes[kind - 1])
    assert (header.name, header.length) == ("type", 4)
    assert f"H{kind:d}: a number of {VERSION_2.headers[kind - 1]}" in header.meaning
    assert all("hidden" in each.meaning for each in (header, others[0])) == (key is not None)


def test_only_the_first_16_bytes_of_a_data_packet_are_hidden() -> None:
    hidden = [
        each.name
        for each in fields_of(datagram(MessageType.TRANSPORT, VERSION_2, more=16), PROTECTED)
        if "hidden" in each.meaning
    ]
    assert hidden == ["type", "receiver", "counter"]


def test_a_trailer_is_a_field() -> None:
    layout = Layout.of(VERSION_3_TRAILERS, is_protected=False)
    made = datagram(MessageType.RESPONSE, VERSION_2) + b"trailer"
    assert fields_of(made, layout)[-1].name == "trailer"
    assert label_of(made, layout) == "handshake response"


def test_an_empty_data_packet_is_a_keepalive() -> None:
    assert label_of(datagram(MessageType.TRANSPORT, VERSION_2), LAYOUT) == "keepalive"


@pytest.mark.parametrize("layout", [LAYOUT, PROTECTED])
def test_a_decoy_is_named_even_if_it_looks_like_a_data_packet(layout: Layout) -> None:
    decoy = bytes(70)
    stored = Layout.parse(str(layout.with_decoys([b"junk", decoy])))
    assert stored
    assert label_of(decoy, stored) == DECOY
    assert [each.name for each in fields_of(decoy, stored)] == ["unknown"]


def test_bytes_of_no_message_are_foreign() -> None:
    assert label_of(b"junk", LAYOUT) == UNFRAMED
    assert [each.name for each in fields_of(b"junk", LAYOUT)] == ["unknown"]
    assert fields_of(b"", LAYOUT) == ()


@given(parameters(), st.booleans(), st.binary(max_size=700))
def test_the_fields_cover_every_byte_once(profile: Parameters, is_protected: bool, data: bytes) -> None:
    layout = Layout.of(profile, is_protected=is_protected)
    offset = 0
    for field in fields_of(data, layout):
        assert field.offset == offset
        assert field.length > 0
        offset = field.end
    assert offset == len(data)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("is_protected", [False, True])
def test_a_layout_is_stored_as_text(profile: Parameters, is_protected: bool) -> None:
    layout = Layout.of(profile, is_protected=is_protected)
    assert Layout.parse(str(layout)) == layout


@given(st.text(alphabet="s=h0123,- trailersprotected", max_size=60))
def test_any_other_text_is_no_layout(text: str) -> None:
    layout = Layout.parse(text)
    assert layout is None or len(layout.headers) == 4
