"""config.toml: how this program behaves. People write it, the program never does; read strictly.

The line of an error says where (`config.toml: history: key raw: …`), what was expected and what stood there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from wgmon_tui.fleet.alert_settings import Alerts
from wgmon_tui.fleet.alerts_toml import ALERT_KEYS, read_alerts
from wgmon_tui.fleet.face_settings import FACE_KEYS, FaceSettings, read_face
from wgmon_tui.fleet.private_files import shown
from wgmon_tui.fleet.records import ConfigurationError
from wgmon_tui.fleet.tables import Table, as_boolean, as_integer, as_seconds, as_table, load_toml
from wgmon_tui.fleet.vantage_settings import Vantage
from wgmon_tui.fleet.vantages_toml import VANTAGE_KEYS, read_quorum, read_vantages

NAME = "config.toml"

HOUR = 3600.0
DAY = 24 * HOUR

_KEPT_RANGE = (HOUR, 3660 * DAY)
_EXCHANGES_RANGE = (0, 1000)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the history keeps what, in seconds.

    `raw` are single checks, `minutes`, `hours` and `days` the rollups, `exchanges` the packets of failed
    checks; of those at most `exchanges_per_incident`. `incidents` come with their notes.
    """

    raw: float = 12 * HOUR
    minutes: float = 48 * HOUR
    hours: float = 90 * DAY
    days: float = 400 * DAY
    exchanges: float = 90 * DAY
    incidents: float = 400 * DAY
    exchanges_per_incident: int = 20


@dataclass(frozen=True, slots=True)
class Config:
    """Everything in one config.toml.

    `take_over`: a viewer becomes the writer by itself when that ended. `quorum`: so many places must agree,
    this one and the `vantages`, before an incident opens.
    """

    history: Retention = field(default_factory=Retention)
    take_over: bool = False
    alerts: Alerts = field(default_factory=Alerts)
    face: FaceSettings = field(default_factory=FaceSettings)
    vantages: tuple[Vantage, ...] = ()
    quorum: int = 1


def read_config(config_dir: Path) -> Config:
    """What config.toml says; the defaults where there is none. Raises ConfigurationError."""
    path = config_dir / NAME
    try:
        return parse_config(path.read_bytes().decode("utf-8-sig"), config_dir)
    except FileNotFoundError:
        return Config()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{NAME}: expected UTF-8 text; byte {error.start + 1} is none") from None
    except OSError as error:
        raise ConfigurationError(f"{shown(path)}: cannot be read: {error.strerror}") from None


def parse_config(text: str, config_dir: Path | None = None) -> Config:
    """What a text says; names of files in it are found from `config_dir`. Raises ConfigurationError."""
    document = Table(
        NAME, load_toml(text, NAME), ("history", "viewer", *ALERT_KEYS, *FACE_KEYS, *VANTAGE_KEYS)
    )
    viewer = _table(document, "viewer", ("take_over",))
    vantages = read_vantages(document)
    return Config(
        _retention(document),
        viewer.get("take_over", as_boolean, False),
        read_alerts(document, config_dir or Path()),
        read_face(document),
        vantages,
        read_quorum(document, vantages),
    )


def _retention(document: Table) -> Retention:
    table = _table(
        document,
        "history",
        ("raw", "minutes", "hours", "days", "exchanges", "incidents", "exchanges_per_incident"),
    )
    usual, kept = Retention(), as_seconds(*_KEPT_RANGE)
    retention = Retention(
        raw=table.get("raw", kept, usual.raw),
        minutes=table.get("minutes", kept, usual.minutes),
        hours=table.get("hours", kept, usual.hours),
        days=table.get("days", kept, usual.days),
        exchanges=table.get("exchanges", kept, usual.exchanges),
        incidents=table.get("incidents", kept, usual.incidents),
        exchanges_per_incident=table.get(
            "exchanges_per_incident", as_integer(*_EXCHANGES_RANGE), usual.exchanges_per_incident
        ),
    )
    if not retention.raw <= retention.minutes <= retention.hours <= retention.days:
        # A window that is longer than one tier reaches is read from the next: a gap would show as no history.
        raise ConfigurationError(
            f"{table.where}: keys raw, minutes, hours, days: each is kept no shorter than the one before it"
        )
    return retention


def _table(document: Table, key: str, known: tuple[str, ...]) -> Table:
    raw: dict[str, object] = document.get(key, as_table, {})
    return Table(f"{document.where}: {key}", raw, known)
