"""Worker processes of one writer, for `wgmon-tui run --workers N`: checks on more than one core.

The writer owns the schedule, the fleet state, the store, the alerts and every socket for other programs. A
worker has the probers: it gets a server's name and returns its checks. docs/workers.md has the design.
"""
