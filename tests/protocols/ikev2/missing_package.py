"""What becomes of a server where the package `cryptography` is missing. Imports it neither."""

from __future__ import annotations

from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.targets import join_servers


def problem() -> str:
    """The line of the only server."""
    server = Server("fra1", Endpoint("fra1", 500), protocol="ikev2", protocol_settings=Ikev2Settings())
    return join_servers([server], {}).problems["fra1"]
