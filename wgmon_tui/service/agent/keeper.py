"""The agent's daemon under its earlier name.

During an upgrade, a running bridge of an earlier version starts `python -m wgmon_tui.service.agent.keeper`.
It finds the files of this version.
"""

from __future__ import annotations

import sys

from wgmon_tui.vantages.agent.daemon import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
