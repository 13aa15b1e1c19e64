"""Plays the cells of the matrix, and compares what is said with the truth and with a real client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.busy_machine import play_again_if_starved
from tests.real.namespaces import entered
from tests.real.proxies.judge import Judge, mihomo_judge
from tests.real.proxies.pages import TcpRelay
from tests.real.proxies.rows import ProxyCell
from tests.real.proxies.servers import ProxyServers
from wgmon_tui.checks.verdict import Diagnosis, Severity, describe_likelihood
from wgmon_tui.monitor.models import Round


@dataclass(frozen=True)
class PlayedCell:
    """What wgmon-tui said of a cell, and what a real client did: "" if it was not asked."""

    cell: ProxyCell
    round: Round
    client: str = ""

    @property
    def diagnosis(self) -> Diagnosis:
        """What wgmon-tui said."""
        return self.round.diagnosis

    @property
    def wrong(self) -> list[str]:
        """What is wrong with the diagnosis, one line each."""
        cell, found = self.cell, self.diagnosis
        lines = []
        if found.verdict not in cell.verdicts:
            lines.append(f"{found.verdict.slug}, not {cell.verdicts[0].slug}: {found.summary}")
        named = [each.cause for each in found.causes]
        if cell.cause and not any(cell.cause in each for each in named):
            lines.append(f"the true cause ({cell.cause}) is not among {named}")
        if cell.is_proven and not (len(found.causes) == 1 and found.causes[0].proven):
            lines.append(f"the cause is not proven: {named}")
        got = self.client.endswith(" ms")
        if self.client and not cell.fools_client and got != (found.verdict.severity is Severity.UP):
            lines.append(f"{found.verdict.slug}, but a real client says: {self.client}")
        if self.client and cell.client is not None and got != cell.client:
            lines.append(f"a real client says: {self.client}")
        return lines

    @property
    def cause(self) -> str:
        """The first cause, and how sure it is."""
        return cause_of(self.diagnosis)


def cause_of(found: Diagnosis) -> str:
    """The first cause, and how sure it is."""
    return f"{found.causes[0].cause} ({describe_likelihood(found.causes)})" if found.causes else ""


def play(servers: ProxyServers, cells: Sequence[ProxyCell], *, with_client: bool = True) -> list[PlayedCell]:
    """Play cells one after the other."""
    asked = {str(each): each.probing.link for each in cells if each.client is not None}
    judge = mihomo_judge(servers, asked) if with_client and asked else None
    return [_play(servers, each, judge) for each in cells]


def _play(servers: ProxyServers, cell: ProxyCell, judge: Judge | None) -> PlayedCell:
    """Play a cell, and again if this machine spoiled it."""
    return play_again_if_starved(
        lambda: _play_once(servers, cell, judge),
        lambda played: bool(played.wrong),
        lambda played: played.round.check.evidence,
    )


def _play_once(servers: ProxyServers, cell: ProxyCell, judge: Judge | None) -> PlayedCell:
    with relayed(servers, cell):
        found = cell.probing.run(servers.name)
        client = ""
        if judge and cell.client is not None:
            client = judge.delay(str(cell), cell.probing.fetch, cell.probing.status)
        return PlayedCell(cell, found, client)


@contextmanager
def relayed(servers: ProxyServers, cell: ProxyCell) -> Iterator[None]:
    """Have the relay of a cell in front of its server, if it has one."""
    if not cell.relay:
        yield
        return
    with entered(servers.name):
        relay = TcpRelay(cell.probing.link.endpoint.port, cell.relay_to, **cell.relay)  # type: ignore[arg-type]
    try:
        yield
    finally:
        relay.close()
