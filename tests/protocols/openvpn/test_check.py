"""The prober against the lab's server on loopback: which stages run, and what they find."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest

from tests.protocols.openvpn.check_harness import KEY, check, impatient, lab, verdict
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.lab.openvpn.certificates import LabAuthority
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.monitor.check_round import CheckDepth
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round, ServerState
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.protocols.openvpn import observations, tunnel_stage
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.local_clients import LocalClients
from wgmon_tui.protocols.openvpn.observations import find
from wgmon_tui.protocols.openvpn.profile import RemoteProto, StaticChallenge
from wgmon_tui.protocols.openvpn.protocol import PROTOCOL

pytestmark = pytest.mark.repeated_if_starved

ALL = ["reach", "reset", "tls", "key-exchange", "authenticate", "push-reply", "tunnel", "keepalive"]


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ({"needs_credentials": True}, "username and password_file"),
        ({"challenge": StaticChallenge("Code:")}, "challenge_response"),
    ],
)
async def test_a_profile_that_asks_a_person_is_not_tried_without_an_answer(
    asked: dict[str, object], fix: str
) -> None:
    """A server may lock the account, and a client cannot log in either."""
    async with lab() as (running, target):
        asking = replace(target, profile=replace(target.profile, **asked))  # type: ignore[arg-type]
        made = await check(OpenVpnProber(), asking, deep=True)

        assert running.sessions == 0
    found = PROTOCOL.diagnose(made, target.server)
    assert found.verdict is Verdict.UNPROVEN
    assert fix in found.causes[0].fix


async def test_a_login_that_failed_once_opens_no_incident() -> None:
    """The next check logs in again, and does not count what the failed one found a second time."""
    async with lab() as (running, target):
        server = replace(target.server, interval=0.05, tunnel_every=3600.0)
        engine, verdicts = Engine(OpenVpnProber(), random=Random(1)), asyncio.Queue[Verdict]()
        events = list[IncidentEvent]()

        def note(_: ServerState, outcome: Round | None, found: Sequence[IncidentEvent]) -> None:
            events.extend(found)
            if outcome:
                verdicts.put_nowait(outcome.diagnosis.verdict)

        engine.listen(note)
        engine.watch([server], {"vpn": target.with_server(server)}, {})
        task = asyncio.create_task(engine.run())
        try:
            assert [await verdicts.get() for _ in range(3)] == [Verdict.HEALTHY] * 3
            running.mode = OpenVpnLabMode.REFUSING
            assert (await engine.request_round("vpn", CheckDepth(deep=True))).diagnosis.failed_stage
            running.mode = OpenVpnLabMode.HEALTHY
            while await verdicts.get() is not Verdict.AUTH_FAILED:
                pass
            assert await verdicts.get() is Verdict.HEALTHY
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert not events


async def test_all_stages_of_a_healthy_server_pass_with_their_times() -> None:
    async with lab() as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    assert [each.name for each in made.stages] == ALL
    assert all(each.outcome is StageOutcome.PASSED for each in made.stages[:-1])
    assert all(each.seconds is not None for each in made.stages[1:-1])
    assert verdict(made, target) is Verdict.HEALTHY


async def test_without_the_word_dedicated_a_check_ends_after_the_reset() -> None:
    async with lab(dedicated=False) as (server, target):
        made = await check(OpenVpnProber(), target, deep=True)

        assert server.sessions == 0
    assert [each.name for each in made.stages] == ["reach", "reset"]
    assert verdict(made, target) is Verdict.UNPROVEN


async def test_a_profile_that_openvpn_uses_here_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalClients, "find_user_of", lambda *_: 4711)
    prober = OpenVpnProber()
    async with lab() as (server, target):
        made = await check(prober, target, deep=True)

        assert server.sessions == 0
        again = await check(prober, target)

    for each in (made, again):
        assert find(observations.IN_USE, each.evidence) is not None
        assert verdict(each, target) is Verdict.UNPROVEN


async def test_a_session_that_the_server_drops_is_no_matter_of_packet_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when another client logs in with the same common name: over UDP the server says nothing."""
    monkeypatch.setattr(tunnel_stage, "_ECHO_WAIT_S", 0.05)
    async with lab() as (server, target):
        running = asyncio.create_task(check(OpenVpnProber(), target, deep=True))
        await server.data_arrived.wait()
        server.forget_sessions()
        made = await running

    found = PROTOCOL.diagnose(made, target.server)
    assert found.verdict is Verdict.SESSION_REFUSED, found
    assert found.causes[0].hypothesis == "duplicate-cn"
    assert found.failed_stage == "tunnel"


async def test_each_first_packet_without_an_answer_counts() -> None:
    async with lab(OpenVpnLabMode.SILENT) as (_, target):
        made = await check(OpenVpnProber(), impatient(target, 1.2))

    assert made.sent == 2
    assert len(made.exchange) == 2


async def test_experiments_run_only_where_they_are_allowed() -> None:
    async with lab(OpenVpnLabMode.WRONG_KEY) as (_, target):
        without = await check(OpenVpnProber(), target)
        having = await check(OpenVpnProber(), target, explain=True)

    assert find(observations.NO_VARIATION, without.evidence) is None
    found = find(observations.NO_VARIATION, having.evidence)
    assert found is not None
    assert found.from_experiment


async def test_another_remote_that_answers_shows_that_the_key_is_right() -> None:
    async with lab(OpenVpnLabMode.SILENT) as (silent, target):
        authority = LabAuthority()
        async with OpenVpnLabServer(OpenVpnLabSetup(authority, static_key=KEY)) as other:
            remotes = (target.remote, replace(target.remote, port=other.endpoint.port))
            several = replace(target, profile=replace(target.profile, remotes=remotes))
            made = await check(OpenVpnProber(), several, explain=True)

    found = find(observations.OTHER_REMOTE, made.evidence)
    assert found is not None
    assert found.values == (f"127.0.0.1:{other.endpoint.port}",)
    assert silent.endpoint.port == target.remote.port


async def test_the_secrets_of_tls_are_kept_only_where_somebody_asked() -> None:
    noted: list[str] = []
    async with lab() as (_, target):
        await check(OpenVpnProber("local", noted.append), target, deep=True)

    assert noted[0].count("CLIENT_HANDSHAKE_TRAFFIC_SECRET") == 1
    (log,) = PROTOCOL.make_key_logs(target, noted)
    assert log.lines() == noted[0]


async def test_encrypted_packets_have_a_note_of_what_was_in_them() -> None:
    async with lab() as (_, target):
        made = await check(OpenVpnProber(), target, deep=True)

    fields = PROTOCOL.fields_of(made.exchange[0].data, made.framing)
    sealed = next(each for each in fields if each.name == "encrypted")
    assert PROTOCOL.value_of(made, 0, sealed) == "number 0, acknowledges nothing, no TLS"


@asynccontextmanager
async def other_program(said: bytes) -> AsyncIterator[int]:
    """A TCP server that says something at once, closes, and knows no OpenVPN; yields its port."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", Verdict.WRONG_PROTOCOL),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Verdict.WRONG_PROTOCOL),
        (b"\x15\x03\x01\x00\x02\x02\x16", Verdict.WRONG_PROTOCOL),
        (b"", Verdict.SILENT),
    ],
    ids=["ssh", "http", "tls alert", "nothing"],
)
async def test_only_bytes_prove_another_program_at_a_tcp_port(said: bytes, found: Verdict) -> None:
    async with lab() as (_, target), other_program(said) as port:
        remote = replace(target.remote, transport=RemoteProto.TCP, port=port)
        made = await check(OpenVpnProber(), replace(target, remote=remote))

    assert verdict(made, target) is found
    if said:
        assert made.exchange[-1].data == said
        remark = PROTOCOL.remark_on(made, made.exchange[-1])
        assert remark is not None
        assert remark.tone == "bad"
        assert find(observations.TCP_CLOSED, made.evidence) is None
