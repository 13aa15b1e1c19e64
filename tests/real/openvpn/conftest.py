from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.namespaces import namespace
from tests.real.prerequisites import require


@pytest.fixture
def place() -> Iterator[str]:
    """A namespace for a server of OpenVPN and its clients."""
    require("openvpn", "ip", root=True)
    with namespace("o") as name:
        yield name
