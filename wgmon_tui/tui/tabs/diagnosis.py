"""The diagnosis in full, and above it the server's own view where somebody asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Thread

from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.diagnosis.inspection import Agreement, Finding
from wgmon_tui.diagnosis.verdict import Severity
from wgmon_tui.fleet.records import Address, Server
from wgmon_tui.monitor.board import Row
from wgmon_tui.tui.context import AskServer
from wgmon_tui.tui.diagnosistab import full_diagnosis
from wgmon_tui.tui.reading import Reading
from wgmon_tui.tui.serverhead import Detail, no_packets
from wgmon_tui.tui.serversview import Answer, answer_heading, answer_lines
from wgmon_tui.tui.tabs.tab import ServerTab, agreed

_OLDER_EVERY_S = 10.0
_BESIDE_SCROLLBAR = 3


class DiagnosisTab(ServerTab):
    """A page to read. What servers answered is kept while the screen lives, each for its own server alone."""

    HEAD = Detail.BARE
    NOTHING_TO_COPY = "No next step to copy"
    DEFAULT_CSS = """
    DiagnosisTab {
        Reading { padding: 0 0 0 1; scrollbar-size-vertical: 1; }
        #findings { margin: 0 0 1 0; }
    }
    """

    def __init__(self) -> None:
        super().__init__("Diagnosis", id="diagnosis")
        self._answers: dict[Server, Answer] = {}

    def compose(self) -> ComposeResult:
        """The server's view, then ours."""
        with Reading():
            yield Static(id="asked")
            yield Static(id="findings")
            yield Static(id="full")

    def on_mount(self) -> None:
        """An answer grows older while it is read."""
        self.set_interval(_OLDER_EVERY_S, self.grow_older)

    @property
    def movable(self) -> Reading:
        """The page."""
        return self.query_one(Reading)

    # What is shown

    def draw(self, row: Row) -> None:
        """All of the page: always of the newest round."""
        self.movable.display = True
        ink = self.ink(left=_BESIDE_SCROLLBAR)
        check, diagnosis = agreed(row, self.address)
        whole = no_packets(row, None, self.ink())
        if diagnosis:
            together = self.app.together.of(row.server.name) if row.severity is Severity.DOWN else ()
            whole = full_diagnosis(row, check, diagnosis, together, ink)
        self.query_one("#full", Static).update(whole)
        asked, findings = self.query_one("#asked", Static), self.query_one("#findings", Static)
        answer = self._answers.get(row.server)
        asked.display = findings.display = answer is not None
        if answer:
            asked.update(answer_heading(answer, self.app.clock(), ink))
            findings.update(answer_lines(row.server, answer, ink))

    def grow_older(self) -> None:
        """Write the age of the answer anew, while somebody can see it."""
        answer = self._answers.get(self.row.server) if self.row else None
        if answer and self.is_on_screen and self.screen.is_current:
            asked = self.query_one("#asked", Static)
            heading = answer_heading(answer, self.app.clock(), self.ink(left=_BESIDE_SCROLLBAR))
            if heading != asked.content:
                asked.update(heading)

    # Asking the server

    def ask(self, row: Row, address: Address | None, ask_server: AskServer) -> None:
        """Ask the server how it sees us, and show what it says on top of the page once it is there."""
        server = row.server
        before = self._answers.get(server)
        if before and before.findings is None:
            self.app.say(f"Still asking {server.name}")
        else:
            self._answers[server] = Answer(self.app.clock())
            self.run_worker(self._ask(server, ask_server), group="inspect")
        self.show(row, address)
        self.movable.first()

    async def _ask(self, server: Server, ask_server: AskServer) -> None:
        try:
            findings = await _in_thread(lambda: ask_server(server))
        except (OSError, RuntimeError) as error:
            findings = (Finding(Agreement.UNTOLD, "running", f"cannot start asking: {error}"),)
        self._answers[server] = replace(self._answers[server], findings=findings)
        if self.row and self.row.server == server:
            self.draw(self.row)

    def leave_server(self) -> None:
        """The next server's page begins on top; until it is written there is none."""
        super().leave_server()
        self.movable.first()
        self.movable.display = False

    def to_copy(self) -> tuple[str, str] | None:
        """The first thing on the page that is to be typed."""
        if self.row is None:
            return None
        answer = self._answers.get(self.row.server)
        if answer and (finding := answer.next_step):
            return finding.fix, f"what to type for: {finding.subject}"
        _, diagnosis = agreed(self.row, self.address)
        return (diagnosis.causes[0].fix, "the next step") if diagnosis and diagnosis.causes else None


async def _in_thread(ask: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """What `ask` returns, or raises of OSError. In a daemon thread: those of a pool are waited for at exit,
    and nobody who leaves shall wait for an ssh that hangs.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Finding, ...]] = loop.create_future()

    def deliver(outcome: tuple[Finding, ...] | OSError) -> None:
        if answer.cancelled():
            return
        if isinstance(outcome, OSError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def work() -> None:
        outcome: tuple[Finding, ...] | OSError
        try:
            outcome = ask()
        except OSError as error:
            outcome = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(deliver, outcome)

    Thread(target=work, name="inspect", daemon=True).start()
    return await answer
