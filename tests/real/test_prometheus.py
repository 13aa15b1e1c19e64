"""Tests with Debian's Prometheus: it scrapes wgmon-tui, and its Alertmanager gets down and recovery."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.daemon.harness import Program, healthy, write_config
from tests.real.prerequisites import require
from tests.real.prometheus import Prometheus, prometheus, until
from wgmon_tui.lab.models import LabMode
from wgmon_tui.lab.server import LabServer


@asynccontextmanager
async def scraped(tmp_path: Path) -> AsyncIterator[tuple[Prometheus, LabServer]]:
    """A `wgmon-tui run --metrics` that checks a lab server every second, and its Prometheus."""
    require("prometheus", "prometheus-alertmanager")
    config, state, targets = tmp_path / "config", tmp_path / "state", tmp_path / "targets.json"
    async with healthy("fra1") as (lab, fra1):
        write_config(config, fra1)
        code, _, err = Program("--config", config, "export", "targets", "--output", targets).end()
        assert (code, err) == (0, "")
        program = Program("--config", config, "--state", state, "run", "--metrics", "127.0.0.1:0")
        try:
            url = program.line_with("metrics: http://").split()[-1]
            where = url.removeprefix("http://").removesuffix("/metrics")
            with prometheus(tmp_path, where, targets) as running:
                yield running, lab
        finally:
            program.process.kill()
            program.process.communicate()


@pytest.mark.thorough  # a Prometheus begins to scrape five seconds after its start
async def test_it_scrapes_both_forms(tmp_path: Path) -> None:
    async with scraped(tmp_path) as (running, _):

        async def both() -> bool:
            probed = await running.value('probe_success{job="probe"}')
            return (await running.value('wgmon_up{job="wgmon",server="fra1"}'), probed) == (1, 1)

        await until(both)
        assert await running.value('up{job="wgmon"}') == 1
        assert await running.value('wgmon_verdict{job="wgmon",verdict="healthy"}') == 1


@pytest.mark.thorough
async def test_an_alert_fires_with_its_verdict_and_resolves_when_the_server_is_back(tmp_path: Path) -> None:
    async with scraped(tmp_path) as (running, lab):

        async def firing() -> object:
            return running.notified("firing", "WgmonServerDown", "fra1")

        async def resolved() -> object:
            return running.notified("resolved", "WgmonServerDown", "fra1")

        async def verdicts() -> set[str]:
            found = await running.query('wgmon_verdict{job="wgmon"}')
            return {each["metric"]["verdict"] for each in found}

        await until(verdicts)
        assert await firing() is None
        lab.set_mode(LabMode.CLOSED)
        await until(firing)
        told = running.notified("firing", "WgmonServerDown", "fra1")
        assert told
        assert told["labels"]["severity"] == "critical"
        assert told["annotations"]["description"] == "Seen as: port-closed from local. "
        assert await verdicts() == {"port-closed"}, "the verdict before is stale"
        lab.set_mode(LabMode.HEALTHY)
        await until(resolved)
        assert await verdicts() == {"healthy"}
