"""Diagnosis tab: the full diagnosis, below the server's own view if the user requested it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Thread

from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.next_command import command_of, parse_advice
from wgmon_tui.protocols.wireguard.server_view_comparison import ComparisonResult, Finding
from wgmon_tui.tui.command_copy import describe_command
from wgmon_tui.tui.context import AskServer
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.server.diagnosis_text import full_diagnosis
from wgmon_tui.tui.server.header import HeaderDetail, no_packets
from wgmon_tui.tui.server.server_view_text import ServerViewAnswer, answer_heading, answer_lines
from wgmon_tui.tui.server.tab import ServerTab, agreed
from wgmon_tui.tui.widgets.scrolling import ProseView

_TRACED_VERDICTS = (Verdict.SILENT, Verdict.UNREACHABLE, Verdict.LOSSY)
_AGE_REFRESH_INTERVAL_S = 10.0
_SCROLLBAR_MARGIN = 3


class DiagnosisTab(ServerTab):
    """A scrollable page. The answer of each server is kept until the screen closes."""

    MAX_HEADER_DETAIL = HeaderDetail.BARE
    NOTHING_TO_COPY = "There is no command to type"
    DEFAULT_CSS = """
    DiagnosisTab {
        ProseView { padding: 0 0 0 1; scrollbar-size-vertical: 1; }
        #findings { margin: 0 0 1 0; }
    }
    """

    def __init__(self) -> None:
        super().__init__("Diagnosis", id="diagnosis")
        self._answers: dict[Server, ServerViewAnswer] = {}

    def compose(self) -> ComposeResult:
        """Yield the server's own view, then the diagnosis."""
        with ProseView():
            yield Static(id="asked")
            yield Static(id="findings")
            yield Static(id="full")

    def on_mount(self) -> None:
        """Start the timer that refreshes the age of the answer."""
        self.set_interval(_AGE_REFRESH_INTERVAL_S, self.refresh_age)

    @property
    def scrollable(self) -> ProseView:
        """The scrollable page."""
        return self.query_one(ProseView)

    # Display

    def draw(self, server_state: ServerState) -> None:
        """Draw the whole page from the newest round."""
        self.scrollable.display = True
        content_style = self.content_style(left=_SCROLLBAR_MARGIN)
        check, diagnosis = agreed(server_state, self.address)
        whole = no_packets(server_state, None, self.content_style())
        if diagnosis:
            together = (
                self.app.together.of(server_state.server.name)
                if server_state.severity is Severity.DOWN
                else ()
            )
            whole = full_diagnosis(
                server_state, check, diagnosis, together, content_style, self._trace_offer(diagnosis)
            )
        self.query_one("#full", Static).update(whole)
        asked, findings = self.query_one("#asked", Static), self.query_one("#findings", Static)
        answer = self._answers.get(server_state.server)
        asked.display = findings.display = answer is not None
        if answer:
            asked.update(answer_heading(answer, self.app.clock(), content_style))
            findings.update(answer_lines(server_state.server, answer, content_style))

    def _trace_offer(self, diagnosis: Diagnosis) -> str:
        if diagnosis.verdict not in _TRACED_VERDICTS:
            return ""
        return f"Press {key_of('trace_path', self.app.actions)} to trace the path hop by hop."

    def refresh_age(self) -> None:
        """Refresh the age of the answer while it is visible."""
        answer = self._answers.get(self.server_state.server) if self.server_state else None
        if answer and self.is_on_screen and self.screen.is_current:
            asked = self.query_one("#asked", Static)
            heading = answer_heading(answer, self.app.clock(), self.content_style(left=_SCROLLBAR_MARGIN))
            if heading != asked.content:
                asked.update(heading)

    # Query

    def ask(self, server_state: ServerState, address: Address | None, ask_server: AskServer) -> None:
        """Query the server's own view, and show the answer at the top of the page when it arrives."""
        server = server_state.server
        before = self._answers.get(server)
        if before and before.findings is None:
            self.app.show_notice(f"Still waiting for the answer of {server.name}")
        else:
            self._answers[server] = ServerViewAnswer(self.app.clock())
            self.run_worker(self._ask(server, ask_server), group="inspect")
        self.show(server_state, address)
        self.scrollable.first()

    async def _ask(self, server: Server, ask_server: AskServer) -> None:
        try:
            findings = await _in_thread(lambda: ask_server(server))
        except (OSError, RuntimeError) as error:
            findings = (Finding(ComparisonResult.UNKNOWN, "running", f"cannot start the query: {error}"),)
        self._answers[server] = replace(self._answers[server], findings=findings)
        if self.server_state and self.server_state.server == server:
            self.draw(self.server_state)

    def clear_server(self) -> None:
        """Scroll to the top, and hide the page until the next server is drawn."""
        super().clear_server()
        self.scrollable.first()
        self.scrollable.display = False

    def advice_of_server(self, server_state: ServerState | None) -> str:
        """The first next step that follows from the server's own view; "" without one."""
        answer = self._answers.get(server_state.server) if server_state else None
        finding = answer.next_step if answer else None
        return finding.fix if finding else ""

    def copyable_text(self) -> tuple[str, str] | None:
        """The first command on the page, without any other text."""
        if self.server_state is None:
            return None
        advice = self.advice_of_server(self.server_state)
        _, diagnosis = agreed(self.server_state, self.address)
        found = parse_advice(advice) if advice else command_of(self.server_state.server, diagnosis)
        return (found.line, describe_command(found)) if found else None


async def _in_thread(ask: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """Run `ask` in a daemon thread; return its result or raise its OSError.

    Threads of a pool are joined at exit, and a hanging ssh must not delay the exit.
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
        with suppress(RuntimeError):  # the loop is closed: the app has exited
            loop.call_soon_threadsafe(deliver, outcome)

    Thread(target=work, name="inspect", daemon=True).start()
    return await answer
