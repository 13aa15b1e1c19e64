"""What is said of each packet of a check."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.protocols.openvpn.check_harness import check, lab
from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.stage import RESET, Stage, StageOutcome
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.events import UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout
from wgmon_tui.protocols.openvpn.profile import Wrapper, WrapperKind
from wgmon_tui.protocols.openvpn.protocol import PROTOCOL

RESET_ANSWER = bytes([8 << 3]) + bytes(60)
DATA = bytes([9 << 3]) + bytes(60)


def remarks(made: Check) -> list[tuple[str, str]]:
    """Tone and text of each packet that has a remark."""
    found = (PROTOCOL.remark_on(made, each) for each in made.exchange)
    return [(each.tone, each.text) for each in found if each]


def failed(*evidence: Evidence, packet: bytes, note: str = "", kind: WrapperKind) -> Check:
    """A check that failed at the reset, with one packet received after 0.2 s."""
    layout = PacketLayout.of(Wrapper(kind))
    if note:
        layout.notes[0] = note
    return Check(
        "vpn",
        "local",
        Endpoint("192.0.2.7", 1194),
        ip_address("192.0.2.7"),
        0.0,
        None,
        evidence,
        (Packet(0.2, Direction.RECEIVED, packet),),
        stages=(Stage(RESET, StageOutcome.FAILED),),
        protocol="openvpn",
        framing=str(layout),
    )


async def test_each_packet_that_took_a_stage_further_says_so() -> None:
    async with lab() as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    found = remarks(made)
    assert {tone for tone, _ in found} == {"good"}
    texts = [text for _, text in found]
    assert [text.split()[0] for text in texts[:4]] == ["accepted:", "TLS", "accepted:", "accepted:"]
    assert "authentic: echo reply of 44 bytes" in texts
    assert PROTOCOL.find_decisive_field(made) is None


async def test_the_packet_that_ended_a_login_is_the_decisive_one() -> None:
    async with lab(OpenVpnLabMode.REFUSING) as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    decisive = PROTOCOL.find_decisive_field(made)
    assert decisive is not None
    number, name = decisive
    remark = PROTOCOL.remark_on(made, made.exchange[number])
    assert remark is not None
    assert (remark.tone, name) == ("bad", "encrypted")
    assert "AUTH_FAILED" in remark.text


async def test_what_was_sent_through_the_tunnel_has_a_note_without_its_content() -> None:
    async with lab() as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    layout = PacketLayout.parse(made.framing)
    assert layout is not None
    notes = list(layout.notes.values())
    assert "echo of 44 bytes to 10.98.0.1" in notes
    assert notes[-1] == "exit notification"


@pytest.mark.parametrize(("kind", "field"), [(WrapperKind.TLS_AUTH, "HMAC"), (WrapperKind.TLS_CRYPT, "tag")])
def test_a_packet_under_another_key_fails_at_its_seal(kind: WrapperKind, field: str) -> None:
    rejected = observe(seen.REJECTED, UNAUTHENTIC, "61", at=0.2)
    made = failed(rejected, packet=RESET_ANSWER, kind=kind)

    assert remarks(made) == [("bad", f"rejected: {UNAUTHENTIC}")]
    assert PROTOCOL.find_decisive_field(made) == (0, field)


def test_evidence_of_another_moment_is_not_about_a_packet() -> None:
    rejected = observe(seen.REJECTED, UNAUTHENTIC, "61", at=0.3)

    assert remarks(failed(rejected, packet=RESET_ANSWER, kind=WrapperKind.TLS_AUTH)) == []


def test_a_data_packet_that_was_rejected_says_why() -> None:
    made = failed(packet=DATA, note="rejected: its packet id came before", kind=WrapperKind.PLAIN)

    assert remarks(made) == [("bad", "rejected: its packet id came before")]


def test_bytes_of_another_protocol_are_no_packet_of_openvpn() -> None:
    made = failed(packet=b"\x00 other", kind=WrapperKind.PLAIN)

    assert remarks(made) == [("bad", "not a packet of OpenVPN")]
    assert PROTOCOL.find_decisive_field(made) == (0, "unknown")
