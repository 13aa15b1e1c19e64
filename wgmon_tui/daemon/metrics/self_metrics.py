"""Metrics of wgmon-tui itself for Prometheus, with the process metrics of prometheus-client."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wgmon_tui import __version__
from wgmon_tui.alerts.delivery_log import DeliveryCounts
from wgmon_tui.checks.verdict import Severity
from wgmon_tui.control.worker_status import WorkerStatus
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.output.prometheus_counters import FleetCounters
from wgmon_tui.subscriptions.quota import Quota

_LAG_PERCENTILES = (0.5, 0.99)


class SelfMetrics:
    """The metrics that do not belong to a server."""

    def __init__(self, writer: Writer, counters: FleetCounters) -> None:
        self._collector = _ProcessCollector(writer, counters)
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def text(self, alerts: DeliveryCounts | None, scrape_s: float) -> bytes:
        """Render the metrics.

        `alerts` counts the deliveries; None if the store cannot be read. `scrape_s` is the render time of the
        servers in seconds.
        """
        self._collector.alerts, self._collector.scrape_s = alerts, scrape_s
        return generate_latest(self._registry)


class _ProcessCollector(Collector):
    def __init__(self, writer: Writer, counters: FleetCounters) -> None:
        self._writer = writer
        self._counters = counters
        self.alerts: DeliveryCounts | None = None
        self.scrape_s = 0.0

    def describe(self) -> Iterable[Metric]:
        return ()  # without this, the registry would collect once to learn the names

    def collect(self) -> Iterable[Metric]:
        yield _info(
            "wgmon_build_info",
            "Always 1; the labels hold the running version.",
            version=__version__,
            python=platform.python_version(),
        )
        if shard := self._writer.loaded.shard:
            yield _info(
                "wgmon_shard_info",
                "Always 1; the labels hold the shard number and the number of shards of servers.toml.",
                shard=str(shard.number),
                shards=str(shard.count),
            )
        yield from self._engine_metrics()
        yield from self._history_metrics()
        yield from self._alert_metrics()
        yield from self._budget_metrics()
        yield from self._worker_metrics()
        yield from _subscription_metrics(self._writer.quotas)
        yield GaugeMetricFamily(
            "wgmon_scrape_render_seconds",
            "Time to render the servers for this scrape, including checks that ran meanwhile.",
            value=self.scrape_s,
        )

    def _engine_metrics(self) -> Iterable[Metric]:
        servers = GaugeMetricFamily("wgmon_servers", "Servers by state, after damping.", labels=["severity"])
        totals = self._writer.fleet_state.totals()
        for severity in Severity:
            servers.add_metric([severity.word], totals[severity])
        yield servers
        yield CounterMetricFamily(
            "wgmon_engine_checks", "Checks of all servers.", value=self._counters.checks
        )
        lag = GaugeMetricFamily(
            "wgmon_scheduler_lag_seconds",
            "Start delay of the last few thousand checks, by percentile.",
            labels=["percentile"],
        )
        for share in _LAG_PERCENTILES:
            late = self._writer.engine.schedule.lag_percentile(share)
            if late is not None:
                lag.add_metric([f"{share * 100:g}"], late)
        yield lag

    def _history_metrics(self) -> Iterable[Metric]:
        writer = self._writer
        yield GaugeMetricFamily(
            "wgmon_store_writable",
            "1 if the history can be written, else 0.",
            value=writer.store_trouble is None,
        )
        yield GaugeMetricFamily(
            "wgmon_config_current",
            "1 if the current servers.toml and config.toml are in force, 0 if an earlier version is.",
            value=writer.reload_trouble is None,
        )
        yield GaugeMetricFamily(
            "wgmon_warnings", "Current warnings of wgmon-tui.", value=len(writer.warnings)
        )

    def _alert_metrics(self) -> Iterable[Metric]:
        deliveries = GaugeMetricFamily(
            "wgmon_alert_deliveries",
            "Alert deliveries: pending, failing (pending with failed attempts), "
            "given_up (failed and not acknowledged); absent if the store cannot be read.",
            labels=["state"],
        )
        if self.alerts:
            deliveries.add_metric(["pending"], self.alerts.pending)
            deliveries.add_metric(["failing"], self.alerts.failing)
            deliveries.add_metric(["given_up"], self.alerts.given_up)
        yield deliveries

    def _worker_metrics(self) -> Iterable[Metric]:
        workers = self._writer.workers
        return _worker_families(workers) if workers else ()

    def _budget_metrics(self) -> Iterable[Metric]:
        names = ["budget", "holder"]
        used = GaugeMetricFamily(
            "wgmon_budget_used",
            "What accounts (connections and changes of the control socket), incidents (notes) and vantages "
            "(bytes of packets on this day) have used of their limits.",
            labels=names,
        )
        limit = GaugeMetricFamily("wgmon_budget_limit", "The limit of each budget.", labels=names)
        refused = CounterMetricFamily(
            "wgmon_budget_refused", "What was above the limit of each budget.", labels=names
        )
        for budget in self._writer.budgets:
            labels = [budget.resource.value, budget.holder]
            if budget.used is not None and budget.limit is not None:
                used.add_metric(labels, budget.used)
                limit.add_metric(labels, budget.limit)
            refused.add_metric(labels, budget.refused)
        yield from (used, limit, refused)


def _subscription_metrics(quotas: Mapping[str, Quota]) -> Iterable[Metric]:
    names = ["subscription"]
    used = GaugeMetricFamily(
        "wgmon_subscription_used_bytes", "Traffic of a subscription that its provider counts.", labels=names
    )
    total = GaugeMetricFamily(
        "wgmon_subscription_total_bytes", "Traffic that a subscription allows.", labels=names
    )
    for name, quota in quotas.items():
        if quota.used is not None:
            used.add_metric([name], quota.used)
        if quota.total:
            total.add_metric([name], quota.total)
    return (used, total)


def _worker_families(workers: Iterable[WorkerStatus]) -> Iterator[Metric]:
    names = ["worker"]
    running = GaugeMetricFamily("wgmon_worker_up", "1 if the worker process runs, else 0.", labels=names)
    servers = GaugeMetricFamily("wgmon_worker_servers", "Servers that the worker checks.", labels=names)
    memory = GaugeMetricFamily(
        "wgmon_worker_resident_memory_bytes", "Memory of the worker process.", labels=names
    )
    cpu = CounterMetricFamily(
        "wgmon_worker_cpu_seconds", "CPU time of the present process of the worker.", labels=names
    )
    checks = CounterMetricFamily("wgmon_worker_checks", "Checks that the worker has made.", labels=names)
    restarts = CounterMetricFamily(
        "wgmon_worker_restarts", "How often a process of the worker has ended.", labels=names
    )
    for each in workers:
        labels = [str(each.number)]
        running.add_metric(labels, each.pid > 0)
        servers.add_metric(labels, each.servers)
        memory.add_metric(labels, each.memory_bytes)
        cpu.add_metric(labels, each.cpu_s)
        checks.add_metric(labels, each.checks)
        restarts.add_metric(labels, each.restarts)
    yield from (running, servers, memory, cpu, checks, restarts)


def _info(name: str, documentation: str, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family
