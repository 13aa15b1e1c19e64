"""Tests of the list of nodes: both reports, order, filter, rules, and empty states."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.parameters import default_rows
from tests.tui.app_harness import Face, face
from tests.tui.sample_fleet import NOW, QuietEngine
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.watched_nodes import select_nodes
from wgmon_tui.tui.lists.nodes_screen import NodesScreen
from wgmon_tui.tui.server.screen import ServerScreen

PLANES = """
[[control_plane]]
name = "office"
type = "headscale"
url = "https://192.0.2.1"
token_env = "TOKEN"
interval = "1m"
watch_tags = ["tag:web"]
watch_names = ["db1"]
"""
WEB1 = Node("1", "web1", (ip_address("100.64.0.1"),), online=True, tags=("tag:web",), version="1.86")
WEB2 = Node("2", "web2", (ip_address("100.64.0.2"),), online=False, last_seen=NOW - 7300, tags=("tag:web",))
DB1 = Node("3", "db1", (ip_address("100.64.0.3"),), online=True, key_expiry=NOW + 12.5 * DAY_S)
LAPTOP = Node("4", "laptop", (ip_address("100.64.0.4"),), routes=("10.1.0.0/16",))
NODES = (WEB1, WEB2, DB1, LAPTOP)


def mesh(*nodes: Node, text: str = PLANES, age: float = 12.0) -> QuietEngine:
    """A control plane that reported these nodes, and those that its rules select."""
    fleet: Fleet = parse(text)
    report = ControlPlaneReport(nodes)
    found = select_nodes(fleet, {"office": report})
    engine = QuietEngine((*fleet.servers, *found.servers))
    if nodes:
        engine.fleet_state.record_node_report("office", NodeReport(NOW - age, report))
    return engine


def says_connected(engine: QuietEngine, name: str) -> None:
    server: Server = engine.fleet_state.states[name].server
    check = Check(name, "local", server.endpoint, None, NOW, None, protocol=server.protocol)
    outcome = Round((check,), (Diagnosis(Verdict.SAYS_CONNECTED, "No data reaches it."),))
    for _ in range(2):
        engine.fleet_state.record(name, outcome, NOW)


def works(engine: QuietEngine, name: str) -> None:
    server: Server = engine.fleet_state.states[name].server
    check = Check(name, "local", server.endpoint, None, NOW, Handshake(0.01), protocol=server.protocol)
    engine.fleet_state.record(name, Round((check,), (Diagnosis(Verdict.HEALTHY, "It answers."),)), NOW)


async def open_list(it: Face) -> None:
    await it.press("N")
    await it.read()


def listed(it: Face) -> list[str]:
    """The lines of the list, without blanks."""
    names = tuple(each.name for each in NODES)
    return [" ".join(each.split()) for each in it.lines() if each.strip().startswith(names)]


def shown(it: Face, widget: str) -> str:
    return " ".join(str(it.app.screen.query_one(f"#{widget}", Static).content).split())


async def test_each_node_has_what_its_control_plane_says_beside_what_is_true() -> None:
    engine = mesh(*NODES)
    says_connected(engine, "office/web1")
    works(engine, "office/db1")
    async with face(engine) as it:
        await open_list(it)
        first, *others = listed(it)
        assert first.startswith("web1 online ✖ says-connected")
        assert any(each.startswith("web2 offline") and "2 h 01 min" in each for each in others)
        assert any(each.startswith("db1 online ● healthy") and "12 d" in each for each in others)
        assert others[-1].startswith("laptop unknown not watched")
        assert shown(it, "title") == "Nodes of control planes 4 nodes, 2 reported as online, 3 watched"


async def test_the_node_under_the_cursor_is_shown_in_full_with_its_rule() -> None:
    engine = mesh(*NODES)
    says_connected(engine, "office/web1")
    async with face(engine) as it:
        await open_list(it)
        detail = shown(it, "detail")
        assert "office reported web1 as online 12 s ago" in detail
        assert 'The last verdict on "office/web1" is says-connected' in detail
        assert 'watched by watch_tags = "tag:web"' in detail
        assert "version 1.86" in detail


async def test_a_report_that_came_in_part_says_so() -> None:
    engine = mesh(WEB1)
    async with face(engine) as it:
        await open_list(it)
        assert "may be missing" not in shown(it, "title")
        report = ControlPlaneReport((WEB1,), drift=("nodes.tags",))
        engine.fleet_state.record_node_report("office", NodeReport(NOW, report))
        assert isinstance(it.app.screen, NodesScreen)
        it.app.screen.reload()
        await it.read()
        assert shown(it, "title").endswith("; facts may be missing in the report of office")


async def test_a_report_that_is_too_old_says_so() -> None:
    async with face(mesh(WEB1, age=900.0)) as it:
        await open_list(it)
        assert "online?" in listed(it)[0]
        assert "15 min ago: too long ago to count" in shown(it, "detail")


@pytest.mark.thorough
async def test_enter_opens_the_server_of_a_node_and_its_control_plane_without_one() -> None:
    async with face(mesh(*NODES)) as it:
        await open_list(it)
        await it.press("enter")
        assert isinstance(it.app.screen, ServerScreen)
        assert it.app.screen.target_servers() == ["office/web2"]
        await it.press("escape", "G", "enter")
        assert isinstance(it.app.screen, ServerScreen)
        assert it.app.screen.target_servers() == ["office"]


async def test_the_page_of_a_control_plane_opens_its_nodes() -> None:
    async with face(mesh(*NODES)) as it:
        it.app.open_server("office")
        await it.press("N")
        assert isinstance(it.app.screen, NodesScreen)
        assert shown(it, "title").startswith("Nodes of office 4 nodes")


FILTERS = (
    ("offline", 1),
    ("is:watched", 3),
    ("unwatched", 1),
    ("plane:off", 4),
    ("plane:lab", 0),
    ("tag:tag:web", 2),
    ("tag:web", 2),
    ("web", 2),
    ("state:unknown", 1),
)


@pytest.mark.parametrize(("words", "expected"), default_rows([1, 5, 7], FILTERS))
async def test_filter_words_select_nodes(words: str, expected: int) -> None:
    async with face(mesh(*NODES)) as it:
        await open_list(it)
        await it.press("/", *words)
        assert len(listed(it)) == expected
        await it.press("enter", "escape")
        assert len(listed(it)) == 4


async def test_the_order_changes_by_key() -> None:
    async with face(mesh(*NODES)) as it:
        await open_list(it)
        await it.press("s")
        assert [each.split()[0] for each in listed(it)] == ["db1", "laptop", "web1", "web2"]
        await it.press("S")
        assert [each.split()[0] for each in listed(it)] == ["web2", "web1", "laptop", "db1"]


async def test_another_order_is_shown_from_its_first_node_on() -> None:
    nodes = [replace(LAPTOP, id=f"n{number}", name=f"n{number:03}") for number in range(100)]
    async with face(mesh(*nodes)) as it:
        await open_list(it)
        await it.press("s", "S")
        assert any("reported n099" in line for line in it.lines())


async def test_empty_states_say_what_is_missing() -> None:
    async with face(mesh()) as it:
        await open_list(it)
        assert '"office" has not reported its nodes yet' in shown(it, "nothing")
    async with face(QuietEngine()) as it:
        await open_list(it)
        assert "There is no control plane" in shown(it, "nothing")
        assert "docs/control-planes.md says how to add one." in shown(it, "nothing")


async def test_the_fleet_filters_and_groups_nodes_with_their_control_plane() -> None:
    server = Server("fra1", replace(parse(PLANES).servers[0].endpoint), protocol="system-path")
    engine = mesh(*NODES)
    engine.fleet_state.add([server])
    async with face(engine) as it:
        await it.press("/", *"plane:office", "enter")
        assert set(it.app.shown_names) == {"office", "office/web1", "office/web2", "office/db1"}
        await it.press("escape", "z")
        groups = it.table.row_index.grouping.groups
        assert set(groups["office"].names) == {"office", "office/web1", "office/web2", "office/db1"}


async def until_said(it: Face, words: str) -> None:
    """Wait until a notice says these words. A thread writes the file."""
    async with asyncio.timeout(30.0):
        while not any(words in line for line in it.notices()):
            await it.pilot.pause(0.005)


async def written(directory: Path) -> Path:
    file = directory / "servers.toml"
    file.touch(0o600)
    file.write_text(PLANES)
    return file


async def test_a_node_is_watched_by_name_and_no_longer_after_a_question(tmp_path: Path) -> None:
    file = await written(tmp_path)
    async with face(mesh(*NODES), config_dir=tmp_path) as it:
        await open_list(it)
        await it.press("G", "w")
        assert any('adds "laptop" to watch_names' in line for line in it.lines())
        await it.press("y")
        await until_said(it, "Watching laptop")
        assert '"laptop"' in file.read_text()
        await it.press("/", *"db1", "enter", "w", "y")
        await until_said(it, "No longer watching db1")
        assert parse(file.read_text()).servers[0].protocol_settings.watch_names == ("laptop",)


async def test_a_node_whose_name_has_signs_of_patterns_is_watched_alone(tmp_path: Path) -> None:
    file = await written(tmp_path)
    odd = replace(LAPTOP, id="5", name=r"z*?[1]\x", addresses=(ip_address("100.64.0.5"),))
    other = replace(LAPTOP, id="6", name=r"zoo[1]\x", addresses=(ip_address("100.64.0.6"),))
    async with face(mesh(odd, other), config_dir=tmp_path) as it:
        await open_list(it)
        await it.press("w", "y")
        await until_said(it, r"Watching z*?[1]\x")
    found = select_nodes(parse(file.read_text()), {"office": ControlPlaneReport((odd, other))})
    assert [each.node_id for each in found.servers] == ["5"]
    async with face(mesh(odd, other, text=file.read_text()), config_dir=tmp_path) as it:
        await open_list(it)
        await it.press("/", *"z", "enter", "g", "w", "y")
        await until_said(it, r"No longer watching z*?[1]\x")
    assert parse(file.read_text()).servers[0].protocol_settings.watch_names == ("db1",)


@pytest.mark.thorough
async def test_a_node_that_a_pattern_selects_is_explained_and_stays(tmp_path: Path) -> None:
    file = await written(tmp_path)
    async with face(mesh(*NODES), config_dir=tmp_path) as it:
        await open_list(it)
        await it.press("/", *"web1", "enter", "w")
        assert any('web1 is watched by watch_tags = "tag:web"' in line for line in it.notices())
    assert file.read_text() == PLANES


async def test_a_row_of_a_node_is_not_edited_but_explained(tmp_path: Path) -> None:
    await written(tmp_path)
    for key in ("e", "d", "D"):
        async with face(mesh(*NODES), config_dir=tmp_path) as it:
            await it.press("/", *"web1", "enter", key)
            await it.read()
            assert any("a rule of the control plane" in line for line in it.notices()), key


async def test_a_control_plane_has_no_form_and_its_table_in_the_file_is_named(tmp_path: Path) -> None:
    await written(tmp_path)
    async with face(mesh(*NODES), config_dir=tmp_path) as it:
        await it.press("g", "e")
        await until_said(it, "office is a control plane: edit its [[control_plane]] in")


async def test_an_age_is_that_of_now_in_whole_units() -> None:
    gone = replace(WEB2, last_seen=NOW - 17.6)
    async with face(mesh(gone)) as it:
        await open_list(it)
        assert " 17 s " in f"{listed(it)[0]} "
        it.app.clock = lambda: NOW + 4.0
        assert isinstance(it.app.screen, NodesScreen)
        it.app.screen.reload()
        await it.read()
        assert " 21 s " in f"{listed(it)[0]} "


async def test_columns_that_no_control_plane_fills_make_room_for_the_others() -> None:
    async with face(mesh(replace(LAPTOP, tags=("tag:ada",))), size=(112, 24)) as it:
        await open_list(it)
        assert "tag:ada 10.1.0.0/16" in listed(it)[0]
        assert "handshake" not in shown(it, "columns")
        assert "version" not in shown(it, "columns")
    async with face(mesh(*NODES), size=(140, 24)) as it:
        await open_list(it)
        assert "version" in shown(it, "columns")
