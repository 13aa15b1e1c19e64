"""The largest inner packet of a tunnel: what the server pushes, within what the client takes."""

from __future__ import annotations

import pytest

from tests.protocols.openvpn.profile_texts import profile
from wgmon_tui.protocols.openvpn.control_messages import parse_options
from wgmon_tui.protocols.openvpn.profile_parser import parse_profile
from wgmon_tui.protocols.openvpn.tunnel_stage import find_tunnel_mtu


@pytest.mark.parametrize(
    ("pushed", "lines", "expected"),
    [
        ("", (), 1500),
        ("", ("tun-mtu 1400",), 1400),
        ("1400", (), 1400),
        ("9000", (), 1600),
        ("9000", ("tun-mtu-max 9000",), 9000),
        ("9000", ("tun-mtu 2000",), 2000),
        ("999999999999", (), 1600),
        ("-5", (), 1500),
        ("0", (), 1500),
        ("many", (), 1500),
    ],
)
def test_a_pushed_size_counts_up_to_the_limit_of_the_profile(
    pushed: str, lines: tuple[str, ...], expected: int
) -> None:
    reply = parse_options([f"tun-mtu {pushed}"] if pushed else [])
    assert find_tunnel_mtu(reply, parse_profile(profile(*lines).encode())) == expected
