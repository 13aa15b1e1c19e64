"""The demo in the current terminal. The key `L` raises an exception, whose message has a secret."""

from __future__ import annotations

import sys

from wgmon_tui.cli.main import main
from wgmon_tui.tui.app import WgmonApp


def _fail(_app: WgmonApp) -> None:
    raise RuntimeError("a fault with the token hunter2")


if __name__ == "__main__":
    WgmonApp.action_low_bandwidth = _fail  # type: ignore[method-assign, assignment]
    sys.argv = ["wgmon-tui", "demo"]
    sys.exit(main())
