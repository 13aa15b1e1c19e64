"""Full diagnosis of a server as a page, below the server's own view if the user requested it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Thread
from typing import TypeAlias

from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.comparison import ComparisonResult, Finding
from wgmon_tui.checks.protocol_words import explain_no_trace
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.net.addresses import Address
from wgmon_tui.output.next_command import command_of, parse_advice
from wgmon_tui.tui.command_copy import describe_command
from wgmon_tui.tui.context import AppContext, AskServer
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.server.diagnosis_text import full_diagnosis
from wgmon_tui.tui.server.packets_text import no_packets
from wgmon_tui.tui.server.server_view_text import ServerViewAnswer, answer_heading, answer_lines
from wgmon_tui.tui.server.tab import agreed
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.scrolling import ProseView

_TRACED_VERDICTS = (Verdict.SILENT, Verdict.UNREACHABLE, Verdict.LOSSY)
_AGE_REFRESH_INTERVAL_S = 10.0
_SCROLLBAR_MARGIN = 3

Answers: TypeAlias = dict[Server, ServerViewAnswer]
"""The answers of servers to a query. They are kept until the screen closes."""


class DiagnosisPage(ProseView):
    """The page, for a tab or for a column. `width` returns the cells that it has; pages share `answers`."""

    app: AppContext
    DEFAULT_CSS = """
    DiagnosisPage {
        padding: 0 0 0 1;
        scrollbar-size-vertical: 1;
        .findings { margin: 0 0 1 0; }
    }
    """

    def __init__(self, answers: Answers, width: Callable[[], int], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._answers = answers
        self._width = width
        self._server_state: ServerState | None = None
        self._address: Address | None = None
        self._asked = Static(classes="asked")
        self._findings = Static(classes="findings")
        self._full = Static(classes="full")

    def compose(self) -> ComposeResult:
        """Yield the server's own view, then the diagnosis."""
        yield self._asked
        yield self._findings
        yield self._full

    def on_mount(self) -> None:
        """Start the timer that refreshes the age of the answer."""
        self.set_interval(_AGE_REFRESH_INTERVAL_S, self.refresh_age)

    # Display

    def show(self, server_state: ServerState, address: Address | None) -> None:
        """Draw the whole page from the newest round."""
        self._server_state, self._address = server_state, address
        self._full.display = True
        text_style = self._text_style()
        check, diagnosis = agreed(server_state, address)
        if diagnosis is None:
            outage, read_only = self.app.outage_line(), self.app.read_only
            whole = no_packets(server_state, None, text_style, outage=outage, read_only=read_only)
        else:
            is_down = server_state.severity is Severity.DOWN
            together = self.app.together.of(server_state.server.name) if is_down else ()
            offer = self._trace_offer(diagnosis)
            whole = full_diagnosis(server_state, check, diagnosis, together, text_style, offer)
        self._full.update(whole)
        answer = self._answers.get(server_state.server)
        self._asked.display = self._findings.display = answer is not None
        if answer:
            self._asked.update(answer_heading(answer, self.app.clock(), text_style))
            self._findings.update(answer_lines(server_state.server, answer, text_style))

    def _trace_offer(self, diagnosis: Diagnosis) -> str:
        row = self._server_state
        if diagnosis.verdict not in _TRACED_VERDICTS or row is None or explain_no_trace(row.server.protocol):
            return ""
        return f"Press {key_of('trace_path', self.app.actions)} to trace the path hop by hop."

    def refresh_age(self) -> None:
        """Refresh the age of the answer while it is visible."""
        answer = self._answers.get(self._server_state.server) if self._server_state else None
        if answer and self.is_on_screen and self.screen.is_current:
            heading = answer_heading(answer, self.app.clock(), self._text_style())
            if heading != self._asked.content:
                self._asked.update(heading)

    def clear_server(self) -> None:
        """Scroll to the top, and hide the diagnosis until the next server is drawn."""
        self._server_state = None
        self.first()
        self._asked.display = self._findings.display = self._full.display = False

    def _text_style(self) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self._width() - _SCROLLBAR_MARGIN)

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
        self.first()

    async def _ask(self, server: Server, ask_server: AskServer) -> None:
        try:
            findings = await _in_thread(lambda: ask_server(server))
        except (OSError, RuntimeError) as error:
            findings = (Finding(ComparisonResult.UNKNOWN, "running", f"cannot start the query: {error}"),)
        self._answers[server] = replace(self._answers[server], findings=findings)
        if self._server_state and self._server_state.server == server:
            self.show(self._server_state, self._address)

    def advice_of_server(self, server_state: ServerState | None) -> str:
        """The first next step that follows from the server's own view; "" without one."""
        answer = self._answers.get(server_state.server) if server_state else None
        finding = answer.next_step if answer else None
        return finding.fix if finding else ""

    def copyable_text(self) -> tuple[str, str] | None:
        """The first command on the page, without any other text, and a description of it for the notice."""
        if self._server_state is None:
            return None
        advice = self.advice_of_server(self._server_state)
        _, diagnosis = agreed(self._server_state, self._address)
        found = parse_advice(advice) if advice else command_of(self._server_state.server, diagnosis)
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
