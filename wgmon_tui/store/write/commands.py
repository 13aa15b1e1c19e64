"""Commands to the recorder's thread. They are carried out in order, and none is ever dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wgmon_tui.config.config_toml import Retention
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.incidents import IncidentEvent
from wgmon_tui.store.models import Mute, Note
from wgmon_tui.store.resume import ResumeState
from wgmon_tui.store.write.batch import OutboxRow, Pause
from wgmon_tui.store.write.vantage_states import VantageQuorum


@dataclass(frozen=True, slots=True)
class Resume:
    """Continue from the state that an earlier run stored."""

    restored: Mapping[str, ResumeState]


@dataclass(frozen=True, slots=True)
class AddEvents:
    """Add incident events, and the notifications for them."""

    events: tuple[IncidentEvent, ...]
    outbox: tuple[OutboxRow, ...]


@dataclass(frozen=True, slots=True)
class AddNote:
    """Add a note to an incident."""

    incident: str
    note: Note


@dataclass(frozen=True, slots=True)
class SetPause:
    """Pause a server; None resumes it."""

    server: str
    pause: Pause | None


@dataclass(frozen=True, slots=True)
class SetMute:
    """Mute a server; None unmutes it."""

    server: str
    mute: Mute | None


@dataclass(frozen=True, slots=True)
class RenameServers:
    """Give servers other names. `names` has the new ones by the earlier ones."""

    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SetFleet:
    """Replace the list of watched servers."""

    servers: Mapping[str, Server]


@dataclass(frozen=True, slots=True)
class SetVantages:
    """Replace the other vantages."""

    vantages: VantageQuorum


@dataclass(frozen=True, slots=True)
class SetRetention:
    """Delete older data from the next minute on."""

    retention: Retention


Command = (
    Resume | AddEvents | AddNote | SetPause | SetMute | RenameServers | SetFleet | SetVantages | SetRetention
)
