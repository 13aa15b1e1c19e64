"""Rounds in the golden files of the store: every kind of evidence, and every verdict."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet, ProbedAs, Tunnel
from wgmon_tui.checks.context_evidence import (
    ForeignSession,
    IdentityOnInterface,
    IdentityUsedElsewhere,
    InnerAddressAnswered,
    LeavesBy,
    NeighboursFailed,
    OtherVantagesAnswered,
    ServerInitiated,
    ServerOnInterface,
    WorkedUntil,
)
from wgmon_tui.checks.evidence import (
    AllSilent,
    AnsweredFromElsewhere,
    CookieDemanded,
    Evidence,
    FlowCut,
    ForeignBytes,
    FreshPortAnswered,
    GatewaySilent,
    IcmpError,
    IdentityAnswered,
    InnerEcho,
    InnerHop,
    InnerService,
    InnerUnaddressed,
    KnownKeyAnswered,
    LateAnswer,
    MachineStarved,
    NameMoved,
    NameUnresolved,
    OnlyServerWatched,
    OtherAddressAnswered,
    PacketRejected,
    PassiveKeepalive,
    PathMtu,
    PresharedKeyFound,
    ProtocolEvidence,
    ReceiveOverflow,
    RecentLoss,
    Silence,
    Soak,
    SocketError,
    StampsAhead,
    WitnessProbed,
)
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.mesh_client import MeshPeer
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.stage import Stage, StageOutcome
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.inner_packets import InnerIcmp

AT = 1_700_000_040.25

KEY = PublicKey(bytes(range(32)))
V4, V6 = ip_address("192.0.2.7"), ip_address("2001:db8::7")
ENDPOINT = Endpoint("fra1.example.net", 51820)
CAUSE = Cause("the port is wrong", "the host answers", "wg show")

EVIDENCE: tuple[Evidence, ...] = (
    NameUnresolved("fra1.example.net", "Name or service not known"),
    CookieDemanded(0.25),
    *(PacketRejected(0.5, reason, 92) for reason in Reason),
    ForeignBytes(0.5, 12, b"\x00\x01\x80\x01"),
    IcmpError(0.125, 4, 3, 4, "198.51.100.1", False, 1400),
    IcmpError(0.125, 6, 1, 4, "2001:db8::7", True),
    SocketError(0.0, "EPERM"),
    LateAnswer(7.5),
    ReceiveOverflow(17),
    Silence(5.0),
    InnerEcho("10.8.0.1", 3, 2, 0.25),
    InnerEcho("10.8.0.1", 3, 0, None),
    InnerIcmp(V4, 4, 3, 13, V6, 1280),
    InnerIcmp(V6, 6, 1, 1, None),
    InnerService("dns", "10.8.0.1", "answered"),
    InnerService("tcp", "10.8.0.1:443", "open"),
    InnerService("tcp", "10.8.0.1:443", "closed"),
    InnerService("dns", "10.8.0.1", None),
    InnerUnaddressed("fd00::1"),
    InnerHop(4, V4, 0.25),
    InnerHop(6, None, None),
    PassiveKeepalive(10.0, 15.0),
    PassiveKeepalive(None, 15.0),
    PathMtu(1420, 1380, 1381, 1400),
    PathMtu(1420, 1420, None),
    KnownKeyAnswered(KEY),
    IdentityAnswered("laptop"),
    PresharedKeyFound(None),
    PresharedKeyFound("ams1"),
    OtherAddressAnswered(V6),
    FreshPortAnswered(),
    AllSilent(12),
    StampsAhead(86_400.0),
    NameMoved("fra1.example.net", (V4,), (V6,)),
)

LATER_EVIDENCE: tuple[Evidence, ...] = (
    InnerService("dns", "10.8.0.1", "answered", 2),
    FlowCut(20, 11_264, 1.25, 12),
    Soak(100, 98, 65_536, 29.5),
    AnsweredFromElsewhere("198.51.100.9", 51820),
    RecentLoss(20, 22, 2, 60, 5),
    ServerInitiated(0.5, 3),
    GatewaySilent(ip_address("192.0.2.1"), "eth0"),
    WitnessProbed("192.0.2.53:53", answered=False),
    MachineStarved(0.75),
    OnlyServerWatched(),
    WorkedUntil(AT),
    NeighboursFailed(ip_address("198.51.100.7"), 2, 3),
    OtherVantagesAnswered(("fra", "nyc")),
    ForeignSession(4),
    IdentityUsedElsewhere(1.5),
)

FULL = Check(
    "fra1",
    "here",
    ENDPOINT,
    V6,
    AT,
    Handshake(0.25, 1, True),
    EVIDENCE,
    (Packet(0.0, Direction.SENT, bytes(148)), Packet(0.25, Direction.RECEIVED, b"\xff\x00")),
    2,
    Tunnel(3, 2, 0.125, 1420, True),
    ProbedAs(KEY, (ip_interface("10.8.0.2/24"), ip_interface("fd00::2/64"))),
)
BARE = Check("fra1", "", ENDPOINT, None, AT, None)
PLAIN = replace(
    BARE,
    address=V4,
    handshake=Handshake(0.5),
    tunnel=Tunnel(0, 0, None, None, False),
    probed_as=ProbedAs(KEY),
)

LATEST_VERDICTS = (
    Verdict.AUTH_FAILED,
    Verdict.BAD_CERTIFICATE,
    Verdict.CIPHER_MISMATCH,
    Verdict.SESSION_REFUSED,
    Verdict.PROXY_DOWN,
    Verdict.TARGET_DOWN,
    Verdict.WRONG_PROTOCOL,
)
"""Those that came with the protocols beside WireGuard."""

CONTROL_PLANE_VERDICTS = (
    Verdict.API_FAILED,
    Verdict.BACKEND_DOWN,
    Verdict.SAYS_CONNECTED,
    Verdict.FORGOTTEN,
)

_LATER_VERDICTS = (
    *(Verdict.DIES_AFTER, Verdict.ADDRESS_DEAD, Verdict.TCP_STALLS),
    *LATEST_VERDICTS,
    Verdict.WRONG_PARAMETERS,
    *CONTROL_PLANE_VERDICTS,
)

FIRST_VERDICTS = tuple(verdict for verdict in Verdict if verdict not in _LATER_VERDICTS)

ROUNDS = (
    Round((FULL,), (Diagnosis(Verdict.HEALTHY, "Answers.", ("after 250 ms",), (CAUSE,)),), "open"),
    Round((BARE,), (Diagnosis(Verdict.DNS_FAILURE, "The name is unknown."),)),
    Round((PLAIN,) * len(FIRST_VERDICTS), tuple(Diagnosis(verdict, "Ü – ✖") for verdict in FIRST_VERDICTS)),
    Round(
        (replace(BARE, evidence=LATER_EVIDENCE),),
        (Diagnosis(Verdict.DIES_AFTER, "Data dies after 20 packets."),),
    ),
    Round(
        (replace(BARE, evidence=(NameMoved("fra1.example.net", (V4,), (V6,), AT),)),),
        (Diagnosis(Verdict.SILENT, "Nothing."),),
    ),
    Round((BARE,), (Diagnosis(Verdict.ADDRESS_DEAD, "1 of 2 addresses is dead."),)),
    Round(
        (PLAIN,),
        (
            Diagnosis(
                Verdict.PEER_MISSING,
                "It answers another identity.",
                (),
                (
                    replace(CAUSE, hypothesis="key-removed", proven=True),
                    replace(CAUSE, hypothesis="firewall"),
                ),
            ),
        ),
    ),
    Round(
        (replace(BARE, evidence=(IdentityOnInterface("wg0"),)),),
        (Diagnosis(Verdict.LOSSY, "It is cut off."),),
    ),
    Round(
        (
            replace(
                BARE,
                evidence=(
                    ForeignSession(4, proven=1),
                    IcmpError(0.125, 4, 3, 3, "198.51.100.7", True, quotes_packet=True),
                    IcmpError(0.125, 4, 3, 3, "198.51.100.7", True, quotes_packet=False),
                ),
            ),
        ),
        (Diagnosis(Verdict.PORT_CLOSED, "Nothing listens."),),
    ),
    Round(
        (
            replace(
                BARE,
                stages=(
                    Stage("resolve", StageOutcome.PASSED, 0.002),
                    Stage("reach", StageOutcome.NOT_KNOWN, detail="nothing answered"),
                    Stage("handshake", StageOutcome.FAILED, None, "no answer within 5 s"),
                    Stage("authenticate", StageOutcome.NOT_RUN, detail="the handshake failed"),
                ),
            ),
        ),
        (Diagnosis(Verdict.SILENT, "No answer."),),
    ),
    Round((PLAIN,), (Diagnosis(Verdict.DATA_DEAD, "Nothing came back.", failed_stage="tunnel"),)),
    Round(
        (
            replace(
                BARE,
                protocol="openvpn",
                framing="tls-crypt",
                evidence=(
                    ProtocolEvidence("openvpn", "alert", ("40",), 0.25, True),
                    ProtocolEvidence("openvpn", "reset"),
                ),
            ),
        ),
        (Diagnosis(Verdict.SILENT, "No answer."),),
    ),
    Round(
        (
            replace(
                BARE,
                evidence=(
                    InnerFetch("http://10.8.0.5/health", None, None),
                    InnerFetch(
                        "https://www.example.net/ status=401",
                        V6,
                        "stalled",
                        0.25,
                        0.5,
                        0.75,
                        1.0,
                        5.0,
                        200,
                        65536,
                        16384,
                        "a reason",
                        echoes_pass=True,
                        small_pass=False,
                    ),
                ),
            ),
        ),
        (Diagnosis(Verdict.TCP_STALLS, "It stalls."),),
    ),
    Round(
        (replace(BARE, evidence=(InnerAddressAnswered(V4, "own-wg0"),)),),
        (Diagnosis(Verdict.SILENT, "No answer."),),
    ),
    Round(
        (BARE,) * len(LATEST_VERDICTS),
        tuple(Diagnosis(verdict, "Of another protocol.") for verdict in LATEST_VERDICTS),
    ),
    Round(
        (
            replace(
                FULL,
                evidence=(
                    ProtocolEvidence(
                        "amneziawg", "data-passes", ("", "s4", "0"), from_experiment=True, about_data=True
                    ),
                ),
            ),
        ),
        (Diagnosis(Verdict.WRONG_PARAMETERS, "Data comes back only with s4 = 0."),),
    ),
    Round(
        (BARE,) * len(CONTROL_PLANE_VERDICTS),
        tuple(Diagnosis(verdict, "Of a control plane.") for verdict in CONTROL_PLANE_VERDICTS),
    ),
    Round(
        (replace(BARE, evidence=(Expires("server certificate", "fra1.example.net", AT),)),),
        (Diagnosis(Verdict.BAD_CERTIFICATE, "It has expired."),),
    ),
    Round(
        (
            replace(
                BARE,
                evidence=(
                    InnerAddressAnswered(V4, "inside", "wg0"),
                    LeavesBy("wg0"),
                    ServerOnInterface("wg0"),
                ),
            ),
        ),
        (Diagnosis(Verdict.PEER_MISSING, "wg0 of this machine is up."),),
    ),
    Round(
        (
            replace(
                BARE,
                evidence=(
                    MeshPeer("tailscale", trouble="it is not installed"),
                    MeshPeer("tailscale", "", True, False, "fra", 12.5, has_expired=True, is_answered=False),
                    MeshPeer("tailscale", "", True, True, is_answered=True, rtt=0.012),
                ),
            ),
        ),
        (Diagnosis(Verdict.SILENT, "Nothing came back."),),
    ),
)
