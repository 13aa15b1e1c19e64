"""Tests of the configuration watcher: servers.toml and config.toml are edited while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, IDENTITY, quick_server, text_of, until, write_config
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Fleet, SecretForm, SecretSource
from wgmon_tui.config.secrets.private_files import create_private, replace_private
from wgmon_tui.config.servers_file import update
from wgmon_tui.daemon import config_watcher
from wgmon_tui.daemon.config_watcher import ConfigWatcher, LoadedConfig, load_config
from wgmon_tui.protocols.wireguard.targets import require_wireguard

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
            'servers.toml: line 12: server "fra1": key interval: expected a duration such as "10s", '
            'got "soon"; the last valid configuration stays in force'
        )
        assert it.recorder == []
        (tmp_path / "servers.toml").write_text(text_of(FRA1, AMS1))
        await until(lambda: it.names == ["fra1", "ams1"])
        assert it.reload.trouble is None


async def test_every_error_of_an_edit_is_told(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    async with watching(tmp_path) as it:
        (tmp_path / "servers.toml").write_text(text_of(FRA1) + "colour = 1\npaused = 1\n")
        await until(lambda: it.reload.troubles)
        first, second = it.reload.troubles
        assert first.endswith(" (and 1 more error); the last valid configuration stays in force")
        assert 'unknown setting "colour"' in first
        assert "key paused: expected true or false" in second


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


# Secrets on disk

PSK, NEXT_PSK = (PresharedKey(bytes([number]) * 32) for number in (1, 2))
WITH_PSK = replace(FRA1, preshared_key=SecretSource(SecretForm.FILE, "fra1.psk"))


def write_psk(config: Path, text: str = PSK.to_text()) -> Path:
    """Write the preshared key of a server whose entry names this file."""
    write_config(config, WITH_PSK)
    file = config / "fra1.psk"
    file.touch(0o600)
    file.write_text(text)
    return file


def psk_in_use(recorder: ReloadRecorder) -> PresharedKey | None:
    return recorder.recorder[-1].keyring.preshared_key("fra1") if recorder.recorder else None


async def test_a_rewritten_preshared_key_takes_effect_without_an_edit(tmp_path: Path) -> None:
    file = write_psk(tmp_path)
    async with watching(tmp_path) as it:
        file.write_text(NEXT_PSK.to_text())
        await until(lambda: psk_in_use(it) == NEXT_PSK)
        assert require_wireguard(it.recorder[-1].targets.ready["fra1"]).preshared_key == NEXT_PSK


async def test_a_replaced_private_key_takes_effect_without_an_edit(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    next_key = PrivateKey.generate()
    async with watching(tmp_path) as it:
        replace_private(tmp_path / "bastion.key", next_key.to_text())
        await until(lambda: it.recorder)
        assert it.recorder[-1].keyring.private_key("bastion") == next_key


async def test_a_symbolic_link_that_points_to_another_key_takes_effect(tmp_path: Path) -> None:
    file = write_psk(tmp_path)
    for name, key in (("1", PSK), ("2", NEXT_PSK)):
        (tmp_path / name).mkdir()
        create_private(tmp_path / name / "psk", key.to_text())
    (tmp_path / "current").symlink_to("1")
    file.unlink()
    file.symlink_to("current/psk")
    async with watching(tmp_path) as it:
        (tmp_path / "new").symlink_to("2")
        (tmp_path / "new").replace(tmp_path / "current")
        await until(lambda: psk_in_use(it) == NEXT_PSK)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: file.unlink(), "there is no file "),
        (lambda file: file.write_text(""), "is not a key: "),
        (lambda file: file.write_text(NEXT_PSK.to_text()[:20]), "is not a key: "),
        (lambda file: file.chmod(0o644), "others can read "),
        (lambda file: (file.unlink(), file.mkdir()), "is not a regular file"),
    ],
    ids=["missing", "empty", "half-written", "open-to-others", "directory"],
)
async def test_a_secret_file_that_cannot_be_read_keeps_its_last_good_key(
    tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    file = write_psk(tmp_path)
    async with watching(tmp_path) as it:
        damage(file)
        await until(lambda: it.reload.trouble)
        assert it.reload.trouble
        assert it.reload.trouble.startswith('servers.toml: server "fra1": key preshared_key_file: ')
        assert problem in it.reload.trouble
        assert it.reload.trouble.endswith("; the last good key stays in use")
        assert it.recorder == []
        # The key stays in use beside an edit, and whoever asks for a reload.
        update(tmp_path, lambda fleet: replace(fleet, servers=(*fleet.servers, AMS1)))
        await until(lambda: it.recorder)
        await it.reload.reload_now()
        assert psk_in_use(it) == PSK
        assert it.recorder[-1].targets.problems == {}


async def test_a_rewritten_key_takes_effect_beside_an_invalid_file(tmp_path: Path) -> None:
    file = write_psk(tmp_path)
    async with watching(tmp_path) as it:
        (tmp_path / "servers.toml").write_text("[[server")
        await until(lambda: it.reload.trouble)
        file.write_text(NEXT_PSK.to_text())
        await until(lambda: psk_in_use(it) == NEXT_PSK)
        assert it.reload.trouble
        assert it.reload.trouble.startswith("servers.toml: ")


async def test_a_secret_file_that_is_mended_takes_effect_and_ends_the_line(tmp_path: Path) -> None:
    file = write_psk(tmp_path)
    async with watching(tmp_path) as it:
        file.unlink()
        await until(lambda: it.reload.trouble)
        create_private(file, NEXT_PSK.to_text())
        await until(lambda: psk_in_use(it) == NEXT_PSK)
        assert it.reload.trouble is None


async def test_many_secret_files_are_looked_at_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_watcher, "_SECRETS_PER_POLL", 1)
    monkeypatch.setattr(config_watcher, "_POLL_INTERVAL_S", 0.01)
    file = write_psk(tmp_path)  # the second one: the private key is the first
    async with watching(tmp_path) as it:
        file.write_text(NEXT_PSK.to_text())
        await until(lambda: psk_in_use(it) == NEXT_PSK)
        file.write_text(PSK.to_text())
        await until(lambda: psk_in_use(it) == PSK)


async def test_a_secret_of_a_sink_takes_effect_without_an_edit(tmp_path: Path) -> None:
    write_config(tmp_path, FRA1)
    create_private(tmp_path / "pager.url", "https://example.net/1")
    (tmp_path / "config.toml").write_text(
        '[[sink]]\nname = "pager"\ntype = "webhook"\nurl_file = "pager.url"\n'
    )
    async with watching(tmp_path) as it:
        (tmp_path / "pager.url").write_text("https://example.net/2")
        await until(lambda: it.recorder)
        assert it.recorder[-1].orders.secrets == {"pager": {"url": "https://example.net/2"}}


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
        assert it.reload.trouble.startswith(
            'config.toml: line 2: viewer: unknown setting "take_ovr"; did you'
        )
