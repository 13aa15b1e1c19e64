"""Checks from other machines over SSH: the protocol, the agent there and the collector in the writer.

sshd starts `wgmon-tui agent`, which only copies bytes. The agent daemon runs the checks. It is a separate
process that continues when the connection ends.
"""
