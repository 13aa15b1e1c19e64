"""The OpenVPN servers of the demo: a healthy one, one with another key, and one whose certificate expired."""

from __future__ import annotations

from wgmon_tui.config.models import SecretForm, SecretSource, Server
from wgmon_tui.lab.openvpn.certificates import LabAuthority, make_static_key, write_profile
from wgmon_tui.lab.openvpn.server import OpenVpnLabMode, OpenVpnLabServer, OpenVpnLabSetup
from wgmon_tui.protocols.openvpn.settings import NAME, OpenVpnSettings

_INTERVAL_S, _TIMEOUT_S, _EVERY_S = 2.0, 1.5, 10.0
_SERVERS = (
    ("ovpn-zrh1", OpenVpnLabMode.HEALTHY, 0.009),
    ("ovpn-prg1", OpenVpnLabMode.WRONG_KEY, 0.014),
    ("ovpn-dub1", OpenVpnLabMode.EXPIRED, 0.021),
)


class OpenVpnDemo:
    """These servers and their entries. The constructor binds the ports. Raises OSError."""

    def __init__(self) -> None:
        authority = LabAuthority()
        client = authority.issue_client("bastion")
        self._labs: list[OpenVpnLabServer] = []
        servers = []
        for name, mode, latency in _SERVERS:
            key = make_static_key()
            setup = OpenVpnLabSetup(authority, name=f"{name}.example", static_key=key, latency=latency)
            lab = OpenVpnLabServer(setup, mode)
            self._labs.append(lab)
            profile = SecretSource(SecretForm.INLINE, write_profile(lab.endpoint, authority, client, key))
            servers.append(
                Server(
                    name,
                    lab.endpoint,
                    tunnel=False,
                    tunnel_every=_EVERY_S,
                    tags=("eu", NAME),
                    interval=_INTERVAL_S,
                    timeout=_TIMEOUT_S,
                    protocol=NAME,
                    protocol_settings=OpenVpnSettings(profile, dedicated=True),
                )
            )
        self.servers = tuple(servers)

    async def start(self) -> None:
        """Start to answer."""
        for lab in self._labs:
            await lab.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        for lab in self._labs:
            await lab.stop()
