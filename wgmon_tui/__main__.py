"""`python -m wgmon_tui`, for where no script directory is on the PATH."""

import sys

from wgmon_tui.cli.main import main

sys.exit(main())
