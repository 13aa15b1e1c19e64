"""The name of REALITY, for code that needs nothing else of it."""

from __future__ import annotations

REALITY = "reality"

VERIFIED = "REALITY: the server has the private key"
"""The detail of the stage `tls`, if it passed."""
