"""The failures of IKEv2 that the matrix plays on Debian's strongSwan, and what the check must say of each."""

from __future__ import annotations

from tests.real.ikev2 import certificate_rows, healthy_rows, path_rows, refused_rows

ROWS = (*healthy_rows.ROWS, *refused_rows.ROWS, *certificate_rows.ROWS, *path_rows.ROWS)
QUICK = ("preshared key", "wrong preshared key")
"""Rows of the default run."""
