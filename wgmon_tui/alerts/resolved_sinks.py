"""Alert settings of config.toml with all secrets read, as the dispatcher uses them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.config import config_toml
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource
from wgmon_tui.config.secrets.secret_reader import read_text
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.config.alerting import Sink

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ResolvedSinks:
    """Alert settings and secrets. `secrets` are by sink, then by key.

    `problems` has one line for each sink with a missing secret. `kept` has a line for each secret that cannot
    be read any more, and stays the last good one.
    """

    alerts: AlertSettings = field(default_factory=AlertSettings)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = field(default=(), compare=False)


def resolve_sinks(
    alerts: AlertSettings,
    config_dir: Path,
    before: ResolvedSinks | None = None,
    *,
    run_commands: bool = False,
) -> ResolvedSinks:
    """Read every secret of the sinks. Blocks while secret commands run, up to 10 s each.

    Secrets that a command printed `before` are reused, unless `run_commands` is set. A secret that cannot be
    read any more stays as it was before.
    """
    last_good = _secrets_by_source(before) if before else {}
    known = {
        source: secret
        for source, secret in last_good.items()
        if source.form is SecretForm.COMMAND and not run_commands
    }
    sources = dict.fromkeys(
        source for sink in alerts.sinks for _, source in sink.secrets if source not in known
    )
    found = known | _read_all(sources, config_dir)
    secrets: dict[str, dict[str, str]] = {}
    problems: dict[str, str] = {}
    kept = []
    for sink in alerts.sinks:
        secrets[sink.name] = {}
        for key, source in sink.secrets:
            secret = found[source]
            if not isinstance(secret, str):
                problem = _problem(sink, key, source, secret)
                if source not in last_good:
                    problems[sink.name] = problem
                    continue
                kept.append(f"{problem}; the last good secret stays in use")
                secret = last_good[source]
            secrets[sink.name][key] = secret
    return ResolvedSinks(alerts, secrets, problems, tuple(kept))


def _read_all(
    sources: Collection[SecretSource], config_dir: Path
) -> dict[SecretSource, str | ConfigurationError]:
    """Read each source once, several at a time; an error stands for a secret that cannot be read."""

    def read(source: SecretSource) -> str | ConfigurationError:
        try:
            return read_text(source, config_dir)
        except ConfigurationError as error:
            return error

    if not sources:
        return {}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(sources, pool.map(read, sources), strict=True))


def _problem(sink: Sink, key: str, source: SecretSource, error: ConfigurationError) -> str:
    return f'{config_toml.NAME}: sink "{sink.name}": key {key}{source.form.value}: {error}'


def _secrets_by_source(resolved: ResolvedSinks) -> dict[SecretSource, str]:
    """Return the secrets that could be read."""
    return {
        source: resolved.secrets[sink.name][key]
        for sink in resolved.alerts.sinks
        for key, source in sink.secrets
        if key in resolved.secrets.get(sink.name, {})
    }
