"""Kill test of the dispatcher with repeated kill -9: `python -m tests.alerts.kill_loop [SEED]`.

A child process sends the events in the store to two sinks, and is killed at a random moment. Then the next
child continues. In the end each sink must have got every message, in order per incident, and must have heard
of each certificate that ends. A duplicate must have the same id.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random

from tests.alerts.outbox_harness import OutboxHarness, all_to
from tests.store.engine_updates import Clock
from wgmon_tui.alerts import outbox
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.models import Announcement, RetryError
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.alerts.sinks import Send
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.config.alerting import DAY_S, Sink, SinkType
from wgmon_tui.store.write.batch import Batch

LIVES = 40
SERVERS = 30
"""Number of incidents that open and close in each store during the kills."""


def main() -> int:
    """Run the test. Raises AssertionError."""
    random = Random(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as directory:
        state_dir, got = Path(directory), Path(directory, "got")
        harness = OutboxHarness(state_dir, all_to("pager", "chat"), Clock(time.time()))
        for number in range(SERVERS):
            ends = Expires("server certificate", "", harness.clock.now + DAY_S * number)
            harness.write(Batch(new_expiries={f"fra{number}": (ends,)}))
            incident = harness.opens(f"fra{number}", f"10.0.{number}.7")
            harness.closes(incident, f"10.0.{number}.7")
            if number % 3 == 0:
                _live_and_be_killed(state_dir, got, random.random() * 0.06)
        for _ in range(LIVES - SERVERS // 3):
            _live_and_be_killed(state_dir, got, random.random() * 0.06)
        _live_and_be_killed(state_dir, got, 20.0, until_done=True)
        lines = got.read_text().splitlines()
        for sink in ("pager", "chat"):
            mine = [line.split(" ", 3)[1:] for line in lines if line.startswith(sink)]
            ids = list({one: (kind, servers) for one, kind, servers in mine}.values())
            for number in range(SERVERS):
                said = [kind for kind, servers in ids if f"fra{number}" in servers.split(",")]
                assert sorted(said) == ["expiry", "opened", "recovered"], (sink, number, said)
                assert said.index("opened") < said.index("recovered"), (sink, number, said)
        assert harness.query("SELECT DISTINCT state FROM deliveries") == [("sent",)]
        harness.close()
    return 0


def _live_and_be_killed(state_dir: Path, got: Path, seconds: float, *, until_done: bool = False) -> None:
    """Run a dispatcher in a child process, and kill it after this time."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_tell(state_dir, got, until_done=until_done))
        finally:
            os._exit(0 if until_done else 1)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert until_done, status
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status == signal.SIGKILL, f"the child ended by itself: {status}"
    assert not until_done, "it did not come to an end"


async def _tell(state_dir: Path, got: Path, *, until_done: bool) -> None:
    file = os.open(got, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    random = Random()
    outbox.EXPIRY_GROUPING_S = 0.0

    def sender(_: SinkType) -> Send:
        def send(sink: Sink, announcement: Announcement, __: Mapping[str, str]) -> None:
            if random.random() < 0.02:
                raise RetryError("HTTP 503", 0.0)
            servers = ",".join(announcement.servers)
            os.write(
                file, f"{sink.name} {announcement.id} {announcement.kind.split()[0]} {servers}\n".encode()
            )

        return send

    dispatcher = Dispatcher(state_dir, ResolvedSinks(all_to("pager", "chat")), send=sender, random=random)
    telling = asyncio.create_task(dispatcher.run())
    if not until_done:
        await telling
    while _pending(state_dir):  # noqa: ASYNC110  nobody tells us
        await asyncio.sleep(0.02)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


def _pending(state_dir: Path) -> bool:
    with closing(sqlite3.connect(state_dir / "history.db")) as connection:
        return bool(connection.execute(_LEFT).fetchone()[0])


_LEFT = """SELECT (SELECT count(*) FROM deliveries WHERE state = 'pending') + (SELECT count(*) FROM outbox
    WHERE id > ifnull((SELECT value FROM facts WHERE name = 'alerts_read'), 0))
    + (SELECT 2 * count(*) FROM expiries) - (SELECT count(*) FROM expiry_notices)"""


if __name__ == "__main__":
    sys.exit(main())
