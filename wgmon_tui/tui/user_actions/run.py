"""Runs a command of the operator for a server: refusals, the question, then terminal or background."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from ipaddress import ip_address

from textual.app import SuspendNotSupported

from wgmon_tui.child_processes import describe_ending
from wgmon_tui.config.user_actions import RefusedValueError, UserAction, expand
from wgmon_tui.monitor.fleet_state import ServerState
from wgmon_tui.text import printable, system_reason
from wgmon_tui.tui.context import AppContext
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.terminal_program import run_in_terminal, suspend_terminal, wait_for_enter
from wgmon_tui.tui.user_actions.background_program import BackgroundProgram
from wgmon_tui.tui.user_actions.output_screen import OutputScreen


def values_of(server_state: ServerState) -> dict[str, str]:
    """The values of the placeholders for a server; without those that are not known."""
    server, last = server_state.server, server_state.last
    values = {
        "name": server.name,
        "host": server.endpoint.host,
        "port": str(server.endpoint.port),
        "public_key": str(server.public_key),
    }
    address = last.check.address if last else None
    if address is not None:
        values["address"] = str(address)
    elif _is_address(server.endpoint.host):
        values["address"] = server.endpoint.host
    return values


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def run_user_action(app: AppContext, action: UserAction, name: str, untrusted: str) -> None:
    """Run a command for the server `name`, or say why not. `untrusted`: who else can write config.toml."""
    if app.read_only:
        app.show_read_only_notice(action.label)
        return
    if untrusted:
        app.show_error(f"config.toml: no command is run from it: {untrusted}")
        return
    server_state = app.engine.fleet_state.states.get(name)
    if server_state is None:
        app.show_error(f"{name} is no longer in servers.toml")
        return
    try:
        words = expand(action.command, values_of(server_state))
    except RefusedValueError as error:
        app.show_error(f"{action.label} does not run for {name}: {error}")
        return
    if action.confirm and not await _is_confirmed(app, words):
        return
    if action.background:
        await _run_in_background(app, f"{action.label} {name}", words)
    else:
        await _run_in_terminal(app, action.label, words)


async def _is_confirmed(app: AppContext, words: Sequence[str]) -> bool:
    command = printable(shlex.join(words))
    question = ConfirmDialog(f"Run this command?\n{command}", yes="run it", neither="do not run it")
    answer = await app.push_screen_wait(question)
    return answer is True


async def _run_in_background(app: AppContext, title: str, words: Sequence[str]) -> None:
    try:
        program = await asyncio.to_thread(BackgroundProgram, words)
    except (OSError, ValueError) as error:
        app.show_error(_cannot_start(words, error))
        return
    app.push_screen(OutputScreen(title, words, program))


async def _run_in_terminal(app: AppContext, label: str, words: Sequence[str]) -> None:
    """Run with the dashboard suspended. After a failure, its message stays until enter is pressed."""
    failure = ""
    try:
        with suspend_terminal(app):
            # Caught inside: an exception that leaves `suspend` would keep the app suspended.
            try:
                code = await run_in_terminal(words)
                failure = f"{label}: {describe_ending(code)}" if code else ""
            except (OSError, ValueError) as error:
                failure = _cannot_start(words, error)
            if failure:
                await wait_for_enter(f"{printable(failure)}. Press enter to go back.")
    except SuspendNotSupported:
        failure = "This terminal cannot be given to a command. Set background = true in config.toml."
    if failure:
        app.show_error(failure)


def _cannot_start(words: Sequence[str], error: OSError | ValueError) -> str:
    reason = system_reason(error, "not a command")
    return f"Cannot start {printable(words[0])}: {reason}"
