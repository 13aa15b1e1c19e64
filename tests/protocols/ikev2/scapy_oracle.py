"""Where scapy can be asked for its opinion: it wants the C library of the system that it runs on."""

from __future__ import annotations

import os

import pytest

STANDS_IN = bool(os.environ.get("TEST_AS_SYSTEM"))
"""Whether Linux stands in for another system: scapy then looks for a C library that is not there."""

REASON = "scapy looks for the C library of the system that Linux stands in for"

needs_scapy = pytest.mark.skipif(STANDS_IN, reason=REASON)
