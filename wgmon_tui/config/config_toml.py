"""config.toml: the settings of wgmon-tui. Only people write it.

Without the file, the parser in `config_sections.py` is not loaded: that saves 2 ms of a start.
"""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.models import ConfigurationError, SecretForm
from wgmon_tui.config.regular_files import read_regular
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.records import dataclass

if TYPE_CHECKING:
    from wgmon_tui.config.subscriptions_toml import Subscription
    from wgmon_tui.config.vantages import Vantage
    from wgmon_tui.net.addresses import Endpoint

NAME = "config.toml"

_MAX_BYTES = 4 << 20

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention of the history, in seconds.

    `raw` are single checks. `minutes`, `hours` and `days` are rollups. `exchanges` are the packets of failed
    checks, at most `exchanges_per_incident` for one incident. `incidents` include their notes. Each other
    vantage can store `vantage_megabytes_per_day` of packets.
    """

    raw: float = 12 * HOUR
    minutes: float = 48 * HOUR
    hours: float = 90 * DAY
    days: float = 400 * DAY
    exchanges: float = 90 * DAY
    incidents: float = 400 * DAY
    exchanges_per_incident: int = 20
    vantage_megabytes_per_day: int = 16

    @property
    def vantage_bytes_per_day(self) -> int:
        """The bytes of packets that one vantage can store per day."""
        return self.vantage_megabytes_per_day * 1_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """The content of one config.toml.

    `take_over`: a viewer becomes the writer when the writer ends. `quorum`: this many of the `vantages` and
    this machine must agree before an incident opens. `witness` is probed when a server falls silent.
    """

    history: Retention = field(default_factory=Retention)
    take_over: bool = False
    alerts: AlertSettings = field(default_factory=AlertSettings)
    face: TuiSettings = field(default_factory=TuiSettings)
    vantages: tuple[Vantage, ...] = ()
    quorum: int = 1
    witness: Endpoint | None = None
    subscriptions: tuple[Subscription, ...] = ()


def read_text(config_dir: Path) -> str:
    """The text of config.toml, for the lines of messages; empty if it cannot be read."""
    try:
        return read_regular(config_dir / NAME, _MAX_BYTES)[0].decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def read_config(config_dir: Path, *, runs_commands: bool = True) -> Config:
    """Read config.toml; without the file, the defaults. Raises ConfigurationError.

    A file with commands that others can change is refused, unless the caller runs none of them. The commands
    of `[[action]]` do not count: the dashboard starts, and refuses to run them.
    """
    path = config_dir / NAME
    try:
        content, status = read_regular(path, _MAX_BYTES)
        from wgmon_tui.config.config_sections import parse_config
        from wgmon_tui.config.trusted_files import find_problem, require_trusted

        config = parse_config(content.decode("utf-8-sig"), config_dir)
        if runs_commands and _has_commands(config):
            require_trusted(path, status)
        if config.face.user_actions and (problem := find_problem(path, status)):
            config = replace(config, face=replace(config.face, untrusted=str(problem)))
    except FileNotFoundError:
        return Config()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{NAME}: expected UTF-8 text; byte {error.start + 1} is not valid"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    return config


def _has_commands(config: Config) -> bool:
    from wgmon_tui.config.alerting import Command

    if any(each.url.form is SecretForm.COMMAND for each in config.subscriptions):
        return True
    return bool(config.vantages) or any(
        isinstance(sink.options, Command)
        or any(source.form is SecretForm.COMMAND for _, source in sink.secrets)
        for sink in config.alerts.sinks
    )
