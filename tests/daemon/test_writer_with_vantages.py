"""Tests of a complete writer with vantages: config.toml, reports, and what viewers show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import healthy, quick_server, until, write_config
from tests.daemon.viewer_harness import at_work, writer_of
from tests.vantages.harness import agent_command, agent_pid, ending_agent
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.daemon.writer import Writer


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    write_config(tmp_path / "there")
    with ending_agent(tmp_path / "there-state"):
        yield agent_command(tmp_path / "there", tmp_path / "there-state")


def name_vantages(tmp_path: Path, **commands: tuple[str, ...]) -> None:
    (tmp_path / "config" / "config.toml").write_text(
        "".join(
            f'[[vantage]]\nname = "{name}"\ncommand = {[*command]}\n' for name, command in commands.items()
        ).replace("'", '"')
    )


async def test_vantages_come_and_go_with_config_toml_and_viewers_see_how_they_are(
    tmp_path: Path, agent: tuple[str, ...]
) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        writer, viewer = writer_of(tmp_path), Viewer(tmp_path / "state")
        async with at_work(writer), at_work(viewer):
            server_state = writer.fleet_state.states["fra1"]
            assert not writer.vantages
            name_vantages(tmp_path, nyc=agent, lax=("no-such-program",))
            await until(lambda: server_state.vantage_states)
            nyc, lax = writer.vantages
            assert (nyc.name, nyc.connected, lax.connected) == ("nyc", True, False)
            assert server_state.vantage_states["nyc"].verdict.slug == "healthy"
            assert "vantage lax: cannot start no-such-program: No such file or directory" in writer.warnings
            await until(lambda: [each.name for each in viewer.vantages if each.connected] == ["nyc"])
            name_vantages(tmp_path)
            await until(lambda: not writer.vantages and not server_state.vantage_states)
            await until(lambda: not viewer.vantages)


@pytest.mark.thorough
async def test_a_server_that_is_paused_here_rests_there_too(tmp_path: Path, agent: tuple[str, ...]) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1, quick_server("ams1"))
        name_vantages(tmp_path, nyc=agent)
        writer = writer_of(tmp_path)
        async with at_work(writer):
            fra, ams = writer.fleet_state.states["fra1"], writer.fleet_state.states["ams1"]
            await until(lambda: fra.vantage_states and ams.vantage_states)
            writer.pause(["fra1"], True)
            await until(lambda: ams.vantage_states["nyc"].at > fra.vantage_states["nyc"].at + 2.5)


@pytest.mark.thorough
async def test_a_writer_that_starts_again_takes_no_report_twice(
    tmp_path: Path, agent: tuple[str, ...]
) -> None:
    async with healthy("fra1") as (_, fra1):
        write_config(tmp_path / "config", fra1)
        name_vantages(tmp_path, nyc=agent)
        writer = writer_of(tmp_path)
        taken = numbers_of(writer)
        async with at_work(writer):
            await until(lambda: len(taken) >= 2)
        again = writer_of(tmp_path)
        numbers = numbers_of(again)
        async with at_work(again):
            await until(lambda: numbers)
        assert agent_pid(tmp_path / "there-state")
        assert numbers[0] == taken[-1] + 1


def numbers_of(writer: Writer) -> list[int]:
    """The numbers of the reports that a writer records from now on."""
    numbers: list[int] = []
    writer.engine.vantage_reports.listen(
        lambda _, __, report: numbers.append(report.number) if report else None
    )
    return numbers
