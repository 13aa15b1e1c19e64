"""Outages of the checks: nobody checks the servers, the engine has failed, or the clock is in doubt.

Data that nobody refreshes must not look like a quiet fleet. So the app ages it, names the outage on every
screen, and refuses requests that would have no effect.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.worker import Worker, WorkerState

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.monitor.freshness import ClockReading
from wgmon_tui.monitor.staleness import CheckOutage, StalenessScan, are_all_stale, newest_check_at
from wgmon_tui.text import format_recent_time
from wgmon_tui.tui.context import AppPart
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.widgets.outage_bar import OutageBar


class OutageApp(AppPart):
    """An app that says when its data is old, and why.

    Its worker of the group "probes" runs the engine.
    """

    engine_failure: str | None = None
    _staleness_scan: StalenessScan
    _elapsed: Callable[[], float]
    _has_asked_about_clock = False

    def on_mount(self) -> None:
        """Age the data every second."""
        self.set_interval(1.0, self._update_staleness)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show an engine failure until the app ends: stale data must not look like a quiet fleet."""
        if event.worker.group != "probes" or event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        if self.engine.loading and isinstance(error, ConfigurationError):
            self.exit()  # the command prints the error
            return
        reason = self.glyphs.clean(_describe(error))
        if isinstance(error, Exception) and not isinstance(error, (OSError, ConfigurationError)):
            self._exception = self._exception or error  # reported when the app ends
        self.engine_failure = f"Checks have stopped: {reason}. The data shown is old. Quit and start again."
        self._update_staleness()
        self.show_error(self.engine_failure)
        for screen in self.screen_stack:
            for bar in screen.query(OutageBar):
                bar.follow()

    def _update_staleness(self) -> None:
        is_checking = self.engine.outage is None and self.engine_failure is None
        self._staleness_scan.update(ClockReading(self.clock(), self._elapsed()), is_checking=is_checking)
        if self.engine.clock_question and not self._has_asked_about_clock:
            self._has_asked_about_clock = True
            self._ask_about_clock(self.engine.clock_question)

    def _ask_about_clock(self, why: str) -> None:
        """Ask before anything is sent with a timestamp that is far ahead."""
        from wgmon_tui.tui.dialogs.confirm import ConfirmDialog

        def answer(is_trusted: bool | None) -> None:
            if is_trusted:
                self.engine.trust_clock()

        prompt = f"{why[0].upper()}{why[1:].rpartition('; ')[0]}."
        question = ConfirmDialog(prompt, yes="Send checks with this time", neither="Hold the checks")
        self.push_screen(question, answer)

    def outage_line(self, *, leave_first: bool = False) -> str:
        """Since when nobody checks, and what to do; "" while somebody checks."""
        if self.engine_failure is not None:
            return self.engine_failure
        outage = self.engine.outage
        if outage is None:
            if not are_all_stale(self.engine.fleet_state):
                return ""
            outage = CheckOutage("No server was checked", newest_check_at(self.engine.fleet_state))
        since = "" if outage.since is None else f" since {format_recent_time(outage.since, self.clock())}"
        key = key_of("take_over", self.actions)
        keys = f"Esc, then {key}" if leave_first else key
        remedy = f"{keys}: check from here" if self.engine.can_become_writer else outage.remedy
        return f"{outage.reason}{since}. {remedy}".rstrip()

    def refuse_request(self) -> bool:
        """Whether nobody checks, so that a request would have no effect. Then a notice says so."""
        if self.read_only:
            self.show_read_only_notice("this request")
            return True
        if self.engine_failure is not None:
            self.show_error("Checks have stopped. Quit and start again.")
            return True
        if self.engine.loading is not None:
            self.show_notice("The servers are still being read. Try again in a moment.")
            return True
        outage = self.engine.outage
        if outage is None:
            return False
        key = key_of("take_over", self.actions)
        remedy = f"Press {key} to check from here." if self.engine.can_become_writer else outage.remedy
        self.show_error(f"{outage.reason}. {remedy}".rstrip())
        return True


def _describe(error: BaseException | None) -> str:
    """An error of the system as it is; a fault without values, which may be secrets."""
    if error is None:
        return "no reason is known"
    from wgmon_tui.fault_report import redacted_message

    is_expected = isinstance(error, (OSError, ConfigurationError))
    message = str(error) if is_expected else redacted_message(error)
    return ": ".join(filter(None, (type(error).__name__, message))).splitlines()[0]
