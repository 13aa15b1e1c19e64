"""A read-only viewer: it follows the store, sends no request, and never becomes the writer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, running, until, write_config
from tests.daemon.viewer_harness import at_work
from tests.parameters import default_run
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.daemon.role import RoleManager
from wgmon_tui.monitor.controller import FleetController

REQUESTS: tuple[Callable[[FleetController], None], ...] = (
    lambda viewer: viewer.recheck(["ams1"]),
    lambda viewer: viewer.pause(["ams1"], True),
    lambda viewer: viewer.mute(["ams1"], 2e9),
    lambda viewer: viewer.mute(["ams1"], None),
    lambda viewer: viewer.acknowledge(["ams1"]),
    lambda viewer: viewer.add_note("incident", "text"),
    lambda viewer: viewer.test_sink("chat"),
    lambda viewer: viewer.retry_alert(1),
    lambda viewer: viewer.acknowledge_alerts("chat"),
)


def viewer_in(tmp_path: Path) -> RoleManager:
    return RoleManager(tmp_path / "config", tmp_path / "state", read_only=True)


def paths(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*"))


async def test_it_follows_a_writer_and_refuses_every_request(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    writer = RoleManager(tmp_path / "config", tmp_path / "state")
    async with at_work(writer):
        viewer = viewer_in(tmp_path)
        async with at_work(viewer):
            await until(
                lambda: viewer.status.startswith("read only · written by") and viewer.fleet_state.states
            )
            for request in REQUESTS:
                request(viewer)
                await until(lambda: viewer.warning)
                assert "refused: this dashboard is read only, so" in (viewer.warning or "")
            assert not viewer.can_become_writer
            assert not writer.fleet_state.states["ams1"].paused


async def test_it_creates_nothing_where_nothing_was_stored(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    before = paths(tmp_path)
    async with viewer_in(tmp_path).following_store():
        pass
    assert paths(tmp_path) == before


@pytest.mark.parametrize("taken_over_elsewhere", default_run([True], [False, True]))
async def test_it_stays_a_viewer_after_the_writer_has_ended(
    tmp_path: Path, taken_over_elsewhere: bool
) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    (tmp_path / "config" / "config.toml").write_text("[viewer]\ntake_over = true\n")
    with running(tmp_path / "config", tmp_path / "state") as program:
        viewer = viewer_in(tmp_path)
        async with at_work(viewer):
            await until(
                lambda: viewer.status.startswith("read only · written by") and viewer.fleet_state.states
            )
            program.signal(signal.SIGKILL)
            await until(lambda: viewer.outage)
            viewer.become_writer()
            assert viewer.status == "read only · nobody is checking"
            assert viewer.outage is not None
            assert viewer.outage.remedy == "Read only: this dashboard does not check."
            assert (viewer.engine, viewer.can_become_writer) == (None, False)
            assert "ams1" in viewer.fleet_state.states
            if taken_over_elsewhere:
                async with at_work(RoleManager(tmp_path / "config", tmp_path / "state")):
                    await until(lambda: viewer.outage is None)


def test_a_directory_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    (tmp_path / "state").mkdir()
    with pytest.raises(ConfigurationError, match="state"):
        viewer_in(tmp_path)
