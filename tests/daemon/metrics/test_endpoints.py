"""Tests of /metrics and /probe, with a writer that checks servers of the lab."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from tests.daemon.harness import healthy, quick_server, until, write_config
from tests.daemon.raw_http_client import Answer, Client, get
from tests.output.test_prometheus_text import Series, read
from wgmon_tui.config.models import Server
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.metrics import probe_endpoint
from wgmon_tui.daemon.metrics.endpoints import MetricsServer, accepts_gzip, parse_timeout
from wgmon_tui.daemon.metrics.listen import ListenAddress, listen, parse_listen_address
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.lab.models import LabMode
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.output.prometheus_text import render_metrics
from wgmon_tui.subscriptions.quota import Quota

LONG_INTERVAL_S = 3600.0


@dataclass(frozen=True, slots=True)
class Served:
    listen_address: ListenAddress
    writer: Writer

    async def series(self, path: str = "/metrics") -> Series:
        return read((await get(self.listen_address, path)).text)

    async def value(self, name: str, path: str = "/metrics", **labels: str) -> float | None:
        return (await self.series(path)).get((name, frozenset(labels.items())))

    async def probe(self, target: str, **headers: str) -> Answer:
        return await get(self.listen_address, f"/probe?target={target}", **headers)

    def rounds(self, name: str) -> Callable[[], int]:
        """Count the checks of a server that end from now on."""
        ended = count()
        made = 0

        def hear(row: object, outcome: object, _: object) -> None:
            nonlocal made
            if outcome and row is self.writer.fleet_state.states[name]:
                made = next(ended) + 1

        self.writer.engine.listen(hear)
        return lambda: made


@asynccontextmanager
async def serving(tmp_path: Path, *servers: Server) -> AsyncIterator[Served]:
    config, state = tmp_path / "config", tmp_path / "state"
    write_config(config, *servers)
    writer = build_writer(state, load_config(config), None, config_dir=config)
    listening = listen(parse_listen_address("127.0.0.1:0"))
    faults: list[str] = []
    metrics = MetricsServer(writer, listening.socket, faults.append)
    tasks = [asyncio.create_task(part) for part in (writer.run(), metrics.run())]
    try:
        yield Served(listening.listen_address, writer)
        assert faults == []
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def rarely_checked(tmp_path: Path) -> AsyncIterator[tuple[Served, LabServer]]:
    """A healthy server that was checked once. The next scheduled check is an hour later."""
    async with (
        healthy("fra1") as (lab, fra1),
        serving(tmp_path, replace(fra1, interval=LONG_INTERVAL_S)) as served,
    ):
        await until(lambda: served.writer.fleet_state.states["fra1"].last)
        yield served, lab


def value_in(answer: Answer, name: str, **labels: str) -> float | None:
    return read(answer.text).get((name, frozenset(labels.items())))


async def test_a_scrape_tells_of_every_server_and_of_ourselves(tmp_path: Path) -> None:
    async with healthy("fra1") as (_, fra1), serving(tmp_path, fra1, quick_server("ams1")) as served:
        states = served.writer.fleet_state.states
        await until(lambda: states["fra1"].last and states["ams1"].incident)
        series = await served.series()
    assert series["wgmon_up", frozenset({"server": "fra1", "vantage": "local"}.items())] == 1
    assert series["wgmon_up", frozenset({"server": "ams1", "vantage": "local"}.items())] == 0
    assert series["wgmon_servers", frozenset({("severity", "down")})] == 1
    assert series["wgmon_engine_checks_total", frozenset()] >= 2
    assert series["wgmon_store_writable", frozenset()] == 1
    assert series["wgmon_config_current", frozenset()] == 1
    assert series["wgmon_alert_deliveries", frozenset({("state", "pending")})] == 0
    assert series["process_resident_memory_bytes", frozenset()] > 1e6
    names = {name for name, _ in series}
    assert {"wgmon_build_info", "wgmon_scheduler_lag_seconds", "process_cpu_seconds_total"} <= names
    assert "wgmon_shard_info" not in names


async def test_the_traffic_of_subscriptions_is_a_gauge_as_far_as_a_provider_sends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = {"p": Quota(used=3, total=30), "unlimited": Quota(used=5), "silent": Quota()}
    monkeypatch.setattr(Writer, "quotas", quotas)
    async with serving(tmp_path) as served:
        series = await served.series()
    found = {
        (name, dict(labels)["subscription"]): each
        for (name, labels), each in series.items()
        if "subscription" in name
    }
    assert found == {
        ("wgmon_subscription_used_bytes", "p"): 3,
        ("wgmon_subscription_total_bytes", "p"): 30,
        ("wgmon_subscription_used_bytes", "unlimited"): 5,
    }


async def test_the_text_says_what_it_is_and_is_zipped_for_who_takes_that(tmp_path: Path) -> None:
    async with serving(tmp_path, quick_server("ams1")) as served:
        plain = await get(served.listen_address, "/metrics")
        zipped = await get(served.listen_address, "/metrics", Accept_Encoding="br, gzip;q=0.5")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body, "and asked for at once, it is one and the same"


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        *(("gzip", True), ("br, GZIP;q=0.1", True), ("", False), ("identity", False)),
        *(("gzip;q=0, br", False), ("gzip; q=0.00", False), ("xgzip", False)),
    ],
)
def test_whether_somebody_takes_gzip(accepted: str, taken: bool) -> None:
    assert accepts_gzip(accepted) is taken


async def test_many_who_scrape_at_once_cost_one_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0

    def counted(states: Iterable[ServerState], tallies: FleetCounters) -> Iterator[list[bytes]]:
        nonlocal made
        made += 1
        return render_metrics(states, tallies)

    monkeypatch.setattr("wgmon_tui.daemon.metrics.endpoints.render_metrics", counted)
    async with serving(tmp_path, quick_server("ams1")) as served:
        answers = await asyncio.gather(*(get(served.listen_address, "/metrics") for _ in range(20)))
    assert made == 1
    assert len({answer.body for answer in answers}) == 1


async def test_who_goes_away_in_the_middle_of_a_scrape_leaves_it_to_the_others(tmp_path: Path) -> None:
    async with serving(tmp_path, quick_server("ams1")) as served:
        gone = await Client.to(served.listen_address)
        gone.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        gone.writer.transport.abort()
        assert (await get(served.listen_address, "/metrics")).status == 200


async def test_it_is_ready_once_something_has_been_checked(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        lab.set_mode(LabMode.SILENT)
        async with serving(tmp_path, fra1) as served:
            assert (await get(served.listen_address, "/-/healthy")).status == 200
            assert (await get(served.listen_address, "/-/ready")).status == 503
            await until(lambda: served.writer.fleet_state.states["fra1"].last)
            assert (await get(served.listen_address, "/-/ready")).status == 200
            assert (await get(served.listen_address, "/nothing")).status == 404
            assert "/metrics" in (await get(served.listen_address, "/")).text


# /probe


async def test_a_probe_is_a_fresh_check_and_its_outcome(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, lab):
        lab.set_mode(LabMode.CLOSED)
        answer = await served.probe("fra1", X_Prometheus_Scrape_Timeout_Seconds="5")
        assert answer.status == 200
        assert value_in(answer, "probe_success") == 0
        assert value_in(answer, "wgmon_probe_timed_out") == 0
        assert value_in(answer, "wgmon_verdict", server="fra1", vantage="local", verdict="port-closed") == 1
        assert 0 < (value_in(answer, "probe_duration_seconds") or 0) < 5


async def test_a_server_that_is_up_is_a_success(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, _):
        assert value_in(await served.probe("fra1"), "probe_success") == 1


async def test_only_servers_of_the_file_are_probed(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, _):
        checked = served.rounds("fra1")
        for target in ("127.0.0.1:51820", "FRA1", "%1b%5b2J", "x" * 500):
            answer = await served.probe(target)
            assert answer.status == 404
            assert answer.text.startswith("there is no server ")
            assert "\x1b" not in answer.text
            assert len(answer.text) < 100
        nameless = await get(served.listen_address, "/probe?module=x")
        assert (nameless.status, nameless.text) == (400, "no server given; use /probe?target=NAME\n")
        assert checked() == 0


async def test_probes_of_one_server_at_once_share_a_check_and_so_do_those_just_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_endpoint, "FRESH_S", 3600.0)  # a busy machine may take a second for an answer
    async with rarely_checked(tmp_path) as (served, _):
        checked = served.rounds("fra1")
        answers = await asyncio.gather(*(served.probe("fra1") for _ in range(30)))
        answers.append(await served.probe("fra1"))
        assert [value_in(answer, "probe_success") for answer in answers] == [1.0] * 31
        assert checked() == 1


async def test_a_probe_of_a_server_that_is_being_checked_waits_for_that_check(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, lab):
        lab.set_mode(LabMode.SILENT)
        checked = served.rounds("fra1")
        served.writer.recheck(["fra1"])
        await until(lambda: served.writer.engine._is_being_checked("fra1"))
        assert value_in(await served.probe("fra1"), "probe_success") == 0
        assert checked() == 1


async def test_a_probe_is_over_when_the_scrape_would_be(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, lab):
        lab.set_mode(LabMode.SILENT)
        answer = await served.probe("fra1", X_Prometheus_Scrape_Timeout_Seconds="0.2")
        assert value_in(answer, "probe_success") == 0
        assert value_in(answer, "wgmon_probe_timed_out") == 1
        checked = served.rounds("fra1")
        await until(lambda: checked() == 1)


@pytest.mark.parametrize(
    ("header", "limit"),
    [
        *(("", 10.0), ("10", 9.0), ("0.5", 0.45), ("1e9", 108.0), ("inf", 108.0)),
        *(("0", None), ("-1", None), ("nan", None), ("soon", None)),
    ],
)
def test_how_long_a_probe_is_waited_for(header: str, limit: float | None) -> None:
    assert parse_timeout(header) == (None if limit is None else pytest.approx(limit))


async def test_nonsense_for_a_timeout_is_refused(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, _):
        assert (await served.probe("fra1", X_Prometheus_Scrape_Timeout_Seconds="soon")).status == 400


async def test_a_paused_server_is_not_probed_and_says_so(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, _):
        served.writer.pause(["fra1"], True)
        checked = served.rounds("fra1")
        answer = await served.probe("fra1")
        assert value_in(answer, "wgmon_silenced", server="fra1", reason="paused") == 1
        assert value_in(answer, "probe_success") is None
        assert checked() == 0


async def test_one_that_is_paused_while_it_is_probed_is_waited_for_no_longer(tmp_path: Path) -> None:
    async with rarely_checked(tmp_path) as (served, lab):
        lab.set_mode(LabMode.SILENT)
        probing = asyncio.create_task(served.probe("fra1"))
        await until(lambda: served.writer.engine._is_being_checked("fra1"))
        served.writer.pause(["fra1"], True)
        assert value_in(await probing, "wgmon_severity", server="fra1") == 4


async def test_too_many_probes_are_told_when_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_endpoint, "BURST", 1.0)
    monkeypatch.setattr(probe_endpoint, "PROBES_PER_S", 0.2)
    async with healthy("fra1") as (_, fra1), serving(tmp_path, fra1, quick_server("ams1")) as served:
        assert (await served.probe("fra1")).status == 200
        refused = await served.probe("ams1")
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        assert (await served.probe("fra1")).status == 200, "what is fresh costs nothing"


async def test_a_server_that_leaves_the_file_leaves_the_metrics(tmp_path: Path) -> None:
    async with serving(tmp_path, quick_server("ams1"), quick_server("fra1")) as served:
        await until(lambda: all(row.last for row in served.writer.fleet_state.states.values()))
        write_config(tmp_path / "config", quick_server("fra1"))
        await until(lambda: "ams1" not in served.writer.fleet_state.states)
        assert {dict(labels).get("server") for _, labels in await served.series()} == {"fra1", None}
        assert (await served.probe("ams1")).status == 404
