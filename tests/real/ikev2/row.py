"""A row of the failure matrix of IKEv2, and the connections of its real client."""

from __future__ import annotations

from dataclasses import dataclass

from tests.real.ikev2.world import MONITOR, PASSWORD, SECRET, SERVER
from wgmon_tui.checks.verdict import Verdict

MODERN = "aes256gcm16-prfsha384-ecp384"
OLD = "aes128-sha1-modp1536"
ONE_ESP = "esp_proposals = aes256-sha256"


@dataclass(frozen=True, slots=True)
class Row:
    """One failure. `client` is the connection of a real client with the same settings.

    `rule` is an nftables rule of the router on the path, `mtu` that of the client's link. `conf` is the
    server's swanctl.conf, `cookie` makes it demand cookies, `stopped` stops it. `cause` is a part of the
    first cause, or of the summary.
    """

    mode: str
    settings: str
    client: str
    verdict: Verdict
    cause: str = ""
    stage: str = ""
    works: bool = False
    rule: str = ""
    conf: str = ""
    cookie: bool = False
    stopped: bool = False
    tunnel: bool = False
    ping: str = ""
    mtu: int = 1500
    proven: bool = False

    def __str__(self) -> str:
        return self.mode


def client_by_secret(
    secret: str = SECRET,
    local_id: str = MONITOR,
    *,
    remote_id: str = "%any",
    more: str = "",
    child: str = "",
) -> str:
    """The connection of a client with a preshared key."""
    return _client(
        f"local {{ auth = psk\n id = {local_id} }}\n remote {{ auth = psk\n id = {remote_id} }}\n {more}",
        f'ike-own {{ id = {local_id}\n secret = "{secret}" }}',
        child,
    )


def client_by_certificate(kind: str, *, authority: str = "", remote_id: str = "", more: str = "") -> str:
    """The connection of a client with a certificate. It trusts the authorities that its directory has."""
    trusted = f"cacerts = {authority or kind}-authority.pem"
    return _client(
        f"local {{ auth = pubkey\n certs = {kind}-client.pem\n id = {kind}.{MONITOR} }}\n"
        f"remote {{ auth = pubkey\n {trusted}\n id = {remote_id or f'{kind}.{SERVER}'} }}\n {more}"
    )


def client_by_password(password: str = PASSWORD) -> str:
    """The connection of a client with EAP."""
    user = f"eap.{MONITOR}"
    return _client(
        f"local {{ auth = eap-mschapv2\n eap_id = {user}\n id = {user} }}\n"
        f"remote {{ auth = pubkey\n id = ecdsa.{SERVER} }}",
        f'eap-own {{ id = {user}\n secret = "{password}" }}',
    )


def _client(connection: str, secret: str = "", child: str = "") -> str:
    return f"""
connections {{
  own {{
    version = 2
    remote_addrs = 10.77.2.2
    encap = yes
    vips = 0.0.0.0
    keyingtries = 1
    {connection}
    children {{ net {{ remote_ts = 0.0.0.0/0
      {child}
      start_action = none }} }}
  }}
}}
secrets {{ {secret} }}
"""
