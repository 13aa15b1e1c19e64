"""What is done to servers from where they are seen: check, pause, mute, acknowledge, report, explain.

The screens that show servers inherit this; they say which servers are meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wgmon_tui.monitor.board import Row
from wgmon_tui.text import format_servers
from wgmon_tui.tui.forms.changes import ChangesFleet

if TYPE_CHECKING:
    from wgmon_tui.report.summary import Account

ACTS = frozenset(
    {"recheck", "pause", "acknowledge", "mute", "unmute", "copy_summary", "copy_markdown", "explain"}
)


class ActsOnServers(ChangesFleet):
    """A screen with servers on which something can be done."""

    def whom(self, names: Sequence[str]) -> str:
        """The servers in a notice."""
        return format_servers(names)

    def follow_board(self) -> None:
        """Show what has come of it."""
        raise NotImplementedError

    def columns_here(self) -> Sequence[str]:
        """The keys of the columns that can be explained here."""
        return ()

    def account(self, row: Row) -> Account:
        """What there is to tell of a server."""
        from wgmon_tui.tui.triage import account_here

        return account_here(self.app, row)

    @property
    def _rows(self) -> list[Row]:
        rows = self.app.engine.board.rows
        return [rows[name] for name in self.concerned() if name in rows]

    def offers_act(self, action: str) -> bool:
        """Whether one of ACTS would do something now."""
        if action == "explain":
            return self.at_hand() in self.app.engine.board.rows
        rows = self._rows
        if action == "acknowledge":
            return any(map(self.app.can_acknowledge, rows))
        if action == "unmute":
            return any(row.muted_until is not None for row in rows)
        return bool(rows)

    def action_recheck(self) -> None:
        """Check them now."""
        names = self.concerned()
        self.app.engine.recheck(names)
        self.app.say(f"Checking {self.whom(names)}")

    def action_pause(self) -> None:
        """Pause them; where all of them are paused, go on."""
        names, paused = self.concerned(), not all(row.paused for row in self._rows)
        self.app.engine.pause(names, paused)
        whom = self.whom(names)
        self.app.say(f"Paused {whom}" if paused else f"Checking {whom} again")
        self.follow_board()

    def action_acknowledge(self) -> None:
        """Say that somebody knows of their open incidents."""
        names = [row.server.name for row in self._rows if self.app.can_acknowledge(row)]
        self.app.acknowledge(*names, whom=self.whom(names))

    def action_mute(self) -> None:
        """Ask until when nobody shall be told of them."""
        names = self.concerned()
        self.app.mute(*names, whom=self.whom(names))

    def action_unmute(self) -> None:
        """Have people told of them again."""
        names = [row.server.name for row in self._rows if row.muted_until is not None]
        self.app.engine.mute(names, None)
        self.app.say(f"No longer muted: {self.whom(names)}")
        self.follow_board()

    def action_copy_summary(self) -> None:
        """Copy a report on them."""
        self._copy(markdown=False)

    def action_copy_markdown(self) -> None:
        """Copy a report on them in Markdown."""
        self._copy(markdown=True)

    def _copy(self, *, markdown: bool) -> None:
        from wgmon_tui.tui.triage import copy_accounts

        copy_accounts(self.app, [self.account(row) for row in self._rows], markdown=markdown)

    def action_explain(self) -> None:
        """Explain the verdict and the columns of the one at hand."""
        row = self.app.engine.board.rows[self.at_hand() or ""]
        verdict = row.diagnosis.verdict if row.diagnosis else row.verdict
        self.app.open_explanation(row.server.name, verdict, row, self.columns_here())
