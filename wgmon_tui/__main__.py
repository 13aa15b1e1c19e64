"""`python -m wgmon_tui`, for systems without the script directory on PATH."""

import sys

from wgmon_tui.cli.main import main

sys.exit(main())
