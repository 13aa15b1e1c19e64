"""Where scapy can be asked for its opinion: it wants the C library of the system that it runs on."""

from __future__ import annotations

import os
import warnings
from functools import cache
from types import ModuleType

import pytest

STANDS_IN = bool(os.environ.get("TEST_AS_SYSTEM"))
"""Whether Linux stands in for another system: scapy then looks for a C library that is not there."""

REASON = "scapy looks for the C library of the system that Linux stands in for"

needs_scapy = pytest.mark.skipif(STANDS_IN, reason=REASON)


@cache
def scapy_ikev2() -> ModuleType:
    """The layers of IKEv2. Every process of the run collects the tests, and one or two of them need scapy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from scapy.contrib import ikev2
    return ikev2
