"""The incident view of a viewer, over a store that a real writer has left."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Static

from tests.daemon.harness import quick_server, until, write_config
from tests.daemon.viewer_harness import at_work, writer_of
from tests.tui.key_presses import press, read, settle
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE
from wgmon_tui.tui.app import WgmonApp
from wgmon_tui.tui.incident.screen import IncidentScreen
from wgmon_tui.tui.server.hex_view import HexView

_SINK = '[[sink]]\nname = "oncall"\ntype = "command"\ncommand = ["true"]\n'


async def test_a_viewer_shows_packets_and_alerts_after_the_writer_has_ended(tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    write_config(config, quick_server("ams1"))
    (config / "config.toml").write_text(_SINK)
    history = History(state / STORE)
    writer = writer_of(tmp_path)
    async with at_work(writer):
        await until(lambda: writer.fleet_state.states["ams1"].incident)
        incident = writer.fleet_state.states["ams1"].incident
        assert incident
        await until(lambda: history.exchanges("ams1", incident=incident.id))
    app = WgmonApp(Viewer(state), title="viewer", open_history=lambda: history, state_dir=state)
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "I")
        await read(app, pilot)
        await press(pilot, "enter")
        await read(app, pilot)
        assert isinstance(app.screen, IncidentScreen)
        words = str(app.screen.query_one("#words", Static).content)
        assert "✖ port-closed" in words
        assert "nothing listens" in words
        assert "oncall" in words
        await press(pilot, "tab")
        check = app.screen.query_one(HexView).check
        assert check
        assert check.exchange
