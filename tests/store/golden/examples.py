"""The golden files of the store, and the records in them. Rounds are in rounds.py."""

from __future__ import annotations

import json
import zlib
from array import array
from dataclasses import replace
from pathlib import Path

from tests.golden import GoldenFile
from tests.store.golden.rounds import (
    AT,
    CAUSE,
    CONTROL_PLANE_VERDICTS,
    ENDPOINT,
    FIRST_VERDICTS,
    KEY,
    LATEST_VERDICTS,
    ROUNDS,
    V4,
    V6,
)
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, MeshRelay, Node, Part
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.monitor.damping import Damping, as_json, from_json
from wgmon_tui.monitor.incidents import Incident, VerdictChange
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint, NameServer
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.store.formats import incident_snapshot, node_report, record_codec
from wgmon_tui.store.formats.incident_snapshot import IncidentSnapshot, VantageVerdict
from wgmon_tui.store.formats.minute_block import SLUGS, pack, pack_samples, unpack, unpack_samples
from wgmon_tui.store.formats.server_entry import server_from_entry, server_to_entry
from wgmon_tui.store.maintenance.rollups import Rollup
from wgmon_tui.store.models import PeriodState, StoredCheck, TimelinePoint, verdict_of

HERE = Path(__file__).parent

MINUTE = int(AT // 60)

CLOSED = Incident(
    "9f00000000000001",
    "fra1",
    "here,ams",
    AT,
    Verdict.REGIONAL,
    Severity.DOWN,
    "Down from two of three.",
    AT + 600.0,
    True,
    AT + 60.0,
    "ada",
)
OPEN = Incident(
    "9f00000000000002", "ams1", "here", AT, Verdict.SLOW, Severity.DEGRADED, "Takes 900 ms: Ü – ✖"
)
MATTERS = (
    IncidentSnapshot(
        CLOSED,
        "fra1.example.net:51820",
        "2001:db8::7",
        "laptop",
        ("eu", "prod"),
        ("silence for 5 s",),
        (CAUSE,),
        "ada",
        "paused",
        vantage_verdicts=tuple(
            VantageVerdict("ams", verdict.severity, verdict) for verdict in FIRST_VERDICTS
        ),
    ),
    IncidentSnapshot(OPEN, "192.0.2.7:51820"),
    IncidentSnapshot(
        replace(
            OPEN,
            verdicts=(
                VerdictChange(AT, Verdict.SLOW, "Takes 900 ms: Ü – ✖"),
                VerdictChange(AT + 60.0, Verdict.LOSSY, "2 of 3."),
            ),
            omitted_verdicts=7,
        ),
        "192.0.2.7:51820",
    ),
    IncidentSnapshot(OPEN, "192.0.2.7:51820", causes=(CAUSE,), possible_causes=5),
)

SERVERS = (
    Server(
        "fra1",
        ENDPOINT,
        KEY,
        "laptop",
        (PublicKey(bytes(32)),),
        SecretSource(SecretForm.FILE, "fra1.psk"),
        False,
        (V4, V6),
        (NameServer(V4),),
        (Endpoint("10.8.0.1", 443),),
        1380,
        5,
        1.5,
        120.0,
        False,
        90.0,
        True,
        ("ssh", "fra1"),
        ("cat", "wg0.conf"),
        ("eu", "prod"),
        30.0,
        7.5,
        0.25,
        3,
        4,
        5,
        True,
        "Ü – ✖",
    ),
    Server("ams1", Endpoint("192.0.2.7", 51820), KEY, "laptop"),
)

LATER_SERVERS = (
    replace(SERVERS[1], tunnel_soak=7200.0, tunnel_mtu=0),
    replace(SERVERS[1], protocol="amneziawg"),
    replace(SERVERS[1], tunnel_dns=(NameServer(V4, "www.example.net"), NameServer(V6))),
    replace(
        SERVERS[1],
        tunnel_http=(
            HttpTarget(Url("10.8.0.5", 80, "/health")),
            HttpTarget(Url("www.example.net", 8443, "/", is_tls=True), 401, "sign in", V6),
        ),
        tunnel_ca=("-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----",),
    ),
    replace(SERVERS[1], name="office/web1", control_plane="office", node_id="7"),
)

DAMPINGS = (
    Damping(),
    Damping(
        Severity.DOWN,
        (Severity.UP, Severity.DEGRADED, Severity.DOWN),
        (AT, AT + 10.0),
        AT + 10.0,
        flapping=True,
    ),
    Damping(Severity.DEGRADED, (Severity.DEGRADED,)),
    Damping(Severity.UP, (Severity.UP,) * 3, (), AT),
)

_KNOWN = [verdict for slug in SLUGS if (verdict := verdict_of(slug)) in FIRST_VERDICTS]
MOMENTS = (
    [TimelinePoint(MINUTE * 60.0 + number, state) for number, state in enumerate(PeriodState)],
    [
        TimelinePoint(
            AT, PeriodState.UP, StoredCheck(AT, V4, "here", verdict, is_deciding=number % 2 == 0, rtt=0.25)
        )
        for number, verdict in enumerate(_KNOWN)
    ],
    [
        TimelinePoint(
            AT, PeriodState.DOWN, StoredCheck(AT, V6, "here", Verdict.SILENT, True, None, 3, 2, 0.125)
        ),
        TimelinePoint(AT, PeriodState.DOWN, StoredCheck(AT, None, "ams", Verdict.SILENT, False, None)),
    ],
    [TimelinePoint(AT, PeriodState.DOWN, StoredCheck(AT, V4, "here", Verdict.DIES_AFTER, True, 0.25))],
    [TimelinePoint(AT, PeriodState.DEGRADED, StoredCheck(AT, V6, "here", Verdict.ADDRESS_DEAD, True, None))],
    [TimelinePoint(AT, PeriodState.DEGRADED, StoredCheck(AT, V6, "here", Verdict.TCP_STALLS, True, 0.25))],
    [
        TimelinePoint(
            AT + number, PeriodState.DOWN, StoredCheck(AT + number, V6, "here", verdict, True, None)
        )
        for number, verdict in enumerate(LATEST_VERDICTS)
    ],
    [
        TimelinePoint(
            AT,
            PeriodState.DOWN,
            StoredCheck(AT, V4, "here", Verdict.WRONG_PARAMETERS, True, 0.25),
        )
    ],
    [
        TimelinePoint(
            AT + number, PeriodState.DOWN, StoredCheck(AT + number, V6, "here", verdict, True, None)
        )
        for number, verdict in enumerate(CONTROL_PLANE_VERDICTS)
    ],
)

SECONDS_BY_STATE = (
    {state: float(seconds) for seconds, state in enumerate(PeriodState, 1)},
    dict.fromkeys(PeriodState, 0.0),
)


def _read_round(text: str) -> Round | None:
    return record_codec.from_bytes(b"\x01" + zlib.compress(text.encode()))


def _unhidden(server: Server) -> Server:
    return replace(server, preshared_key=None, inspect=(), inspect_config=())


def _read_entry(text: str) -> Server | None:
    name, entry = json.loads(text)
    return server_from_entry(name, entry)


def _write_tally(seconds: dict[PeriodState, float]) -> str:
    tally = Rollup(7, 2)
    for state, spent in seconds.items():
        tally.add_time(state, spent)
    tally.sketch.add(0.25)
    *numbers, sketch = tally.to_row()
    return json.dumps([*numbers, sketch.hex()])


def _read_tally(text: str) -> dict[PeriodState, float]:
    *numbers, sketch = json.loads(text)
    return Rollup.from_row((*numbers, bytes.fromhex(sketch))).seconds


REPORTS = (
    ControlPlaneReport(),
    ControlPlaneReport(
        nodes=(
            Node("1", "web1"),
            Node(
                "2",
                "web2",
                (V4, V6),
                online=True,
                last_seen=AT,
                last_handshake=AT - 1.0,
                key_expiry=AT + 1.0,
                version="1.86.2",
                tags=("tag:web",),
                routes=("10.0.0.0/16",),
                public_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                endpoint="192.0.2.7:51820",
                relay="fra",
                trouble="its key has expired",
            ),
        ),
        parts=(Part("database", works=True), Part("broker", works=False, detail="no connection")),
        expiries=(Expires("API key", "abc", AT),),
        version="v0.28.0",
        drift=("nodes[].online",),
    ),
    ControlPlaneReport(
        warnings=("it is behind a captive portal",),
        relays=(
            MeshRelay("fra", works=True),
            MeshRelay("nyc", works=False, detail="no TLS"),
            MeshRelay("sgp", None),
        ),
    ),
)

FILES = (
    GoldenFile(
        HERE / "rounds.jsonl",
        ROUNDS,
        lambda outcome: zlib.decompress(record_codec.to_bytes(outcome)[1:]).decode(),
        _read_round,
    ),
    GoldenFile(
        HERE / "incident_snapshots.jsonl", MATTERS, incident_snapshot.to_json, incident_snapshot.from_json
    ),
    GoldenFile(
        HERE / "server_entries.jsonl",
        [_unhidden(server) for server in (*SERVERS, *LATER_SERVERS)],
        lambda server: json.dumps([server.name, server_to_entry(server)], ensure_ascii=False),
        _read_entry,
    ),
    GoldenFile(
        HERE / "node_reports.jsonl",
        REPORTS,
        lambda report: zlib.decompress(node_report.to_bytes(report)).decode(),
        lambda line: node_report.from_bytes(zlib.compress(line.encode())),
    ),
    GoldenFile(HERE / "damping.jsonl", DAMPINGS, as_json, from_json),
    GoldenFile(
        HERE / "minute_blocks.hex",
        MOMENTS,
        lambda moments: pack(MINUTE, moments).hex(),
        lambda text: unpack(MINUTE, bytes.fromhex(text)),
    ),
    GoldenFile(HERE / "rollups.jsonl", SECONDS_BY_STATE, _write_tally, _read_tally),
    GoldenFile(
        HERE / "samples.hex",
        [array("f", [0.25, 0.5]), array("f")],
        lambda samples: pack_samples(samples).hex(),
        lambda text: unpack_samples(bytes.fromhex(text)),
    ),
)
