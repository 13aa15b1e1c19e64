"""The agent's daemon under its earlier name.

During an upgrade, a running bridge of an earlier version starts `python -m wgmon_tui.service.agent.keeper` and
finds this version's files.
"""

from __future__ import annotations

import sys

from wgmon_tui.vantages.agent.daemon import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
