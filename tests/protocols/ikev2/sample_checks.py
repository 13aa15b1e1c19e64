"""Diagnoses of IKEv2 from evidence alone, for their tests."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import CookieDemanded, Evidence, IcmpError, InnerEcho, InnerHop, Silence
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.evidence_kinds import EvidenceKind, make_evidence
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL

BY_SECRET = 'dedicated = true\nlocal_id = "monitor.test"\nsecret = "secret"\n'
BY_PASSWORD = 'dedicated = true\neap_user = "monitor"\neap_password = "secret"\nremote_id = "gate.test"\n'
SA_INIT = make_evidence(EvidenceKind.SA_INIT, "aes256gcm16-prfsha384-ecp384", "fragments", at=0.01)
PROVEN = make_evidence(EvidenceKind.SERVER_PROVEN, "gate.test", "certificate", at=0.02)
CHILDLESS = make_evidence(EvidenceKind.ESTABLISHED, "childless", at=0.02)
CHILD = make_evidence(EvidenceKind.ESTABLISHED, "child", at=0.02)
REFUSED = make_evidence(EvidenceKind.REFUSED, "IKE_AUTH", "AUTHENTICATION_FAILED", at=0.02)
UNANSWERED = make_evidence(EvidenceKind.UNANSWERED, "IKE_AUTH", "1700", "5", at=5.0)
ANSWERED = Handshake(0.01)


def server(settings: str = BY_SECRET, *, tunnel: bool = False, port: int = 500) -> Server:
    entry = f'[[server]]\nname = "gate"\nprotocol = "ikev2"\nendpoint = "gate.test:{port}"\n'
    return parse(f"{entry}tunnel = {str(tunnel).lower()}\n[server.ikev2]\n{settings}").servers[0]


def diagnose(
    *evidence: Evidence,
    of: Server | None = None,
    handshake: Handshake | None = None,
    standing: Sequence[Evidence] = (),
) -> Diagnosis:
    own = of or server()
    check = Check(
        own.name, "local", Endpoint("gate.test", 500), None, 0.0, handshake, evidence, protocol="ikev2"
    )
    return PROTOCOL.diagnose(check, own, standing=standing)


def rejected(fault: str, detail: str = "", chain_fault: str = "") -> Evidence:
    return make_evidence(EvidenceKind.SERVER_REJECTED, fault, detail, chain_fault, at=0.02)


def experiment(kind: EvidenceKind, *values: str) -> Evidence:
    return make_evidence(kind, *values, from_experiment=True)


ROWS: dict[str, tuple[Diagnosis, Verdict, str, str]] = {
    "both sides proved": (
        diagnose(SA_INIT, PROVEN, CHILDLESS, handshake=ANSWERED),
        Verdict.HEALTHY,
        "",
        "gate.test proved itself by certificate",
    ),
    "cookie": (
        diagnose(CookieDemanded(0.0), SA_INIT, PROVEN, CHILDLESS, handshake=Handshake(0.01, 0, True)),
        Verdict.UNDER_LOAD,
        "",
        "cookies",
    ),
    "slow": (diagnose(SA_INIT, PROVEN, CHILDLESS, handshake=Handshake(0.9)), Verdict.SLOW, "", "limit"),
    "echoes": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 1, 1, 0.02),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.HEALTHY,
        "",
        "Data came back",
    ),
    "no echo": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.DATA_DEAD,
        "tunnel",
        "10.9.0.1",
    ),
    "ended by the server": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            make_evidence(EvidenceKind.ENDED, "by-server", at=1.0),
            InnerEcho("10.9.0.1", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "the server ended it before 10.9.0.1 answered",
    ),
    "one of two echoes": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILD,
            InnerEcho("10.9.0.1", 1, 1, 0.02),
            InnerEcho("10.9.0.2", 3, 0, None),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.INNER_DEAD,
        "tunnel",
        "10.9.0.2 does not answer",
    ),
    "first hop silent": (
        diagnose(SA_INIT, PROVEN, CHILD, InnerHop(4, None, None), of=server(tunnel=True), handshake=ANSWERED),
        Verdict.UNPROVEN,
        "",
        "Set tunnel_ping",
    ),
    "no address": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.ESTABLISHED, "INTERNAL_ADDRESS_FAILURE"),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "no inner address",
    ),
    "child refused": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.ESTABLISHED, "TS_UNACCEPTABLE"),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.SESSION_REFUSED,
        "tunnel",
        "TS_UNACCEPTABLE",
    ),
    "child only later": (
        diagnose(
            SA_INIT,
            PROVEN,
            CHILDLESS,
            make_evidence(EvidenceKind.CHILD_LATER),
            of=server(tunnel=True),
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "only after IKE_AUTH",
    ),
    "not dedicated": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.NOT_TRIED, "not-dedicated"), handshake=ANSWERED),
        Verdict.UNPROVEN,
        "",
        "may be shared",
    ),
    "no credentials": (
        diagnose(
            SA_INIT,
            make_evidence(EvidenceKind.NOT_TRIED, "no-credentials"),
            of=server(""),
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "without credentials",
    ),
    "silence": (diagnose(Silence(5.0)), Verdict.SILENT, "sa-init", "No answer to IKE_SA_INIT"),
    "port 500 blocked": (
        diagnose(Silence(5.0), experiment(EvidenceKind.NAT_PORT, "answers")),
        Verdict.SILENT,
        "sa-init",
        "silent on port 500",
    ),
    "no default proposal": (
        diagnose(
            make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN"),
            experiment(EvidenceKind.ACCEPTS, "aes128-sha1-modp2048"),
        ),
        Verdict.UNPROVEN,
        "sa-init",
        "refuses the default proposals, but would accept aes128-sha1-modp2048",
    ),
    "no proposal": (
        diagnose(
            make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN"),
            experiment(EvidenceKind.ACCEPTS, "aes128-sha1-modp1024"),
            of=server(BY_SECRET + 'proposals = ["aes256gcm16-prfsha384-ecp384"]\n'),
        ),
        Verdict.CIPHER_MISMATCH,
        "sa-init",
        "would accept aes128-sha1-modp1024",
    ),
    "other version": (
        diagnose(make_evidence(EvidenceKind.REFUSED, "IKE_SA_INIT", "INVALID_MAJOR_VERSION")),
        Verdict.WRONG_PROTOCOL,
        "sa-init",
        "INVALID_MAJOR_VERSION",
    ),
    "something else": (
        diagnose(make_evidence(EvidenceKind.DROPPED, "only 4 bytes", "4")),
        Verdict.WRONG_PROTOCOL,
        "sa-init",
        "not with IKEv2",
    ),
    "redirected": (
        diagnose(make_evidence(EvidenceKind.REDIRECTED, "gate2.test")),
        Verdict.UNPROVEN,
        "sa-init",
        "gate2.test",
    ),
    "redirected into silence": (
        diagnose(
            make_evidence(EvidenceKind.REDIRECTED, "gate2.test"),
            make_evidence(EvidenceKind.UNANSWERED, "IKE_SA_INIT", "300", "5"),
        ),
        Verdict.SILENT,
        "sa-init",
        "clients to gate2.test, which does not answer",
    ),
    "cookie and silence": (
        diagnose(CookieDemanded(0.0), make_evidence(EvidenceKind.UNANSWERED, "IKE_SA_INIT", "300", "5")),
        Verdict.SILENT,
        "sa-init",
        "demands a cookie",
    ),
    "refused": (diagnose(SA_INIT, REFUSED), Verdict.AUTH_FAILED, "authenticate", "refuses monitor.test"),
    "port 4500 blocked": (
        diagnose(SA_INIT, UNANSWERED, experiment(EvidenceKind.NAT_PORT, "silent")),
        Verdict.SILENT,
        "authenticate",
        "silent on port 4500",
    ),
    "large request lost": (
        diagnose(SA_INIT, UNANSWERED, experiment(EvidenceKind.NAT_PORT, "answers")),
        Verdict.SILENT,
        "authenticate",
        "silent to IKE_AUTH",
    ),
    "silent RADIUS": (
        diagnose(SA_INIT, PROVEN, UNANSWERED, of=server(BY_PASSWORD)),
        Verdict.SILENT,
        "authenticate",
        "began EAP",
    ),
    "own certificate expired": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.OWN_CERTIFICATE, "CN=monitor expired at noon"), REFUSED),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "CN=monitor expired at noon",
    ),
    "port 4500 closed": (
        diagnose(SA_INIT, UNANSWERED, IcmpError(0.0, 4, 3, 3, "192.0.2.1", True)),
        Verdict.PORT_CLOSED,
        "authenticate",
        "nothing listens on port 4500",
    ),
    "port 4500 refused": (
        diagnose(SA_INIT, UNANSWERED, IcmpError(0.0, 4, 3, 13, "192.0.2.9", False)),
        Verdict.UNREACHABLE,
        "authenticate",
        "refuses packets to port 4500",
    ),
    "EAP refused": (
        diagnose(SA_INIT, PROVEN, make_evidence(EvidenceKind.EAP_ENDED, "691", ""), of=server(BY_PASSWORD)),
        Verdict.AUTH_FAILED,
        "authenticate",
        "refused monitor",
    ),
    "EAP-TLS": (
        diagnose(SA_INIT, PROVEN, make_evidence(EvidenceKind.EAP_ENDED, "", "13"), of=server(BY_PASSWORD)),
        Verdict.UNPROVEN,
        "authenticate",
        "asked for EAP-TLS",
    ),
    "no secret there": (
        diagnose(SA_INIT, rejected("bad-secret")),
        Verdict.PSK_MISMATCH,
        "authenticate",
        "did not prove",
    ),
    "expired": (
        diagnose(SA_INIT, rejected("chain", "CN=gate expired at noon", "expired")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "expired at noon",
    ),
    "revoked": (
        diagnose(SA_INIT, rejected("chain", "CN=gate", "revoked")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "A certificate of the server is revoked: CN=gate",
    ),
    "unusable list": (
        diagnose(SA_INIT, rejected("chain", "the revocation list has expired: CN=ca", "unusable-list")),
        Verdict.MISCONFIGURED,
        "authenticate",
        "because the revocation list has expired: CN=ca",
    ),
    "no authority": (
        diagnose(SA_INIT, rejected("chain", "it sent no certificate that can be read", "unreadable")),
        Verdict.MISCONFIGURED,
        "authenticate",
        "names no authority",
    ),
    "not an authority": (
        diagnose(SA_INIT, rejected("chain", "CN=gate", "not-an-authority")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "prove nothing: CN=gate",
    ),
    "no list for a certificate": (
        diagnose(
            SA_INIT,
            PROVEN,
            make_evidence(EvidenceKind.NOT_LOOKED_UP, "CN=gate", "CN=ca"),
            CHILDLESS,
            handshake=ANSWERED,
        ),
        Verdict.UNPROVEN,
        "",
        "Not known: whether CN=gate is revoked",
    ),
    "untrusted": (
        diagnose(SA_INIT, rejected("chain", "CN=unknown", "untrusted")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "CN=unknown did",
    ),
    "another name": (
        diagnose(SA_INIT, rejected("wrong-identity", "other.test")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "not gate.test",
    ),
    "unnamed": (
        diagnose(SA_INIT, rejected("unnamed", "gate.test")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "does not name that",
    ),
    "other key": (
        diagnose(SA_INIT, rejected("bad-signature", "CN=gate")),
        Verdict.BAD_CERTIFICATE,
        "authenticate",
        "signature",
    ),
    "no Ed25519": (
        diagnose(SA_INIT, make_evidence(EvidenceKind.CANNOT_SIGN, "the server takes no Ed25519 signatures")),
        Verdict.CIPHER_MISMATCH,
        "authenticate",
        "Ed25519",
    ),
    "port closed": (
        diagnose(Silence(5.0), IcmpError(0.0, 4, 3, 3, "192.0.2.1", True)),
        Verdict.PORT_CLOSED,
        "",
        "Nothing listens",
    ),
}
