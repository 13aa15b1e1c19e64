"""Load servers: many healthy servers in one process, for benchmarks of the prober.

Each has its own key, because the prober limits the rate per peer and identifies servers by key.
"""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from multiprocessing.connection import Connection

from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Endpoint

INNER_ADDRESS = ip_address("10.255.0.1")
"""The inner address at which every load server answers echoes."""

_SHARED_ADDRESS = "127.0.0.1"
_FIRST_OWN_ADDRESS = IPv4Address("127.1.0.1")
_PORT = 51820
"""Of servers with addresses of their own; the others have any free port."""

_RESERVED_FILES = 64  # standard streams, the pipe, the event loop


@dataclass(frozen=True, slots=True)
class LoadServers:
    """The endpoint and public key of each load server."""

    servers: tuple[tuple[Endpoint, PublicKey], ...]


@contextmanager
def run_load_servers(
    size: int, clients: tuple[PublicKey, ...], *, own_addresses: bool = False
) -> Iterator[LoadServers]:
    """Run `size` healthy servers that admit `clients`, in a child process on 127.0.0.1.

    With `own_addresses`, each has another address, from 127.1.0.1 on, and the port that is usual for
    WireGuard. Linux has all of 127.0.0.0/8 on its loopback interface; other systems do not.

    Raises OSError if the system does not allow that many sockets per process, or lacks an address.
    """
    spawn = multiprocessing.get_context("spawn")
    parent_end, child_end = spawn.Pipe()
    process = spawn.Process(
        target=_serve, args=(child_end, size, clients, own_addresses), name="wgmon-lab-crowd", daemon=True
    )
    process.start()
    child_end.close()
    try:
        answer = _receive_result(parent_end)
        if isinstance(answer, OSError):
            raise answer
        yield answer
    finally:
        parent_end.close()  # closing the pipe ends the process
        process.join()


def _receive_result(pipe: Connection) -> LoadServers | OSError:
    try:
        answer = pipe.recv()
    except EOFError:
        return OSError("the load server process ended before its servers listened")
    if isinstance(answer, LoadServers | OSError):
        return answer
    raise TypeError(type(answer).__name__)


def _serve(pipe: Connection, size: int, clients: tuple[PublicKey, ...], own_addresses: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the benchmark process
    asyncio.run(_serve_until_closed(pipe, size, clients, own_addresses))


async def _serve_until_closed(
    pipe: Connection, size: int, clients: tuple[PublicKey, ...], own_addresses: bool
) -> None:
    peers = tuple(LabPeer(client, (ip_network("10.0.0.0/8"),)) for client in clients)
    servers: list[LabServer] = []
    try:
        _allow_open_files(size + _RESERVED_FILES)
        for number in range(size):
            host, port = (str(_FIRST_OWN_ADDRESS + number), _PORT) if own_addresses else (_SHARED_ADDRESS, 0)
            setup = LabSetup(PrivateKey.generate(), peers, (INNER_ADDRESS,))
            server = LabServer(setup, host=host, port=port)
            servers.append(server)
            await server.start()
    except OSError as error:
        pipe.send(error)
    else:
        pipe.send(LoadServers(tuple((server.endpoint, server.public_key) for server in servers)))
        await _wait_until_closed(pipe)
    finally:
        for server in servers:
            await server.stop()


def _allow_open_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and count > hard:
        raise OSError(errno.EMFILE, f"{count} open files needed, {hard} allowed (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and count > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


async def _wait_until_closed(pipe: Connection) -> None:
    """Wait until the other end of the pipe is closed; nothing is ever sent through it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(pipe.fileno(), ended.set)
    await ended.wait()
    loop.remove_reader(pipe.fileno())
