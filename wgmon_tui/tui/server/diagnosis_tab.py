"""Diagnosis tab: the full diagnosis. On a wide terminal the screen shows it beside the other tabs instead."""

from __future__ import annotations

from textual.app import ComposeResult

from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.tui.server.diagnosis_page import Answers, DiagnosisPage
from wgmon_tui.tui.server.header import HeaderDetail
from wgmon_tui.tui.server.tab import ServerTab


class DiagnosisTab(ServerTab):
    """A scrollable page."""

    MAX_HEADER_DETAIL = HeaderDetail.BARE
    NOTHING_TO_COPY = "There is no command to type"

    def __init__(self, answers: Answers) -> None:
        super().__init__("Diagnosis", id="diagnosis")
        self._answers = answers

    def compose(self) -> ComposeResult:
        """Yield the page."""
        yield DiagnosisPage(self._answers, lambda: self.page_width)

    @property
    def scrollable(self) -> DiagnosisPage:
        """The scrollable page."""
        return self.query_one(DiagnosisPage)

    def draw(self, server_state: ServerState) -> None:
        """Draw the whole page from the newest round."""
        self.scrollable.show(server_state, self.address)

    def clear_server(self) -> None:
        """Empty the page until the next server is drawn."""
        super().clear_server()
        self.scrollable.clear_server()

    def copyable_text(self) -> tuple[str, str] | None:
        """The first command on the page, without any other text."""
        return self.scrollable.copyable_text()
