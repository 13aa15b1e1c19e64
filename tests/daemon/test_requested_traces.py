"""Traces of a path: the command, and those that the writer makes for commands and viewers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.busy_machine import repeated_if_starved, without_starvation
from tests.daemon.harness import healthy, until, write_config
from tests.daemon.test_requested_probes import RARELY_S, Site, command, writing
from tests.parameters import default_rows
from wgmon_tui.checks.path_trace import HopAnswer, PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.lab.models import LabMode
from wgmon_tui.monitor import path_traces
from wgmon_tui.net.platforms import PLATFORM

pytestmark = pytest.mark.skipif(not PLATFORM.has_error_queue, reason="no trace without an error queue")

ANSWERED = ("--rounds", "2", "--timeout", "2s", "--max-hops", "2")
UNANSWERED = ("--rounds", "2", "--timeout", "100ms", "--max-hops", "2")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with healthy("fra1") as (lab, quick):
        server = replace(quick, interval=RARELY_S, timeout=2.0)
        write_config(tmp_path / "config", server)
        async with writing(tmp_path, lab, server) as found:
            yield found


async def stop_writer(site: Site) -> None:
    site.running.cancel()
    await asyncio.gather(site.running, return_exceptions=True)


@repeated_if_starved()
async def test_the_writer_makes_the_trace_of_a_command_and_logs_who_asked(site: Site) -> None:
    code, out, err = await command(site, "trace", "fra1", *ANSWERED)
    assert (code, err) == (0, "")
    assert "answered by the server" in out
    assert "The server answered 2 of 2 initiations, at hop 1." in out
    assert any("requested: trace fra1" in line for line in site.log)


@repeated_if_starved()
async def test_without_a_writer_the_command_traces_itself(site: Site) -> None:
    await stop_writer(site)
    code, out, err = await command(site, "trace", "fra1", *ANSWERED)
    assert (code, err) == (0, "")
    assert "The server answered 2 of 2 initiations, at hop 1." in out


async def test_a_check_after_a_trace_is_healthy_and_knows_no_other_client(site: Site) -> None:
    await command(site, "trace", "fra1", *ANSWERED)
    before = site.last
    site.writer.recheck(["fra1"])
    await until(lambda: site.last is not before)
    assert site.last is not None
    assert site.last.check.handshake is not None
    assert without_starvation(site.last.check.evidence) == []


@repeated_if_starved()
async def test_json_is_one_object(site: Site) -> None:
    code, out, _ = await command(site, "trace", "fra1", "--json", *ANSWERED)
    found = json.loads(out)
    assert code == 0
    assert (found["server"], found["reached"], found["port"]) == ("fra1", True, site.server.endpoint.port)
    hop = found["hops"][0]
    assert (hop["hop"], hop["answer"], hop["sent"], hop["answered"]) == (1, "server", 2, 2)
    assert hop["rtt_ms"]["min"] <= hop["rtt_ms"]["median"] <= hop["rtt_ms"]["max"]


async def test_a_server_that_does_not_answer_ends_with_2(site: Site) -> None:
    site.lab.set_mode(LabMode.SILENT)
    code, out, _ = await command(site, "trace", "fra1", *UNANSWERED)
    assert code == 2
    assert "Nothing answers" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    default_rows(
        (0, 6),
        [
            (("nosuch",), 64, 'no server "nosuch"'),
            (("fra1", "--rounds", "21"), 64, "from 1 to 20"),
            (("fra1", "--max-hops", "0"), 64, "from 1 to 64"),
            (("fra1", "--timeout", "nan"), 64, "50ms to 10s"),
            (("fra1", "--address", "here"), 64, "expected an IP address"),
            (("fra1", "--address", "fe80::1%\x1b[31m"), 64, r"got 'fe80::1%\x1b[31m'"),
            (("fra1", "--address", "192.0.2.7"), 3, "192.0.2.7 is not an address of"),
        ],
    ),
)
async def test_what_cannot_be_traced_is_said(
    site: Site, words: tuple[str, ...], code: int, said: str
) -> None:
    found, out, err = await command(site, "trace", *words)
    assert (found, out) == (code, "")
    assert said in err


async def test_a_server_that_the_writer_knows_otherwise_is_traced_by_the_command(site: Site) -> None:
    other = replace(site.target, server=replace(site.server, note="changed"))
    async with site.one_shot() as rounds:
        found = await rounds.trace(other, TraceOptions(rounds=1), lambda _: None)
    assert found.is_reached
    assert "tracing fra1 here: the running wgmon-tui has another entry or other keys" in site.log


async def test_a_viewer_sees_the_hops_and_the_result(site: Site) -> None:
    viewer = Viewer(site.state)
    viewing = asyncio.create_task(viewer.run())
    seen: list[PathTrace] = []
    try:
        await until(lambda: viewer.writer)
        site.lab.set_mode(LabMode.SILENT)
        options = TraceOptions(rounds=2, max_hops=3, timeout=0.3)
        found = await viewer.trace_path("fra1", options, seen.append)
    finally:
        viewing.cancel()
        await asyncio.gather(viewing, return_exceptions=True)
    assert found.is_finished
    assert [hop.answer for hop in found.hops] == [HopAnswer.NOTHING]
    assert seen
    assert not seen[0].is_finished


async def test_a_viewer_without_a_writer_cannot_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceRefusedError, match="nobody checks"):
        await Viewer(tmp_path).trace_path("fra1", TraceOptions(), lambda _: None)


async def test_one_server_has_one_trace_at_a_time(site: Site) -> None:
    site.lab.set_mode(LabMode.SILENT)
    options = TraceOptions(rounds=1, max_hops=2, timeout=0.2)
    first = asyncio.create_task(site.writer.trace_path("fra1", options, lambda _: None))
    await asyncio.sleep(0)
    with pytest.raises(TraceRefusedError, match="running already"):
        await site.writer.trace_path("fra1", options, lambda _: None)
    assert (await first).is_finished
    assert (await site.writer.trace_path("fra1", options, lambda _: None)).is_finished


async def test_only_so_many_traces_run_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_traces, "MOST_AT_ONCE", 0)
    with pytest.raises(TraceRefusedError, match="try again"):
        await site.writer.trace_path("fra1", TraceOptions(), lambda _: None)


async def test_a_trace_to_an_address_that_is_not_the_servers_is_refused(site: Site) -> None:
    options = TraceOptions(address=ip_address("192.0.2.7"))
    with pytest.raises(TraceRefusedError, match="is not an address of"):
        await site.writer.trace_path("fra1", options, lambda _: None)


async def test_an_unfinished_trace_that_is_cancelled_leaves_room_for_the_next(site: Site) -> None:
    site.lab.set_mode(LabMode.SILENT)
    tracing = asyncio.create_task(site.writer.trace_path("fra1", TraceOptions(), lambda _: None))
    await until(lambda: site.writer._path_traces.progress("fra1"))
    tracing.cancel()
    await asyncio.gather(tracing, return_exceptions=True)
    site.lab.set_mode(LabMode.HEALTHY)
    found = await site.writer.trace_path("fra1", TraceOptions(rounds=1), lambda _: None)
    assert found.is_reached


async def test_a_server_under_load_answers_the_cookie_that_it_demanded(site: Site) -> None:
    site.lab.set_mode(LabMode.UNDER_LOAD)
    first = await site.writer.trace_path("fra1", TraceOptions(rounds=1, max_hops=1), lambda _: None)
    assert [hop.answer for hop in first.hops] == [HopAnswer.UNPROVEN]
    found = await site.writer.trace_path("fra1", TraceOptions(rounds=2, max_hops=1), lambda _: None)
    assert [(hop.answer, hop.answered) for hop in found.hops] == [(HopAnswer.SERVER, 2)]
