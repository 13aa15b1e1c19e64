"""The end of a writer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, until, write_config
from tests.daemon.viewer_harness import writer_of
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.net.unix_socket import NAME


async def test_a_second_cancellation_leaves_neither_the_store_nor_the_lock_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    writer = writer_of(tmp_path)
    assert writer._control
    is_closing, close = asyncio.Event(), writer._control.close

    async def close_slowly() -> None:
        await close()
        is_closing.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(writer._control, "close", close_slowly)
    running = asyncio.create_task(writer.run())
    await until((tmp_path / "state" / NAME).exists)
    running.cancel()
    await is_closing.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    WriterLock.acquire(tmp_path / "state").release()
