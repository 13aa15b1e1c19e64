"""Script: the first apprise message, which imports apprise, while another sink sends as well.

`python -m tests.alerts.apprise_first_import` prints how many seconds each one took, and the
longest time for which the event loop was blocked.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.alerts.http_receiver import Receiver, answer
from tests.alerts.outbox_harness import OutboxHarness
from wgmon_tui.alerts.dispatcher import Dispatcher
from wgmon_tui.alerts.resolved_sinks import ResolvedSinks
from wgmon_tui.config.alert_settings import AlertSettings
from wgmon_tui.config.alerting import Apprise, Sink, Webhook

_STEP_S = 0.005


async def main() -> None:
    alerts = AlertSettings((Sink("other", Apprise()), Sink("hook", Webhook())))
    with (
        Receiver(answer(200)) as slow,
        Receiver(answer(200)) as quick,
        TemporaryDirectory() as state,
    ):
        harness = OutboxHarness(Path(state), alerts)
        harness.clock.now = time.time()
        secrets = {
            "other": {"url": f"json://127.0.0.1:{slow.port}/"},
            "hook": {"url": f"http://127.0.0.1:{quick.port}/"},
        }
        telling = asyncio.create_task(Dispatcher(Path(state), ResolvedSinks(alerts, secrets)).run())
        assert "apprise" not in sys.modules
        harness.opens()
        began = before = time.monotonic()
        there: dict[str, float] = {}
        longest = 0.0
        while len(there) < 2:
            await asyncio.sleep(_STEP_S)
            now = time.monotonic()
            longest, before = max(longest, now - before - _STEP_S), now
            for name, receiver in (("apprise", slow), ("webhook", quick)):
                if receiver.heard:
                    there.setdefault(name, now - began)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        harness.close()
    print(json.dumps(there | {"held_up": longest}))


if __name__ == "__main__":
    asyncio.run(main())
