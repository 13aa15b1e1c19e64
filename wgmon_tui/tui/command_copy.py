"""The next command for a server, copied to the clipboard without any other text (key `$`)."""

from __future__ import annotations

from wgmon_tui.checks.verdict import Diagnosis, Severity
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.output.next_command import NextCommand, command_of, parse_advice
from wgmon_tui.text import format_list
from wgmon_tui.tui.context import AppContext


def copy_next_command(app: AppContext, server_state: ServerState, diagnosis: Diagnosis | None) -> None:
    """Copy the command that the diagnosis of a server names, or say why there is none."""
    name = server_state.server.name
    if server_state.paused:
        app.show_notice(f"{name} is paused, so there is no command to type")
    elif diagnosis is None:
        app.show_notice(f"{name} waits for its first check: no command yet")
    elif _is_healthy(diagnosis) and server_state.severity is Severity.UP:
        app.show_notice(f"{name} is up, so there is no command to type")
    else:
        copy_command_of(app, name, server_state.server, diagnosis)


def copy_command_of(app: AppContext, name: str, server: Server | None, diagnosis: Diagnosis) -> None:
    """Copy the command that a diagnosis names, or say why it names none. A deleted `server` is None."""
    if _is_healthy(diagnosis):
        app.show_notice(f"The check of {name} was good, so there is no command to type")
    elif not diagnosis.causes:
        app.show_notice(f"No cause is known for {name}, so there is no command to type")
    elif server is None:
        copy_command_in(app, name, diagnosis.causes[0].fix)
    else:
        _copy(app, name, command_of(server, diagnosis), diagnosis.causes[0].fix)


def _is_healthy(diagnosis: Diagnosis) -> bool:
    return not diagnosis.causes and diagnosis.verdict.severity is Severity.UP


def copy_command_in(app: AppContext, name: str, advice: str) -> None:
    """Copy the command in the advice of a cause, or say that it contains none."""
    _copy(app, name, parse_advice(advice), advice)


def _copy(app: AppContext, name: str, command: NextCommand | None, advice: str) -> None:
    if command is None:
        app.show_notice(f"No command to type for {name}. Next: {advice}")
    else:
        app.copy_with_notice(command.line, describe_command(command))


def describe_command(command: NextCommand) -> str:
    """What is copied: the line, where to type it, and which words of it to replace."""
    where = f" {command.place}" if command.place else " here"
    kind = "the setting" if command.is_setting else f"the command to type{where}"
    if command.is_setting and command.place:
        kind += f" {command.place}"
    replaced = f". Replace {format_list(command.placeholders)}." if command.placeholders else ""
    return f"{kind}: {command.line}{replaced}"
