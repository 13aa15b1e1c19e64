from __future__ import annotations

import asyncio
import multiprocessing
import sys

import pytest

from tests.lab.client import Client
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.lab.load_servers import LoadServers, run_load_servers
from wgmon_tui.protocols.wireguard.session import Session

CLIENT = PrivateKey.generate()


async def handshakes(found: LoadServers) -> list[Session]:
    clients = [Client(endpoint, CLIENT, public_key) for endpoint, public_key in found.servers]
    try:
        return await asyncio.gather(*(client.handshake() for client in clients))
    finally:
        for client in clients:
            client.__exit__()


def test_every_server_of_a_crowd_completes_a_handshake() -> None:
    with run_load_servers(50, (CLIENT.public,)) as found:
        assert len(set(found.servers)) == 50
        assert len(asyncio.run(handshakes(found))) == 50


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_every_server_of_a_crowd_can_have_an_address_of_its_own() -> None:
    with run_load_servers(300, (CLIENT.public,), own_addresses=True) as found:
        assert len({endpoint.host for endpoint, _ in found.servers}) == 300
        assert {endpoint.port for endpoint, _ in found.servers} == {51820}
        assert len(asyncio.run(handshakes(found))) == 300


def test_the_process_of_a_crowd_ends_with_its_context() -> None:
    with run_load_servers(1, (CLIENT.public,)):
        assert len(multiprocessing.active_children()) == 1
    assert not multiprocessing.active_children()


def test_a_crowd_larger_than_the_limit_of_open_files_says_so() -> None:
    with pytest.raises(OSError, match="open files needed"), run_load_servers(10**12, (CLIENT.public,)):
        pytest.fail("no process has that many files")
