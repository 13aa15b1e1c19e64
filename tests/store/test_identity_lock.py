"""Identity lock: one check at a time of a server with an identity, across processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.targets import INITIATION_SPACING_S, Target
from wgmon_tui.store.identity_lock import IdentityLocks

CLIENT = PrivateKey.generate()
SERVER = PrivateKey.generate().public


def target(name: str = "fra1", client: PrivateKey = CLIENT) -> Target:
    key = SERVER if name == "fra1" else PrivateKey.generate().public
    return Target(Server(name, Endpoint("127.0.0.1", 9), key, "bastion"), client)


HOLD = f"""
import asyncio, sys
from pathlib import Path
from tests.store.test_identity_lock import IdentityLocks, PrivateKey, Server, Endpoint, Target
from wgmon_tui.config.keys import PublicKey

async def hold():
    key = PublicKey.from_text("{SERVER}")
    server = Server("fra1", Endpoint("127.0.0.1", 9), key, "bastion")
    held = Target(server, PrivateKey.from_text(sys.stdin.readline()))
    async with IdentityLocks(Path(sys.argv[1])).hold(held):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


def holding_process(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{CLIENT.to_text()}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


async def is_free(locks: IdentityLocks, wanted: Target) -> bool:
    locks.wait_limit_s = 0.0
    async with locks.hold(wanted) as is_held:
        return is_held


async def test_another_process_cannot_check_the_same_server_with_the_same_identity(tmp_path: Path) -> None:
    process = holding_process(tmp_path)
    try:
        assert not await is_free(IdentityLocks(tmp_path), target())
    finally:
        kill(process)


async def test_the_kernel_releases_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    kill(holding_process(tmp_path))
    assert await is_free(IdentityLocks(tmp_path), target())


@pytest.mark.thorough
async def test_a_wait_names_the_other_process_and_the_identity(tmp_path: Path) -> None:
    process = holding_process(tmp_path)
    locks, said = IdentityLocks(tmp_path), asyncio.Queue[str]()
    locks.on_wait = said.put_nowait

    async def hold() -> bool:
        async with locks.hold(target()) as is_held:
            return is_held

    waiting = asyncio.create_task(hold())
    try:
        async with asyncio.timeout(10):
            line = await said.get()
    finally:
        kill(process)
    assert line == f"waiting: another wgmon-tui (pid {process.pid}) uses identity bastion"
    assert await waiting
    assert said.empty()


async def test_two_locks_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    first, second = IdentityLocks(tmp_path), IdentityLocks(tmp_path)
    async with first.hold(target()) as is_held:
        assert is_held
        assert not await is_free(second, target())
    assert await is_free(second, target())


@pytest.mark.parametrize(
    "other", [target("ams1"), target(client=PrivateKey.generate())], ids=["server", "identity"]
)
async def test_another_server_and_another_identity_do_not_wait(tmp_path: Path, other: Target) -> None:
    async with IdentityLocks(tmp_path).hold(target()):
        assert await is_free(IdentityLocks(tmp_path), other)


async def test_a_check_keeps_the_servers_least_time_from_that_of_another_prober(tmp_path: Path) -> None:
    async with IdentityLocks(tmp_path).hold(target()):
        ended = time.monotonic()  # before the release: this process may wait for the processor after it
    async with IdentityLocks(tmp_path).hold(target()):
        assert time.monotonic() - ended >= INITIATION_SPACING_S * 0.9


async def test_without_a_directory_to_write_in_checks_run_without_a_lock(tmp_path: Path) -> None:
    assert await is_free(IdentityLocks(tmp_path / "absent"), target())


async def test_the_file_shows_no_key_and_is_private(tmp_path: Path) -> None:
    async with IdentityLocks(tmp_path).hold(target()):
        pass
    [file] = await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(CLIENT.public)[:8] not in file.name
    assert CLIENT.public.raw not in file.read_bytes()


async def test_closing_releases_the_locks(tmp_path: Path) -> None:
    locks = IdentityLocks(tmp_path)
    async with locks.hold(target()):
        locks.close()
        assert await is_free(IdentityLocks(tmp_path), target())
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(next(iter(locks._files.values()), -1))


async def test_a_check_that_is_cancelled_while_it_keeps_the_least_time_releases_the_lock(
    tmp_path: Path,
) -> None:
    locks = IdentityLocks(tmp_path)
    async with locks.hold(target()):
        pass
    waiting = asyncio.create_task(is_free(locks, target()))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await is_free(IdentityLocks(tmp_path), target())
