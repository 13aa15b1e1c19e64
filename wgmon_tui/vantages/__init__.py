"""The far end of a vantage: `wgmon-tui agent`, what it says over its line, and who goes on when that is cut.

What sshd starts is a thin relay; the checks are made by a keeper, a process of its own that outlives it.
"""
