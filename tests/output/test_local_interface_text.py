"""Output of `probe` about this machine's own interfaces."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.output.sample_rounds import IDENTITY, SERVER_KEY
from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.inspection import LocalPeer, LocalPeerView
from wgmon_tui.config.imports.wg_dump_parser import PeerEntry
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.output.local_interface_text import disagreements, interface_object
from wgmon_tui.output.styled_text import TextFormat

ENTRY = PeerEntry(SERVER_KEY.public, False, frozenset(), Endpoint("192.0.2.7", 51820), 1_700_000_000, 25)
PEER = LocalPeer("wg0", IDENTITY.public, ENTRY)
AGREES = LocalPeerView(
    PEER, Finding(ComparisonResult.OK, "wg0 here", "its last handshake with it was 20 s ago")
)
DIFFERS = LocalPeerView(
    PEER, Finding(ComparisonResult.DIFFERS, "wg0 here", "3 h ago, and we find it up", "wg show")
)


def test_an_interface_is_an_object_with_what_it_knows_and_no_key() -> None:
    assert interface_object(AGREES) == {
        "interface": "wg0",
        "endpoint": "192.0.2.7:51820",
        "latest_handshake": "2023-11-14T22:13:20.000+00:00",
        "keepalive_s": 25,
        "agreement": "ok",
        "finding": "its last handshake with it was 20 s ago",
        "fix": None,
    }


def test_what_an_interface_does_not_know_is_null() -> None:
    bare = LocalPeer("wg0", None, PeerEntry(SERVER_KEY.public, False, frozenset()))
    found = interface_object(LocalPeerView(bare, AGREES.finding))
    assert [found[key] for key in ("endpoint", "latest_handshake", "keepalive_s")] == [None, None, None]


def test_the_table_tells_of_disagreement_alone() -> None:
    assert disagreements([AGREES], TextFormat()) == ""
    assert disagreements([AGREES, DIFFERS], TextFormat()).splitlines() == [
        "    ✖ wg0 here: 3 h ago, and we find it up",
        "       → here:",
        "         wg show",
    ]
    assert disagreements([DIFFERS], TextFormat(ascii_only=True)).isascii()


@given(st.text())
def test_text_from_outside_reaches_no_terminal_as_it_is(text: str) -> None:
    seen = LocalPeerView(PEER, Finding(ComparisonResult.DIFFERS, "wg0 here", text, text))
    assert all(line.isprintable() for line in disagreements([seen], TextFormat()).split("\n"))
    assert json.dumps(interface_object(seen)).isascii()
