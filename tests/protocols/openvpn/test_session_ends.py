"""Sessions of a check: one at a time, and none left at the server."""

from __future__ import annotations

import asyncio

import pytest

from tests.daemon.harness import PATIENCE_S
from tests.protocols.openvpn.check_harness import check, lab
from wgmon_tui.lab.openvpn.session import LabSession
from wgmon_tui.protocols.openvpn.check import OpenVpnProber
from wgmon_tui.protocols.openvpn.tunnel_stage import DataChannelStage, TunnelResult


async def test_a_cancelled_check_ends_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the server would keep its address until ping-restart."""
    is_running = asyncio.Event()

    async def wait(_: DataChannelStage) -> TunnelResult:
        is_running.set()
        return await asyncio.Event().wait() and TunnelResult()

    monkeypatch.setattr(DataChannelStage, "run", wait)
    async with lab() as (server, target):
        running = asyncio.create_task(check(OpenVpnProber(), target, deep=True))
        await is_running.wait()
        assert server.sessions == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with asyncio.timeout(PATIENCE_S):
            await server.session_ended.wait()
    assert server.sessions == 0


async def test_a_check_that_is_cancelled_before_the_push_reply_ends_its_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server may have assigned an address already: EXIT goes through the control channel."""
    has_logged_in = asyncio.Event()

    def push_nothing(session: LabSession) -> None:
        session.has_pushed = True
        has_logged_in.set()

    monkeypatch.setattr(LabSession, "_push", push_nothing)
    async with lab() as (server, target):
        running = asyncio.create_task(check(OpenVpnProber(), target, deep=True))
        async with asyncio.timeout(PATIENCE_S):
            await has_logged_in.wait()
            assert server.sessions == 1
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            await server.session_ended.wait()
    assert server.sessions == 0


async def test_two_logins_with_one_certificate_take_turns() -> None:
    """At one address, each would end the session of the other."""
    prober = OpenVpnProber()
    most = 0
    async with lab() as (server, target):

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, server.sessions)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(check(prober, target, deep=True) for _ in range(3)))
        watching.cancel()

    assert most == 1
