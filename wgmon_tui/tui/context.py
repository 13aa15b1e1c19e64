"""The interface of the app for screens and widgets.

Screens and widgets annotate `app: AppContext`. They import this module and never `tui/app.py`, which imports
them. So imports inside `tui/` go one way. To open a screen of another feature, a screen asks the app.

`AppContext` is a base class and not a `typing.Protocol`. Screens also use Textual's own `App` (`push_screen`,
`size`, `theme`), and a protocol cannot extend a class. With a base class one annotation covers both parts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Unpack

from textual.app import App
from textual.screen import Screen

from wgmon_tui.config.models import Server
from wgmon_tui.monitor.controller import FleetController
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.records import dataclass
from wgmon_tui.terminal import Terminal
from wgmon_tui.tui.choices import ChoiceChanges, Choices
from wgmon_tui.tui.correlated_failures import CorrelatedFailures
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.look import StartLook
from wgmon_tui.tui.terminal.repaint_throttle import RepaintThrottle
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

if TYPE_CHECKING:
    # Loaded after the first paint.
    from wgmon_tui.checks.comparison import Finding
    from wgmon_tui.checks.verdict import Verdict
    from wgmon_tui.config.server_edits import DeletedServer
    from wgmon_tui.monitor.incidents import Incident
    from wgmon_tui.net.addresses import Address
    from wgmon_tui.store.history import History

AskServer: TypeAlias = "Callable[[Server], tuple[Finding, ...]]"
"""Asks a server how it sees this machine, and the local interfaces how they see the server.

Blocks until both have answered or the time limit is over.
"""

NOTICE_S = 3.0
"""How long a notice is shown, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """The lines of a notice, and the screen whose status line shows it. An error waits for a key."""

    lines: tuple[str, ...]
    screen: Screen[object]
    is_error: bool = False


class AppContext(App[None]):
    """The members that screens and widgets use, in addition to those of Textual's `App`.

    Mypy rejects an app that lacks one of the abstract members.
    """

    # Content

    engine: FleetController
    """Keeps the fleet state current, and takes requests: check, pause, mute, acknowledge."""
    together: CorrelatedFailures
    """The groups of servers that fail together."""
    engine_failure: str | None
    """Why checking has stopped; None while it runs."""
    clock: Callable[[], float]
    """Returns Unix time in seconds."""
    history_note: str
    """A line shown above the history; "" for none."""
    ask_server: AskServer | None
    """Asks a server how it sees this machine; None where that is not offered."""

    @property
    @abstractmethod
    def history(self) -> History | None:
        """The stored checks and incidents; None where nothing is stored."""

    @property
    @abstractmethod
    def shown_names(self) -> Sequence[str]:
        """The servers in the fleet table's order, as filtered and sorted there."""

    # Terminal

    terminal: Terminal
    """What the terminal can show."""

    # Files

    is_first_run: bool
    """Whether this process checks, and no server was configured when it started."""
    config_dir: Path | None
    """The directory of servers.toml; None where nothing can be edited."""
    state_dir: Path | None
    """The directory of the delivery log; None where nothing is stored."""
    deleted: DeletedServer | None
    """What `undo` restores."""

    # Appearance

    glyphs: Glyphs
    """The Unicode glyphs, or the ASCII ones for terminals without Unicode."""
    palettes: dict[str, Palette]
    """The available themes, by name."""
    repaint_throttle: RepaintThrottle
    """Limits how often changes of the data are repainted."""
    columns: Sequence[str]
    """The columns that were chosen for the fleet table; empty for the default ones."""
    choices: Choices
    """What the operator chose on the screen."""
    start_look: StartLook
    """What config.toml and the command line say about the look."""
    colourless: bool
    """Whether NO_COLOR is set, so that there is one theme only."""

    @property
    @abstractmethod
    def choices_path(self) -> Path | None:
        """The file in which choices are remembered; None where they are not."""

    @property
    @abstractmethod
    def palette(self) -> Palette:
        """The colours of the current theme."""

    @property
    @abstractmethod
    def ascii_only(self) -> bool:
        """Whether only ASCII may be drawn."""

    @abstractmethod
    def choose(self, **changes: Unpack[ChoiceChanges]) -> None:
        """Change what is chosen on the screen, and remember it."""

    @abstractmethod
    def use_columns(self, columns: Sequence[str]) -> None:
        """Show these columns in the fleet table; none for those of the width."""

    @abstractmethod
    def set_low_bandwidth(self, low: bool) -> None:
        """Turn the low-bandwidth mode on or off."""

    # Keys and notices

    actions: Sequence[Action]
    """The table of actions, with the keys that config.toml assigns."""
    hinted_actions: Sequence[Action]
    """The actions that the last line of a screen may show."""
    saved_filters: Mapping[str, str]
    """The filter lines of config.toml, by name."""

    @abstractmethod
    def hold_keys(self) -> AbstractContextManager[None]:
        """Hold typed keys while a thread reads what they act on."""

    pending_writes: int = 0
    """How many files are being read or written."""

    notice: Notice | None
    """What the status line says; None for nothing."""

    @abstractmethod
    def show_notice(self, *lines: str) -> None:
        """Show a notice in place of the previous one. It ends when another screen is on top."""

    @abstractmethod
    def show_error(self, *lines: str) -> None:
        """Show a notice that stays until a key is pressed, three seconds at least."""

    @abstractmethod
    def dismiss_notice(self) -> None:
        """Remove the notice."""

    @abstractmethod
    def copy_with_notice(self, text: str, what: str) -> None:
        """Copy a text to the clipboard, and show a notice that names it."""

    # Refusals

    read_only: bool
    """Whether this dashboard may change nothing: no request, no file, no program."""

    @abstractmethod
    def show_read_only_notice(self, what: str) -> None:
        """Say that `what` is not done, because the dashboard is read only."""

    # Outages

    @abstractmethod
    def outage_line(self, *, leave_first: bool = False) -> str:
        """Since when nobody checks, and what to do; "" while somebody checks.

        `leave_first` means that keys are typed into a field: the screen must be left before they work.
        """

    @abstractmethod
    def refuse_request(self) -> bool:
        """Whether nobody checks, so that a request would have no effect. Then a notice says so."""

    # Screens of other features

    @abstractmethod
    def open_server(self, name: str) -> None:
        """Open a server's screen."""

    @abstractmethod
    def open_incidents(self) -> None:
        """Open the fleet's incidents."""

    @abstractmethod
    def open_incident(self, incident: Incident) -> None:
        """Open the view of one incident: its evidence, its packets, and who was notified."""

    @abstractmethod
    def open_path(self, name: str, address: Address | None) -> None:
        """Trace the path to a server, and show it; `address` is one of the server's addresses."""

    @abstractmethod
    def open_expiries(self) -> None:
        """Open the list of expiry dates."""

    @abstractmethod
    def open_nodes(self, plane: str = "") -> None:
        """Open the list of the nodes of a control plane, or of all."""

    @abstractmethod
    def open_subscriptions(self) -> None:
        """Open the lists of providers."""

    @abstractmethod
    def open_alerts(self) -> None:
        """Open the log of alerts."""

    @abstractmethod
    def open_explanation(
        self,
        name: str,
        verdict: Verdict | None,
        server_state: ServerState | None = None,
        columns: Sequence[str] = (),
    ) -> None:
        """Explain a verdict of this server; with `server_state` also its state and these columns."""

    # Requests with a dialog

    @abstractmethod
    def can_acknowledge(self, server_state: ServerState | None) -> bool:
        """Whether a server has an open incident that is not acknowledged."""

    @abstractmethod
    def acknowledge(self, *names: str, server_label: str = "") -> None:
        """Ask for a note, then acknowledge the open incidents of these servers."""

    @abstractmethod
    def mute(self, *names: str, server_label: str) -> None:
        """Ask for a time, then mute the alerts of these servers until then."""

    @abstractmethod
    def add_note(self, incident: str, name: str) -> None:
        """Ask for a note, and store it with an incident of this server."""


if TYPE_CHECKING:
    AppPart = AppContext
else:
    AppPart = object
"""Base of the classes that `WgmonApp` consists of. Textual examines each subclass of App for 0.2 ms.

A class with reactive attributes, bindings or `@on` needs that: it derives from `AppContext`.
"""
