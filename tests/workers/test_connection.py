"""Frames between the writer and a worker: whole, in order, and nothing that is damaged."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import pytest

from wgmon_tui.workers.connection import MAX_FRAME_BYTES, BadFrameError, FrameConnection, FrameKind


@dataclass
class End:
    """One end of a connection, and what it got."""

    frames: list[tuple[FrameKind, bytes]] = field(default_factory=list)
    lost: list[BadFrameError | None] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_frame(self, kind: FrameKind, content: bytes) -> None:
        self.frames.append((kind, content))
        self.changed.set()

    def on_lost(self, error: BadFrameError | None) -> None:
        self.lost.append(error)
        self.changed.set()

    async def connect(self, sock: socket.socket) -> FrameConnection:
        _, connection = await asyncio.get_running_loop().create_unix_connection(
            lambda: FrameConnection(self.on_frame, self.on_lost), sock=sock
        )
        return connection

    async def has(self, frames: int = 0, lost: int = 0) -> None:
        async with asyncio.timeout(30):
            while len(self.frames) < frames or len(self.lost) < lost:
                self.changed.clear()
                await self.changed.wait()


async def test_frames_arrive_whole_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = End(), End()
    sending, receiving = await sender.connect(ours), await receiver.connect(theirs)
    sent = [(FrameKind.RESTORE, bytes([number]) * number * 997) for number in range(200)]
    for frame in sent:
        sending.send(*frame)
    await receiver.has(frames=len(sent))
    assert receiver.frames == sent
    sending.close()
    await receiver.has(lost=1)
    assert receiver.lost == [None]
    receiving.close()


async def test_results_are_gathered_in_one_frame_until_another_is_sent() -> None:
    ours, theirs = socket.socketpair()
    sending, receiver = await End().connect(ours), End()
    await receiver.connect(theirs)
    for number in (1, 2):
        sending.gather(FrameKind.CHECKED, [number, []])
    await asyncio.sleep(0)
    assert receiver.frames == []
    sending.send(FrameKind.STATUS, b"now")
    await receiver.has(frames=2)
    assert receiver.frames == [(FrameKind.CHECKED, b"[[1,[]],[2,[]]]"), (FrameKind.STATUS, b"now")]
    sending.gather(FrameKind.CHECKED, "alone")
    await receiver.has(frames=3)
    assert receiver.frames[2] == (FrameKind.CHECKED, b'["alone"]')
    sending.close()


async def test_a_result_of_the_last_moment_is_sent_before_the_end() -> None:
    ours, theirs = socket.socketpair()
    sending, receiver = await End().connect(ours), End()
    await receiver.connect(theirs)
    sending.gather(FrameKind.CHECKED, 1)
    sending.close()
    await receiver.has(lost=1)
    assert receiver.frames == [(FrameKind.CHECKED, b"[1]")]


async def test_what_was_sent_before_the_end_arrives() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = End(), End()
    sending = await sender.connect(ours)
    await receiver.connect(theirs)
    sending.send(FrameKind.FAILED, b"why")
    sending.close()
    await receiver.has(frames=1, lost=1)
    assert receiver.frames == [(FrameKind.FAILED, b"why")]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ((MAX_FRAME_BYTES + 1).to_bytes(4, "little") + b"\x04", "a frame of"),
        (b"\0\0\0\0\xff", "unknown kind 255"),
    ],
    ids=["too-long", "unknown"],
)
async def test_damage_ends_the_connection(sent: bytes, reason: str) -> None:
    ours, theirs = socket.socketpair()
    receiver = End()
    await receiver.connect(theirs)
    with ours:
        ours.sendall(sent)
        await receiver.has(lost=1)
    [error] = receiver.lost
    assert reason in str(error)
    assert receiver.frames == []
