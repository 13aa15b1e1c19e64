"""The app with a failing sample fleet in the current terminal. The key `L` raises an exception."""

from __future__ import annotations

import sys

from tests.tui.sample_fleet import bad_night
from wgmon_tui.tui.app import WgmonApp


class Crashing(WgmonApp):
    def action_low_bandwidth(self) -> None:
        raise RuntimeError("a fault that nobody thought of")


if __name__ == "__main__":
    app = Crashing(bad_night(), title="crashing")
    app.run()
    sys.exit(app.return_code)
