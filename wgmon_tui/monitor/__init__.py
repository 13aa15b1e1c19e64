"""The monitoring engine: schedule, damping, incidents, quorum, and the current state of the fleet.

Depends on no user interface and no store.
"""
