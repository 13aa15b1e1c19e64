"""Alert settings of config.toml with all secrets read, as the dispatcher uses them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from wgmon_tui.config import config_toml
from wgmon_tui.config.alerting import AlertSettings, Sink
from wgmon_tui.config.models import ConfigurationError, SecretForm, SecretSource
from wgmon_tui.config.secrets.keyring import read_text

_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class ResolvedSinks:
    """Alert settings and secrets. `secrets` are by sink, then by key.

    `problems` has one line for each sink with a missing secret. `unread` are the secret files that could not
    be read.
    """

    alerts: AlertSettings = field(default_factory=AlertSettings)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[Path, ...] = ()


def resolve_sinks(
    alerts: AlertSettings, config_dir: Path, before: ResolvedSinks | None = None
) -> ResolvedSinks:
    """Read every secret of the sinks. Blocks while secret commands run, up to 10 s each.

    Secrets that a command printed `before` are reused.
    """
    known = _printed(before) if before else {}
    sources = dict.fromkeys(
        source for sink in alerts.sinks for _, source in sink.secrets if source not in known
    )

    def read(source: SecretSource) -> str | ConfigurationError:
        try:
            return read_text(source, config_dir)
        except ConfigurationError as error:
            return error

    found: dict[SecretSource, str | ConfigurationError] = {**known}
    if sources:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found |= zip(sources, pool.map(read, sources), strict=True)
    secrets: dict[str, dict[str, str]] = {}
    problems: dict[str, str] = {}
    unread = []
    for sink in alerts.sinks:
        secrets[sink.name] = {}
        for key, source in sink.secrets:
            secret = found[source]
            if isinstance(secret, str):
                secrets[sink.name][key] = secret
                continue
            problems[sink.name] = _problem(sink, key, source, secret)
            if source.form is SecretForm.FILE and isinstance(source.value, str):
                unread.append(config_dir / source.value)
    return ResolvedSinks(alerts, secrets, problems, tuple(unread))


def _problem(sink: Sink, key: str, source: SecretSource, error: ConfigurationError) -> str:
    return f'{config_toml.NAME}: sink "{sink.name}": key {key}{source.form.value}: {error}'


def _printed(before: ResolvedSinks) -> dict[SecretSource, str]:
    """Return the secrets that commands printed."""
    return {
        source: before.secrets[sink.name][key]
        for sink in before.alerts.sinks
        for key, source in sink.secrets
        if source.form is SecretForm.COMMAND and key in before.secrets.get(sink.name, {})
    }
