"""The states in which every key is pressed: each screen, with and without what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from tests.config.sample_fleets import BASTION
from tests.tui import sample_exchanges
from tests.tui.app_harness import Face, face
from tests.tui.editing_harness import SMALL, written
from tests.tui.lists.test_nodes_screen import NODES, PLANES, mesh
from tests.tui.sample_fleet import QuietEngine, server
from tests.tui.sample_incidents import over, remembered
from tests.tui.sample_sinks import EngineWithSinks
from tests.tui.user_actions.harness import acting, shell
from wgmon_tui.config.models import Fleet
from wgmon_tui.subscriptions.state_file import SubscriptionState, write_state
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.user_actions.output_screen import OutputScreen

LONGEST_S = 30.0

Opening = Callable[[Path], AbstractAsyncContextManager[Face]]


@asynccontextmanager
async def fleet(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, SMALL)) as it:
        yield it


@asynccontextmanager
async def demo(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        yield it


@asynccontextmanager
async def empty_fleet(directory: Path) -> AsyncIterator[Face]:
    async with face(QuietEngine(), config_dir=written(directory, Fleet())) as it:
        yield it


@asynccontextmanager
async def no_match(directory: Path) -> AsyncIterator[Face]:
    async with fleet(directory) as it:
        await it.press("/", *"zzz", "enter")
        yield it


@asynccontextmanager
async def group_heading(directory: Path) -> AsyncIterator[Face]:
    async with fleet(directory) as it:
        await it.press("z", "g")
        yield it


async def _open_server(it: Face, tabs: int) -> None:
    sample_exchanges.record_checks(it.engine, sample_exchanges.healthy())
    it.app.open_server("fra1")
    await it.press(*["tab"] * tabs)
    await it.read()


def server_tab(tabs: int) -> Opening:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Face]:
        async with face(QuietEngine([sample_exchanges.server("fra1")])) as it:
            await _open_server(it, tabs)
            yield it

    return opened


@asynccontextmanager
async def unchecked_server(directory: Path) -> AsyncIterator[Face]:
    async with face(QuietEngine([server("fra1")])) as it:
        it.app.open_server("fra1")
        await it.press("end")
        yield it


@asynccontextmanager
async def incidents_without_history(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        await it.press("I")
        yield it


@asynccontextmanager
async def incidents(directory: Path) -> AsyncIterator[Face]:
    async with face(history=remembered(directory)) as it:
        await it.press("I")
        await it.read()
        yield it


@asynccontextmanager
async def incident(directory: Path) -> AsyncIterator[Face]:
    async with face(EngineWithSinks("chat"), history=remembered(directory)) as it:
        it.app.open_incident(over())
        await it.press("end")
        await it.read()
        yield it


@asynccontextmanager
async def alerts_without_store(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        await it.press("A")
        yield it


@asynccontextmanager
async def alerts_of_a_sink(directory: Path) -> AsyncIterator[Face]:
    async with face(EngineWithSinks("chat"), state_dir=directory) as it:
        await it.press("A")
        await it.read()
        yield it


@asynccontextmanager
async def subscriptions(directory: Path) -> AsyncIterator[Face]:
    config_dir = written(directory, SMALL)
    (config_dir / "config.toml").write_text('[[subscription]]\nname = "p"\nurl = "http://127.0.0.1:1/"\n')
    write_state(directory, "p", SubscriptionState(1e9, lines=("- old  trojan  old.example:443",)))
    async with face(config_dir=config_dir, state_dir=directory) as it:
        await it.press("U")
        await it.read()
        yield it


@asynccontextmanager
async def nodes(directory: Path) -> AsyncIterator[Face]:
    (directory / "servers.toml").touch(0o600)
    (directory / "servers.toml").write_text(PLANES)
    async with face(mesh(*NODES), config_dir=directory) as it:
        await it.press("N", "G")
        yield it


@asynccontextmanager
async def node_page(_: Path) -> AsyncIterator[Face]:
    async with face(mesh(*NODES)) as it:
        it.app.open_server("office/web1")
        await it.press()
        yield it


@asynccontextmanager
async def identities(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, Fleet((), (BASTION,)))) as it:
        await it.press("K")
        await it.read()
        yield it


@asynccontextmanager
async def no_identities(directory: Path) -> AsyncIterator[Face]:
    async with face(config_dir=written(directory, Fleet())) as it:
        await it.press("K")
        await it.read()
        yield it


def dialog(*keys: str) -> Opening:
    @asynccontextmanager
    async def opened(directory: Path) -> AsyncIterator[Face]:
        async with fleet(directory) as it:
            await it.press(*keys)
            yield it

    return opened


@asynccontextmanager
async def question(directory: Path) -> AsyncIterator[Face]:
    async with face() as it:
        it.app.push_screen(ConfirmDialog("Really?", yes="do it", neither="keep it"))
        await it.press()
        yield it


@asynccontextmanager
async def command_output(directory: Path) -> AsyncIterator[Face]:
    async with face(settings=acting(shell("seq 3"))) as it:
        await it.press("o")
        async with asyncio.timeout(LONGEST_S):
            while not isinstance(it.app.screen, OutputScreen) or it.app.screen.program.code is None:
                await it.pilot.pause(0.01)
        it.app.screen.follow()
        await it.press()
        yield it


STATES: dict[str, Opening] = {
    "fleet": fleet,
    "demo": demo,
    "empty-fleet": empty_fleet,
    "no-match": no_match,
    "group-heading": group_heading,
    "packets": server_tab(0),
    "diagnosis": server_tab(1),
    "history": server_tab(2),
    "rtt": server_tab(3),
    "unchecked": unchecked_server,
    "incidents-without-history": incidents_without_history,
    "incidents": incidents,
    "incident": incident,
    "alerts-without-store": alerts_without_store,
    "alerts": alerts_of_a_sink,
    "subscriptions": subscriptions,
    "no-subscriptions": dialog("U"),
    "nodes": nodes,
    "no-nodes": dialog("N"),
    "node-page": node_page,
    "identities": identities,
    "no-identities": no_identities,
    "help": dialog("?"),
    "sort": dialog("s"),
    "theme": dialog("t"),
    "explain": dialog("x"),
    "filter": dialog("/"),
    "search": dialog("?", "/"),
    "mute": dialog("m"),
    "form": dialog("n"),
    "import": dialog("i"),
    "output": command_output,
    "settings": dialog("O"),
    "question": question,
}
