"""What a diagnosis means beside a wait for the processor, in each protocol, from evidence alone."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.protocols.openvpn import sample_checks as openvpn
from tests.protocols.wireguard.sample_evidence import SERVER as WIREGUARD_SERVER
from tests.protocols.wireguard.sample_evidence import check as wireguard_check
from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import (
    Evidence,
    IcmpError,
    InnerEcho,
    MachineStarved,
    NameUnresolved,
    ProtocolEvidence,
    Silence,
)
from wgmon_tui.checks.fetch_evidence import FetchFault, InnerFetch
from wgmon_tui.checks.loop_lag import STARVED_S, TICK_S
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.stage import AUTHENTICATE, KEY_EXCHANGE, PUSH_REPLY, RESET, TLS, TUNNEL
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn import observations as seen
from wgmon_tui.protocols.openvpn.earlier_checks import EarlierChecks
from wgmon_tui.protocols.openvpn.events import UNAUTHENTIC
from wgmon_tui.protocols.openvpn.observations import observe
from wgmon_tui.protocols.proxies import findings

STARVED = MachineStarved(1.5)
ENDPOINT = Endpoint("vpn.example", 500)


def server_of(protocol: str) -> Server:
    return Server(name="vpn", endpoint=ENDPOINT, protocol=protocol)


def check_of(protocol: str, *evidence: Evidence, rtt: float | None = None) -> Check:
    answered = None if rtt is None else Handshake(rtt)
    return Check("vpn", "local", ENDPOINT, None, 0.0, answered, evidence, protocol=protocol)


def both(check: Check, server: Server | None = None) -> tuple[Diagnosis, Diagnosis]:
    """The diagnosis of a check on a machine that is well, and on a starved one."""
    protocol, of = find_protocol(check.protocol), server or server_of(check.protocol)
    starved = replace(check, evidence=(*check.evidence, STARVED))
    return protocol.diagnose(check, of), protocol.diagnose(starved, of)


def ikev2(kind: str, *values: str) -> Evidence:
    return ProtocolEvidence("ikev2", kind, values)


def proxy(fault: FetchFault, layer: str = "", layer_fault: str = "") -> tuple[Evidence, ...]:
    ended = ProtocolEvidence("trojan", findings.CONNECTION, (fault, layer, layer_fault, "why"))
    return InnerFetch("http://one.example/", None, fault, connected=0.01), ended


def plane(kind: str, *values: str) -> Evidence:
    return ProtocolEvidence("headscale", kind, values)


def host(kind: str, *values: str) -> Evidence:
    return ProtocolEvidence("system-path", kind, values, None if values[0] == "silent" else 0.01)


SA_INIT = ikev2("sa-init", "aes256", "fragments")
PROVEN = ikev2("server-proven", "gate.test", "certificate")
UNANSWERED = ikev2("unanswered", "IKE_AUTH", "1700", "5")
CLOSED_PORT = IcmpError(0.1, 4, 3, 3, "192.0.2.7", from_target=True)

BY_TIME = {
    "openvpn: reset": openvpn.check(Silence(5.0), failed=RESET),
    "openvpn: TLS": openvpn.check(openvpn.ANSWERED, openvpn.SILENT, failed=TLS),
    "openvpn: key exchange, and the server is there": openvpn.check(
        openvpn.ANSWERED, openvpn.SILENT, openvpn.PATH_WORKS, failed=KEY_EXCHANGE
    ),
    "openvpn: closed in the push reply": openvpn.check(
        openvpn.ANSWERED, observe(seen.TCP_CLOSED, PUSH_REPLY), failed=PUSH_REPLY
    ),
    "openvpn: no data": openvpn.check(
        openvpn.ANSWERED, openvpn.PUSHED, failed=TUNNEL, tunnel=openvpn.NO_DATA
    ),
    "ikev2: IKE_SA_INIT": check_of("ikev2", Silence(5.0)),
    "ikev2: IKE_AUTH": check_of("ikev2", SA_INIT, UNANSWERED),
    "proxy: no connection": check_of("trojan", *proxy("silent")),
    "proxy: no page": check_of("trojan", *proxy("no-response")),
    "proxy: closed on a client that said nothing": check_of("trojan", *proxy("closed")),
    "proxy: ended call": check_of("trojan", *proxy("not-http", "grpc", "ended")),
    "control plane: no connection": check_of("headscale", plane("connection", "silent")),
    "control plane: no answer": check_of("headscale", plane("answer", "health", "silent"), rtt=0.1),
    "control plane: relay": check_of("headscale", plane("relay", "derp", "unknown", "no answer"), rtt=0.1),
    "system path: nothing": check_of("system-path", host("echo", "silent"), host("tcp", "silent", "22")),
    "system path: no service": check_of("system-path", host("echo", "ok"), host("tcp", "silent", "22")),
    "a name": check_of("openvpn", NameUnresolved("vpn.example", "the resolver did not answer")),
}

NOT_BY_TIME = {
    "openvpn: AUTH_FAILED": openvpn.check(
        openvpn.ANSWERED, observe(seen.AUTH_FAILED, "credentials", "", ""), failed=AUTHENTICATE
    ),
    "openvpn: alert": openvpn.check(
        openvpn.ANSWERED, observe(seen.TLS_FAILED, "alert", "server", "", "", "hello"), failed=TLS
    ),
    "openvpn: certificate": openvpn.check(
        openvpn.ANSWERED, observe(seen.MISMATCH, "verify-x509-name", "a", "b"), failed=TLS
    ),
    "openvpn: other key": openvpn.check(observe(seen.REJECTED, UNAUTHENTIC, "80"), failed=RESET),
    "openvpn: data of another key": openvpn.check(
        openvpn.ANSWERED,
        openvpn.PUSHED,
        observe(seen.DATA_REJECTED, "unauthentic", "3"),
        failed=TUNNEL,
        tunnel=openvpn.NO_DATA,
    ),
    "openvpn: ended session": openvpn.check(
        openvpn.ANSWERED,
        openvpn.PUSHED,
        observe(seen.DATA_STOPPED),
        observe(seen.ENDED, "RESTART", ""),
        failed=TUNNEL,
        tunnel=openvpn.DATA,
    ),
    "openvpn: closed port": openvpn.check(CLOSED_PORT, failed=RESET),
    "openvpn: an earlier login": openvpn.check(
        openvpn.ANSWERED, openvpn.SILENT, observe(seen.FULL_CHECK, "0"), failed=KEY_EXCHANGE
    ),
    "ikev2: AUTHENTICATION_FAILED": check_of(
        "ikev2", SA_INIT, ikev2("refused", "IKE_AUTH", "AUTHENTICATION_FAILED")
    ),
    "ikev2: certificate": check_of("ikev2", SA_INIT, ikev2("server-rejected", "wrong-identity", "other")),
    "ikev2: an earlier IKE_AUTH": check_of("ikev2", SA_INIT, ikev2("remembered", "60"), UNANSWERED, rtt=0.01),
    "proxy: closed port": check_of("trojan", *proxy("refused")),
    "proxy: certificate": check_of("trojan", *proxy("tls", "tls", "certificate")),
    "proxy: other status": check_of("trojan", *proxy("status")),
    "control plane: token": check_of("headscale", plane("answer", "nodes", "token-refused"), rtt=0.1),
    "control plane: certificate": check_of("headscale", plane("certificate", "it has expired")),
    "control plane: backend": check_of("headscale", plane("part", "database", "broken", ""), rtt=0.1),
    "system path: refused": check_of("system-path", host("echo", "ok"), host("tcp", "refused", "22")),
}


@pytest.mark.parametrize("name", BY_TIME)
def test_what_did_not_come_in_time_is_held_against_no_server_of_a_starved_machine(name: str) -> None:
    well, starved = both(BY_TIME[name])
    assert well.verdict.severity in (Severity.DOWN, Severity.DEGRADED)
    assert starved.verdict is Verdict.LOCAL_FAULT
    assert starved.summary.endswith(f"so this proves nothing about the server: {well.summary}")
    assert [each.cause for each in starved.causes] == ["this machine is overloaded"]
    assert starved.failed_stage == well.failed_stage


@pytest.mark.parametrize("name", NOT_BY_TIME)
def test_what_a_server_said_stays_what_it_is_on_a_starved_machine(name: str) -> None:
    well, starved = both(NOT_BY_TIME[name])
    assert well.verdict.severity in (Severity.DOWN, Severity.DEGRADED)
    assert (starved.verdict, starved.summary) == (well.verdict, well.summary)


def ikev2_after(rtt: float) -> Check:
    established, echo = ikev2("established", "child"), InnerEcho("10.9.0.1", 1, 1, 0.02)
    return check_of("ikev2", SA_INIT, PROVEN, established, echo, rtt=rtt)


SLOW: dict[str, Callable[[float], Check]] = {
    "ikev2": ikev2_after,
    "trojan": lambda rtt: check_of("trojan", InnerFetch("http://one.example/", None, None), rtt=rtt),
    "headscale": lambda rtt: check_of("headscale", rtt=rtt),
    "system-path": lambda rtt: check_of("system-path", host("echo", "ok"), rtt=rtt),
}


@pytest.mark.parametrize("protocol", SLOW)
def test_a_server_is_slow_only_by_more_than_the_wait(protocol: str) -> None:
    limit = server_of(protocol).slow
    within, above = SLOW[protocol](limit + STARVED.lag - 0.1), SLOW[protocol](limit + STARVED.lag + 0.1)
    assert [each.verdict for each in both(within)] == [Verdict.SLOW, Verdict.LOCAL_FAULT]
    assert [each.verdict for each in both(above)] == [Verdict.SLOW, Verdict.SLOW]


def test_a_name_without_an_answer_is_no_fault_of_its_server_for_wireguard_too() -> None:
    unresolved = wireguard_check(NameUnresolved("fra1.example", "no answer"))
    assert [each.verdict for each in both(unresolved, WIREGUARD_SERVER)] == [
        Verdict.DNS_FAILURE,
        Verdict.LOCAL_FAULT,
    ]


@pytest.mark.parametrize(("starved", "is_kept"), [((), True), ((STARVED,), False)])
def test_a_restart_remembers_no_login_that_a_starved_machine_spoiled(
    starved: tuple[Evidence, ...], is_kept: bool
) -> None:
    server, earlier = server_of("openvpn"), EarlierChecks()
    made = openvpn.check(openvpn.ANSWERED, openvpn.SILENT, *starved, failed=KEY_EXCHANGE)
    assert made.address is not None
    earlier.restore(server, [replace(made, started_at=time.time())])
    assert (earlier.find(server, made.address, ()) is not None) is is_kept


class NoProber(AddressProber[ServerTarget]):
    async def check_address(self, asked: AddressCheck[ServerTarget]) -> Check:
        raise AssertionError("nothing has an address")


def block_and_fail(error: Exception) -> Callable[..., object]:
    """A lookup during which the event loop stands still."""

    def look_up(*_: object) -> object:
        loop.call_soon_threadsafe(time.sleep, STARVED_S + 2 * TICK_S)
        raise error

    loop = asyncio.get_running_loop()
    return look_up


@pytest.mark.parametrize(
    ("error", "is_by_time"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False),
    ],
)
async def test_a_lookup_that_ends_without_an_answer_carries_the_wait(
    monkeypatch: pytest.MonkeyPatch, error: Exception, is_by_time: bool
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", block_and_fail(error))
    (check,) = await NoProber().check_all(ServerTarget(server_of("openvpn")))
    assert isinstance(check.evidence[0], NameUnresolved)
    assert any(isinstance(each, MachineStarved) for each in check.evidence) is is_by_time
