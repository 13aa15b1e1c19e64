"""Debian's Prometheus and Alertmanager on loopback, with queries."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from tests.alerts.http_receiver import Receiver
from tests.free_ports import free_port
from tests.real.bound_ports import bound_port
from tests.real.prerequisites import require

RULES = Path(__file__).parents[2] / "docs" / "prometheus" / "wgmon.rules.yml"
PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that scrapes and evaluates every second, and the webhook of its Alertmanager."""

    url: str
    webhook: Receiver

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query; empty while Prometheus does not answer."""

        def ask() -> list[dict[str, Any]]:
            try:
                with urlopen(f"{self.url}/api/v1/query?query={quote(expression)}", timeout=30) as response:
                    return list(json.load(response)["data"]["result"])
            except HTTPError as refused:
                refused.close()
                return []
            except OSError:
                return []

        return await asyncio.to_thread(ask)

    async def value(self, expression: str) -> float | None:
        """The value of a query with one series."""
        found = await self.query(expression)
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def notified(self, status: str, alert: str, server: str) -> dict[str, Any] | None:
        """The last matching alert from the Alertmanager."""
        for heard in reversed(self.webhook.heard):
            for each in json.loads(heard.body)["alerts"]:
                labels = each["labels"]
                if (each["status"], labels["alertname"], labels.get("server")) == (status, alert, server):
                    return dict(each)
        return None


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.1)


@contextmanager
def prometheus(
    directory: Path, metrics: str, targets: Path, *, runners: Path | None = None, scrape_interval: str = "1s"
) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes `metrics` (address and port) and /probe for each of `targets`.

    With a file of `runners`, it scrapes those that the file names, and itself, instead of both.
    """
    require("prometheus", "prometheus-alertmanager")
    with ExitStack() as held:
        webhook = held.enter_context(Receiver())
        receiver = {"name": "hook", "webhook_configs": [{"url": webhook.url}]}
        route = {"receiver": "hook", "group_wait": "0s", "group_interval": "1s"}
        _write(directory / "alertmanager.yml", {"route": route, "receivers": [receiver]})
        to_us = {"target_label": "__address__", "replacement": metrics}
        probe = {
            "job_name": "probe",
            "metrics_path": "/probe",
            "file_sd_configs": [{"files": [str(targets)]}],
            "relabel_configs": [{"source_labels": ["__address__"], "target_label": "__param_target"}, to_us],
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": "wgmon_.*", "action": "drop"}
            ],
        }
        listen = "--web.listen-address=127.0.0.1:0"
        alertmanager = held.enter_context(
            _running(
                directory,
                "prometheus-alertmanager",
                f"--config.file={directory / 'alertmanager.yml'}",
                f"--storage.path={directory / 'alerts'}",
                listen,
                "--cluster.listen-address=",
            )
        )
        alerts = f"127.0.0.1:{bound_port(alertmanager)}"
        config: dict[str, object] = {
            "global": {"scrape_interval": scrape_interval, "evaluation_interval": scrape_interval},
            "rule_files": [str(RULES)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alerts]}]}]},
            "scrape_configs": [{"job_name": "wgmon", "static_configs": [{"targets": [metrics]}]}, probe],
        }
        port = "0"
        if runners:
            port = str(free_port())
            itself = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            named = {"job_name": "runners", "file_sd_configs": [{"files": [str(runners)]}]}
            config["scrape_configs"] = [itself, named]
        _write(directory / "prometheus.yml", config)
        running = held.enter_context(
            _running(
                directory,
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'series'}",
                f"--web.listen-address=127.0.0.1:{port}",
            )
        )
        yield Prometheus(f"http://127.0.0.1:{bound_port(running)}", webhook)


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content))  # which is YAML as well


@contextmanager
def _running(directory: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / f"{program}.log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
    try:
        yield process
        assert process.poll() is None, (directory / f"{program}.log").read_text()
    finally:
        process.kill()
        process.wait()
