"""Messages between a writer and an agent. `protocol.py` writes and reads them as lines."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.monitor.models import Round

# Messages of a writer


@dataclass(frozen=True, slots=True)
class WriterHello:
    """The first line of a writer. `vantage` is its name for the agent."""

    protocol: int
    version: str
    vantage: str = ""


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """A server without its secrets, in the format of store/formats/server_entry.py."""

    name: str
    entry: str


@dataclass(frozen=True, slots=True)
class ServerChanges:
    """New and changed servers, and the names of removed ones (`gone`).

    `begin`: this list replaces all earlier ones. `more`: another line of the same list follows.
    """

    servers: tuple[ServerEntry, ...] = ()
    gone: tuple[str, ...] = ()
    begin: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class RecheckRequest:
    """Check these servers now."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """Every report up to this number is on the writer's disk. Also sent regularly without new reports."""

    number: int


# Messages of an agent


@dataclass(frozen=True, slots=True)
class AgentHello:
    """The first line of an agent. A different `epoch` means that the numbers of reports have started again.

    `resume_from` is the number of the first queued report. `clock` is the agent's Unix time. `public_key`
    belongs to the identity of its checks; "" without an identity.
    """

    protocol: int
    version: str
    epoch: str = ""
    public_key: str = ""
    resume_from: int = 0
    clock: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One round. Numbers increase and never repeat within an epoch; there may be gaps."""

    number: int
    server: str
    round: Round


@dataclass(frozen=True, slots=True)
class ServerProblem:
    """The reason why the agent cannot check a server, in one line."""

    server: str
    line: str


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """The agent's status, sent every few seconds.

    `waiting` and `dropped` count reports. `trouble` is "" if there is none. `problems` holds the first few.
    `clock` is the agent's Unix time.
    """

    checks_per_second: float
    waiting: int
    dropped: int
    trouble: str = ""
    problems: tuple[ServerProblem, ...] = ()
    clock: float = 0.0


@dataclass(frozen=True, slots=True)
class Bye:
    """The reason why the agent closes the connection."""

    line: str


ToAgent = WriterHello | ServerChanges | RecheckRequest | Ack
ToWriter = AgentHello | CheckReport | AgentStatus | Bye
