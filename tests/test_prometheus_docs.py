"""docs/prometheus/: rules, dashboard and configurations say what promtool accepts and what we serve."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.output.test_prometheus_text import everything
from tests.real.prerequisites import require
from wgmon_tui.alerts.delivery_log import DeliveryCounts
from wgmon_tui.config.shard import Shard
from wgmon_tui.control.budgets import Budget, Resource
from wgmon_tui.control.worker_status import WorkerStatus
from wgmon_tui.daemon.metrics.self_metrics import SelfMetrics
from wgmon_tui.monitor.scheduler import Scheduler
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.subscriptions.quota import Quota

HERE = Path(__file__).parent.parent / "docs" / "prometheus"
_NAME = re.compile(r"\b(?:wgmon|process|server_vantage:wgmon|instance:wgmon)_\w+(?::\w+)?")


def all_we_serve() -> str:
    """The text of a scrape in which every metric has something to say."""
    desk = everything()
    schedule = Scheduler(cast("Any", None))
    schedule.record_lag(0.01)
    writer = SimpleNamespace(
        fleet_state=desk.fleet_state,
        engine=SimpleNamespace(schedule=schedule),
        loaded=SimpleNamespace(shard=Shard(1, 3)),
        store_trouble=None,
        reload_trouble=None,
        warnings=(),
        budgets=(Budget(Resource.PACKETS, "fra", 1, 2, 3),),
        workers=(WorkerStatus(1, 4711, 500, 9, 0, 1.5, 2**26),),
        quotas={"provider": Quota(used=3, total=30)},
    )
    return (
        desk.text()
        + SelfMetrics(cast("Any", writer), FleetCounters()).text(DeliveryCounts(1, 1, 0), 0.1).decode()
    )


def metrics_served() -> set[str]:
    """The names of all samples."""
    return {re.split(r"[ {]", line, maxsplit=1)[0] for line in all_we_serve().splitlines() if line[0] != "#"}


def recorded() -> set[str]:
    return set(re.findall(r"record: (\S+)", (HERE / "wgmon.rules.yml").read_text()))


def promtool(*words: str) -> None:
    require("promtool")
    ran = subprocess.run(["promtool", *words], cwd=HERE, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "wgmon.rules.yml")


@pytest.mark.thorough  # promtool lives through their hours
def test_the_rules_do_what_their_test_says() -> None:
    promtool("test", "rules", "wgmon.rules.test.yml")


def test_every_alert_is_tested() -> None:
    alerts = set(re.findall(r"alert: (\S+)", (HERE / "wgmon.rules.yml").read_text()))
    tested = set(re.findall(r"alertname: (\w+)", (HERE / "wgmon.rules.test.yml").read_text()))
    assert alerts == tested


@pytest.mark.parametrize("name", ["prometheus.scrape.yml", "prometheus.probe.yml"])
def test_promtool_accepts_the_configurations(name: str) -> None:
    promtool("check", "config", name)


def test_the_rules_name_only_metrics_that_we_serve() -> None:
    named = set(_NAME.findall((HERE / "wgmon.rules.yml").read_text()))
    assert len(named) > 10
    assert named <= metrics_served() | recorded()


def expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


def test_the_dashboard_names_only_metrics_that_we_serve_or_the_rules_record() -> None:
    dashboard = json.loads((HERE / "grafana.json").read_text())
    named = {name for expression in expressions(dashboard) for name in _NAME.findall(expression)}
    assert len(named) > 15
    assert named <= metrics_served() | recorded()


def test_panels_of_the_dashboard_stand_beside_each_other_and_have_names_of_their_own() -> None:
    panels = json.loads((HERE / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_expression_of_the_dashboard_can_be_evaluated(tmp_path: Path) -> None:
    dashboard = json.loads((HERE / "grafana.json").read_text())
    queries = [each["expr"] for panel in dashboard["panels"] for each in panel["targets"]]
    rules = [
        {"record": f"panel:number:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "panels.json").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "panels.json"))


def test_promtool_finds_nothing_to_say_of_what_we_serve() -> None:
    require("promtool")
    text = re.sub(r"(?m)^.*python_gc.*\n", "", all_we_serve())
    ran = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_page_explains_every_metric_in_the_words_that_are_served() -> None:
    page = (HERE / "README.md").read_text()
    for line in all_we_serve().splitlines():
        if line.startswith("# HELP wgmon_"):
            _, _, name, meaning = line.split(" ", 3)
            assert f"| `{name}` | {meaning} |" in page
