"""First check of a new server: the line to type there, and the checks until it is up."""

from __future__ import annotations

import shlex

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict, describe_likelihood
from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.paths import default_config_dir
from wgmon_tui.config.secrets.private_files import shown
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.next_command import command_of
from wgmon_tui.text import format_elapsed, printable
from wgmon_tui.tui.advice_text import advice_paragraphs
from wgmon_tui.tui.keys.actions import bindings_for
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.text_style import TextStyle
from wgmon_tui.tui.widgets.drawn_screen import DrawnScreen
from wgmon_tui.tui.widgets.key_hints import KeyHints
from wgmon_tui.tui.widgets.outage_bar import OutageBar
from wgmon_tui.tui.widgets.scrolling import ProseView
from wgmon_tui.tui.widgets.status_line import StatusLine

_REFRESH_S = 1.0
_CHECK_INTERVAL_S = 5.0
_MAX_WAIT_S = 300.0
"""After this time the server is checked at its own interval only."""

_UNREAD_S = 10.0
"""A new server is read within a second. After this time the screen says that it was not."""

_HANDSHAKE_ONLY = (
    "Only the handshake is checked. To check the data path too, type this here, with an address in the "
    "tunnel that no peer has:"
)
_MARGINS = 3
_INDENT = 2


class FirstCheckScreen(DrawnScreen):
    """Shows what to type on the server `added`, and how its checks go."""

    ACTIONS_OF = "first_check"
    BINDINGS = bindings_for("first_check")
    DEFAULT_CSS = """
    FirstCheckScreen {
        #heading { height: 1; padding: 0 1; background: $panel; }
        ProseView { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        #step, #result, #details { height: auto; margin: 0 0 1 0; }
    }
    """

    def __init__(self, added: AddedServer) -> None:
        super().__init__()
        self._added = added
        self._server_name = added.server.name
        self._line = added.peer_command().line
        self._began_at = self.app.clock()
        self._asked_at = self._began_at

    def compose(self) -> ComposeResult:
        """Yield the steps, the state of the checks, and the key hints."""
        yield OutageBar()
        yield Static(id="heading", markup=False)
        with ProseView():
            yield Static(id="step", markup=False)
            yield Static(id="result", markup=False)
            yield Static(id="details", markup=False)
        yield StatusLine()
        yield KeyHints()

    def on_mount(self) -> None:
        """Draw, then follow the checks."""
        self._draw()
        self.set_interval(_REFRESH_S, self.follow)

    def on_screen_resume(self) -> None:
        """Redraw at once after another screen was on top."""
        self._draw()

    def follow(self) -> None:
        """Show the newest check, and ask for the next one while the server is not up."""
        if not self.is_current:
            return
        now, state = self.app.clock(), self._state
        is_due = now - self._asked_at >= _CHECK_INTERVAL_S and now - self._began_at < _MAX_WAIT_S
        if is_due and state and state.diagnosis and not self._is_up and self.app.engine.outage is None:
            self._asked_at = now
            self.app.engine.recheck([self._server_name])
        self._draw_result()

    @property
    def _state(self) -> ServerState | None:
        return self.app.engine.fleet_state.states.get(self._server_name)

    @property
    def _is_up(self) -> bool:
        """Whether the server counts as up. After failures, that takes more than one good check."""
        state = self._state
        return state is not None and state.severity is Severity.UP and _is_up(state.diagnosis)

    @property
    def scrollable(self) -> ProseView:
        """The page."""
        return self.query_one(ProseView)

    # Display

    @property
    def _text_style(self) -> TextStyle:
        return TextStyle(self.app.palette, self.app.glyphs, self.app.size.width - _MARGINS)

    def _draw(self) -> None:
        heading = Text(
            f"Added {self.app.glyphs.clean(self._server_name)}", self.app.palette.text + Style(bold=True)
        )
        self.query_one("#heading", Static).update(heading)
        self.query_one("#step", Static).update(Text("\n").join(self._step()))
        self.query_one("#details", Static).update(Text("\n").join(self._details()))
        self._draw_result()

    def _step(self) -> list[Text]:
        palette, clean = self.app.palette, self.app.glyphs.clean
        copy = key_of("copy_peer_line", self.app.actions)
        return [
            Text(f"Type this line on {clean(self._server_name)}, as root. {copy} copies it:", palette.text),
            Text(""),
            Text(clean(self._line), palette.accent + Style(bold=True)),
        ]

    def _details(self) -> list[Text]:
        style, added = self._text_style, self._added
        palette = style.palette
        lines = [
            *style.paragraph("If its interface is not wg0, type its name instead.", palette.muted),
            *style.paragraph("To keep it after a restart of the interface, type this too:", palette.muted),
            Text(f"{'':{_INDENT}}{added.peer_command().save_line}", palette.accent),
        ]
        if not added.identity.addresses:
            lines += style.paragraph(_HANDSHAKE_ONLY, palette.muted)
            lines += style.paragraph(_command_with_address(added), palette.accent, "", _INDENT)
        files = ", ".join(shown(path) for path in (added.servers_toml, *added.key_files))
        lines += style.paragraph(f"Files: {files}", palette.muted)
        for notice in added.notices:
            lines += style.paragraph(notice, palette.text)
        return lines

    def _draw_result(self) -> None:
        text = Text("\n").join(self._result())
        if text != self.query_one("#result", Static).content:
            self.query_one("#result", Static).update(text)

    def _result(self) -> list[Text]:
        style, waited = self._text_style, self.app.clock() - self._began_at
        state, muted = self._state, self._text_style.palette.muted
        if state is None:
            said = "Waiting until the new server is read."
            if waited > _UNREAD_S:
                said = (
                    f"The process that checks has not read the new server. It may use another servers.toml "
                    f"than {shown(self._added.servers_toml)}."
                )
            return style.paragraph(said, muted)
        diagnosis = state.diagnosis
        if diagnosis is None:
            return style.paragraph(f"Checking {state.server.endpoint}", muted)
        severity = Severity.UP if _is_up(diagnosis) else diagnosis.verdict.severity
        glyph = style.glyphs.of(severity)
        lines = style.paragraph(
            f"{glyph} {diagnosis.verdict.slug}: {diagnosis.summary}", style.state(severity) + Style(bold=True)
        )
        return lines if severity is Severity.UP else [*lines, *self._next_step(diagnosis, waited)]

    def _next_step(self, diagnosis: Diagnosis, waited: float) -> list[Text]:
        style, lines = self._text_style, []
        if diagnosis.verdict is Verdict.SILENT:
            lines += style.paragraph("Until the line is typed there, silence is normal.", style.palette.text)
        if diagnosis.causes:
            cause = diagnosis.causes[0]
            likely = f"{describe_likelihood(diagnosis.causes)}: {cause.cause}"
            lines += style.paragraph(likely, style.palette.text)
            lines += advice_paragraphs(cause.fix, style)
        is_checking = waited < _MAX_WAIT_S and self.app.engine.outage is None
        progress = f"Checking until it is up: {format_elapsed(waited)}" if is_checking else ""
        return [*lines, *style.paragraph(progress, style.palette.muted)]

    # Actions

    def action_copy_line(self) -> None:
        """Copy the line to type on the server."""
        self.app.copy_with_notice(self._line, f"the line to type on {self._server_name}")

    def action_copy_command(self) -> None:
        """Copy the next command: for what the last check found, else the line to type on the server."""
        state = self._state
        diagnosis = state.diagnosis if state else None
        command = command_of(state.server, diagnosis) if state and diagnosis and diagnosis.causes else None
        if _is_up(diagnosis):
            self.app.show_notice(f"{self._server_name} is up, so there is no command to type")
        elif command is None:
            self.action_copy_line()
        else:
            self.app.copy_with_notice(command.line, f"the command to type {command.place or 'here'}")

    def action_recheck(self) -> None:
        """Check the server now."""
        if self._state is not None and not self.app.refuse_request():
            self._asked_at = self.app.clock()
            self.app.engine.recheck([self._server_name])
            self.app.show_notice(f"Checking {self._server_name}")

    def action_open(self) -> None:
        """Open the server's page in place of this one."""
        if self._state is not None:
            self.dismiss()
            self.app.open_server(self._server_name)

    def action_close(self) -> None:
        """Go to the fleet."""
        self.dismiss()


def _command_with_address(added: AddedServer) -> str:
    """The command that adds the same server again, with a tunnel address: it changes nothing else."""
    server, directory = added.server, added.servers_toml.parent
    config = () if directory == default_config_dir() else ("--config", str(directory))
    words = ("wgmon-tui", *config, "add", server.name, str(server.endpoint), str(server.public_key))
    return f"{printable(shlex.join(words))} --tunnel-address ADDRESS"


def _is_up(diagnosis: Diagnosis | None) -> bool:
    return diagnosis is not None and diagnosis.verdict.severity is Severity.UP
