"""Sockets in directories whose path is longer than a socket address."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from wgmon_tui.net.platforms import PLATFORM
from wgmon_tui.net.unix_socket import NAME, bindable_path, serve


@pytest.mark.skipif(not PLATFORM.has_descriptor_paths, reason="no path by a descriptor")
async def test_a_socket_is_served_though_another_file_has_the_descriptor_of_its_directory(
    tmp_path: Path,
) -> None:
    state = tmp_path / ("long" * 40)
    state.mkdir()
    listening = socket.socket(socket.AF_UNIX)
    with bindable_path(state) as bound:
        listening.bind(bound)
    other = os.open(os.devnull, os.O_RDONLY)
    assert other == int(Path(bound).parent.name)
    try:
        accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        async with await serve(listening, lambda _, writer: accepted.set_result(writer), limit=1024):
            with socket.socket(socket.AF_UNIX) as client, bindable_path(state) as path:
                client.connect(path)
                (await accepted).close()
    finally:
        listening.close()
        os.close(other)
    assert (state / NAME).is_socket()
