"""Tests of the configuration watcher: servers.toml and config.toml are edited while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.daemon.harness import CLIENT, IDENTITY, quick_server, text_of, until, write_config
from wgmon_tui.config.models import Fleet, SecretForm, SecretSource
from wgmon_tui.config.servers_file import update
from wgmon_tui.daemon.config_watcher import ConfigWatcher, LoadedConfig, load_config

FRA1, AMS1 = quick_server("fra1"), quick_server("ams1")


class ReloadRecorder:
    """A running watcher, and the configurations it passed on."""

    def __init__(self, config: Path) -> None:
        self.recorder: list[LoadedConfig] = []
        self.reload = ConfigWatcher(config, load_config(config), self.recorder.append)

    @property
    def names(self) -> list[str]:
        return [server.name for server in self.recorder[-1].fleet.servers] if self.recorder else []


@asynccontextmanager
async def watching(config: Path) -> AsyncIterator[ReloadRecorder]:
    recorder = ReloadRecorder(config)
    running = asyncio.create_task(recorder.reload.run())
    try:
        yield recorder
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_edit_takes_effect_within_a_second(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    async with watching(tmp_path) as it:
        (tmp_path / "servers.toml").write_text(text_of(FRA1, AMS1))
        assert await until(lambda: it.names == ["fra1", "ams1"]) < 1.0
    assert len(it.recorder) == 1


async def test_an_edit_made_before_anybody_looked_is_found(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    recorder = ReloadRecorder(tmp_path)
    write_config(tmp_path, FRA1, AMS1)
    running = asyncio.create_task(recorder.reload.run())
    await until(lambda: recorder.names == ["fra1", "ams1"])
    running.cancel()


async def test_nonsense_changes_nothing_and_one_line_says_what_and_where_until_it_is_mended(
    tmp_path: Path,
) -> None:
    write_config(tmp_path, FRA1)
    async with watching(tmp_path) as it:
        (tmp_path / "servers.toml").write_text(text_of(FRA1).replace('"1s"', '"soon"'))
        await until(lambda: it.reload.trouble)
        assert it.reload.trouble == (
            'servers.toml: server "fra1": key interval: expected a duration such as "10s", got "soon"; '
            "the last valid configuration stays in force"
        )
        assert it.recorder == []
        (tmp_path / "servers.toml").write_text(text_of(FRA1, AMS1))
        await until(lambda: it.names == ["fra1", "ams1"])
        assert it.reload.trouble is None


async def test_a_file_that_is_gone_or_empty_for_a_moment_drops_no_server(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    async with watching(tmp_path) as it:
        (tmp_path / "servers.toml").unlink()
        await until(lambda: it.reload.trouble)
        assert (
            it.reload.trouble
            == "servers.toml: the file is missing; the last valid configuration stays in force"
        )
        (tmp_path / "servers.toml").touch(0o600)
        await until(
            lambda: (
                it.reload.trouble
                == "servers.toml: the file is empty; the last valid configuration stays in force"
            )
        )
        (tmp_path / "servers.toml").write_text(text_of(FRA1))
        await until(lambda: it.reload.trouble is None)
    assert it.recorder == []


async def test_a_key_that_becomes_readable_is_taken_without_an_edit(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    (tmp_path / "bastion.key").chmod(0o644)
    async with watching(tmp_path) as it:
        assert "chmod 600" in load_config(tmp_path).targets.problems["fra1"]
        (tmp_path / "bastion.key").chmod(0o600)
        await until(lambda: it.recorder)
        assert it.recorder[-1].targets.problems == {}


async def test_a_command_that_prints_a_secret_is_asked_again_only_when_that_is_wanted(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    asked = tmp_path / "asked"
    command = ("sh", "-c", f"echo >> {asked}; cat {tmp_path / 'bastion.key'}")
    identity = replace(IDENTITY, private_key=SecretSource(SecretForm.COMMAND, command))
    update(tmp_path, lambda _: Fleet((FRA1,), (identity,)))
    async with watching(tmp_path) as it:
        update(tmp_path, lambda fleet: replace(fleet, servers=(FRA1, AMS1)))
        await until(lambda: it.names == ["fra1", "ams1"])
        assert it.recorder[-1].keyring.private_key("bastion") == CLIENT
        assert asked.read_text() == "\n"
        await it.reload.reload_now()
        assert asked.read_text() == "\n\n"


async def test_config_toml_takes_effect_as_well(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    async with watching(tmp_path) as it:
        (tmp_path / "config.toml").write_text("[viewer]\ntake_over = true\n")
        await until(lambda: it.recorder and it.recorder[-1].config.take_over)
        (tmp_path / "config.toml").write_text("[viewer]\ntake_ovr = true\n")
        await until(lambda: it.reload.trouble)
        assert it.reload.trouble
        assert it.reload.trouble.startswith("config.toml: viewer: key take_ovr: unknown; did you mean")
