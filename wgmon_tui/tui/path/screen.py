"""Path screen: traces the path to one server while it is open, and shows each hop as it answers.

It sends packets only because the operator opened it or pressed a key. Leaving it ends the trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.path_trace import PathTrace, TraceOptions, TraceRefusedError
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.reverse_names import look_up_names
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.path.path_text import path_body, path_copy, path_title
from wgmon_tui.tui.theme.text_style import TextStyle, unavailable_text
from wgmon_tui.tui.widgets.drawn_screen import DrawnScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

_REFRESH_S = 0.2
_MARGINS = 3


class PathScreen(DrawnScreen):
    """The path to a server, from the process that checks it."""

    ACTIONS_OF = "path"
    BINDINGS = bindings_for("path")
    DEFAULT_CSS = """
    PathScreen {
        #title { height: auto; max-height: 40%; padding: 0 1; }
        ProseView { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    }
    """

    def __init__(self, name: str, address: Address | None = None) -> None:
        """`address` is one of the server's addresses, None for the first."""
        super().__init__()
        self._server = name
        self._address = address
        self._trace: PathTrace | None = None
        self._refusal: str | None = None
        self._names: Mapping[str, str] = {}
        self._began = 0.0
        self._is_outdated = False

    def compose(self) -> ComposeResult:
        """The widgets, from top to bottom."""
        yield OutageBar()
        yield Static(id="title")
        with ProseView():
            yield Static(id="hops")
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Start the first trace."""
        self.set_interval(_REFRESH_S, self._refresh_if_due)
        self._start()

    @property
    def scrollable(self) -> ProseView:
        """The page with the hops."""
        return self.query_one(ProseView)

    # Tracing

    @property
    def is_tracing(self) -> bool:
        """Whether a trace is running."""
        return self._refusal is None and not (self._trace and self._trace.is_finished)

    def _start(self) -> None:
        self._trace, self._refusal, self._began = None, None, self.app.clock()
        self._draw()
        self.run_worker(self._run_trace(), group="trace", exclusive=True)

    async def _run_trace(self) -> None:
        options = TraceOptions(address=self._address)
        try:
            self._trace = await self.app.engine.trace_path(self._server, options, self._on_progress)
        except TraceRefusedError as error:
            self._refusal = str(error)
        self._draw()

    def _on_progress(self, trace: PathTrace) -> None:
        self._trace = trace
        self._is_outdated = True

    # Drawing

    @property
    def _content_style(self) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - _MARGINS)

    def _refresh_if_due(self) -> None:
        if self._is_outdated and self.is_current and self.app.repaint_throttle.is_due():
            self._draw()

    def _draw(self) -> None:
        self._is_outdated = False
        text_style = self._content_style
        server = text_style.glyphs.clean(self._server)
        self.query_one("#title", Static).update(path_title(server, self._trace, self.is_tracing, text_style))
        body = path_body(self._trace, self._names, text_style) if self._trace else Text("")
        if self._refusal is not None:
            refusal = unavailable_text("The path cannot be traced", self._refusal, text_style)
            body = Text("\n\n").join([body, refusal]) if body else refusal
        self.query_one("#hops", Static).update(body)
        self.refresh_bindings()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only actions that have an effect now."""
        if not self.is_mounted:
            return True
        if action == "trace_again":
            return not self.is_tracing
        if action in ("copy_path", "name_hops"):
            return self._trace is not None and bool(self._trace.hops)
        if action == "trace_address":
            return not self.is_tracing and bool(self._trace and self._trace.other_addresses)
        return True

    def explain_refusal(self, action: str) -> str:
        """Why an action is refused now."""
        if self.is_tracing:
            return "The trace still runs"
        return "The name has no other address" if action == "trace_address" else "No hop is known"

    def action_back(self) -> None:
        """Go back; a running trace ends."""
        self.dismiss()

    def action_trace_again(self) -> None:
        """Trace the same address again."""
        if not self.app.refuse_request():
            self._start()

    def action_trace_address(self, step: int) -> None:
        """Trace the next or previous address of the name."""
        if self._trace and not self.app.refuse_request():
            addresses = sorted((self._trace.address, *self._trace.other_addresses), key=_in_order)
            self._address = addresses[(addresses.index(self._trace.address) + step) % len(addresses)]
            self._start()

    def action_copy_path(self) -> None:
        """Copy the trace as plain text."""
        if self._trace:
            text = path_copy(self._server, self._trace, self._names, self._began)
            self.app.copy_with_notice(text, f"the path to {self._server}")

    def action_name_hops(self) -> None:
        """Look up the names of the hops in DNS."""
        if self._trace:
            addresses = tuple(each for hop in self._trace.hops for each in hop.addresses)
            self.app.show_notice("Looking up the names of the hops")
            self.run_worker(self._look_up(addresses), group="names", exclusive=True)

    async def _look_up(self, addresses: tuple[str, ...]) -> None:
        found = await look_up_names(addresses)
        if not found:
            self.app.show_notice("No hop has a name in DNS")
        self._names = {**self._names, **found}
        self._draw()


def _in_order(address: Address) -> tuple[int, int]:
    return address.version, int(address)
