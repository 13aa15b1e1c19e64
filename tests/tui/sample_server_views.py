"""Sample findings of a server's own view."""

from __future__ import annotations

from ipaddress import ip_interface

from tests.tui import sample_exchanges
from tests.tui.sample_fleet import NOW
from wgmon_tui.checks.inspection import ConfiguredSide, ServerView, ViewUnavailable
from wgmon_tui.config.imports.wg_dump_parser import InterfaceDump, PeerEntry
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.wireguard.server_view_comparison import compare

OUR_ADDRESS: Interface = ip_interface("10.8.0.250/32")
CONFIGURED = ConfiguredSide(
    sample_exchanges.server("fra1"), sample_exchanges.CLIENT.public, (OUR_ADDRESS,), has_preshared_key=False
)
_US = PeerEntry(
    sample_exchanges.CLIENT.public, False, frozenset({OUR_ADDRESS.network}), latest_handshake=int(NOW) - 12
)
_STRANGER = PeerEntry(sample_exchanges.SERVER.public, False, frozenset())

AGREEING = compare(
    CONFIGURED,
    ServerView(InterfaceDump(True, sample_exchanges.SERVER.public, 51820, (_US,)), stored=None),
    NOW,
)
DIFFERING = compare(
    CONFIGURED,
    ServerView(InterfaceDump(True, sample_exchanges.SERVER.public, 51999, (_STRANGER,)), stored=None),
    NOW,
)
UNREAD = compare(
    CONFIGURED, ServerView(ViewUnavailable('inspect: "ssh" did not end within 15 s'), stored=None), NOW
)
