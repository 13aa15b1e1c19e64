"""`python -m wgmon_tui`, for systems without the script directory on PATH."""

import signal
import sys

# Until `main` handles signals, Ctrl+C ends the program without Python's traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from wgmon_tui.cli.main import main  # after the line above: imports take time

if __name__ == "__main__":
    sys.exit(main())
