"""One run of a writer that receives reports of other vantages: an idle engine and its recorder."""

from __future__ import annotations

from pathlib import Path

from tests.monitor.sample_vantages import START, VANTAGES, seen, watched
from tests.store.recorder_harness import query_store
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.vantages import LOCAL_VANTAGE, Vantage
from wgmon_tui.monitor.engine import Engine
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.monitor.quorum import VantageReport
from wgmon_tui.protocols.wireguard.prober import Prober
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.timestamp_ledger import TimestampLedger
from wgmon_tui.store.write.recorder import Recorder
from wgmon_tui.store.write.vantage_states import VantageQuorum


class Life:
    """An engine without a running loop, and the recorder that listens to it."""

    def __init__(
        self,
        state_dir: Path,
        *servers: Server,
        quorum: int = 1,
        vantages: tuple[Vantage, ...] = VANTAGES,
        now: float = START,
    ) -> None:
        self.state_dir = state_dir
        self.now = now
        self.recorder = Recorder(state_dir, clock=lambda: self.now)
        self.recorder.start()
        with TimestampLedger(state_dir) as timestamps:
            self.engine = Engine(Prober(timestamps=timestamps.next))
        self.engine.watch(servers or (watched(),), {}, {})
        self.engine.vantage_reports.set_vantages(vantages, quorum)
        self.recorder.set_vantages(VantageQuorum(self.engine.fleet_state.vantages, quorum))
        self.recorder.restore(self.engine)
        self.recorder.watch(self.engine.fleet_state.states.values())
        self.engine.listen(self.recorder)
        self.engine.vantage_reports.listen(self.recorder.record_vantage)
        self.history = History(state_dir / STORE)
        self.number = 0

    def reports(
        self, *verdicts: Verdict, vantage: str = "fra", name: str = "fra1", packets: bool = True
    ) -> None:
        """Report a round every ten seconds."""
        for verdict in verdicts:
            self.now += 10.0
            self.number += 1
            outcome = seen(verdict, self.now, vantage, name=name, packets=packets)
            self.report(outcome, self.number, vantage=vantage, name=name)

    def report(
        self, outcome: Round, number: int, *, vantage: str = "fra", name: str = "fra1", epoch: str = "one"
    ) -> None:
        reports = self.engine.vantage_reports
        if reports.numbers.accept(vantage, epoch, number):
            reports.record(VantageReport(vantage, epoch, number, name, outcome), self.now)

    def written(self) -> None:
        self.recorder.flush().result(20.0)

    def stop(self) -> None:
        self.recorder.stop()
        self.history.close()
        assert self.recorder.failure is None, self.recorder.failure

    def count(self, table: str) -> int:
        ((number,),) = query_store(self.state_dir, f"SELECT count(*) FROM {table}")
        return int(number)

    def check_from_home(self, verdict: Verdict, name: str = "fra1") -> None:
        """Record a round of the local vantage."""
        self.now += 10.0
        outcome = seen(verdict, self.now, LOCAL_VANTAGE, name=name)
        events = self.engine.fleet_state.record(name, outcome, self.now)
        self.recorder(self.engine.fleet_state.states[name], outcome, events)
