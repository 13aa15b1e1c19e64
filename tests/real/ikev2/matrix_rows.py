"""The rows of the failure matrix of IKEv2: what is broken, and what wgmon-tui must say about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.real.ikev2.world import (
    MONITOR,
    PASSWORD,
    SECRET,
    SERVER,
    SIGNATURES,
    by_certificate,
    by_password,
    by_secret,
    configuration,
    only_by_secret,
)
from wgmon_tui.checks.verdict import Verdict


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
    secret: str = SECRET, local_id: str = MONITOR, *, remote_id: str = "%any", more: str = ""
) -> str:
    """The connection of a client with a preshared key."""
    return _client(
        f"local {{ auth = psk\n id = {local_id} }}\n remote {{ auth = psk\n id = {remote_id} }}\n {more}",
        f'ike-own {{ id = {local_id}\n secret = "{secret}" }}',
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


def _client(connection: str, secret: str = "") -> str:
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
      start_action = none }} }}
  }}
}}
secrets {{ {secret} }}
"""


_NO_FRAGMENTS = "fragmentation = no"
_LARGE_DROPPED = "ip frag-off & 0x1fff != 0 drop"
_MODERN = "aes256gcm16-prfsha384-ecp384"
_OLD = "aes128-sha1-modp1536"


HEALTHY: Sequence[Row] = (
    Row("preshared key", by_secret(), client_by_secret(), Verdict.HEALTHY, works=True),
    *(
        Row(
            f"{kind} certificate",
            by_certificate(kind),
            client_by_certificate(kind),
            Verdict.HEALTHY,
            works=True,
        )
        for kind in SIGNATURES
    ),
    Row("EAP-MSCHAPv2", by_password(), client_by_password(), Verdict.HEALTHY, works=True),
    Row(
        "the server wants another group",
        by_secret(more='proposals = ["aes256gcm16-prfsha384-curve25519-ecp384"]'),
        client_by_secret(more=f"proposals = {_MODERN}"),
        Verdict.HEALTHY,
        works=True,
        conf=only_by_secret(_MODERN),
    ),
    Row(
        "data through the tunnel",
        by_secret(),
        client_by_secret(),
        Verdict.HEALTHY,
        "Data came back",
        works=True,
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row(
        "ESP with HMAC-SHA-1 alone",
        by_secret(),
        client_by_secret(),
        Verdict.HEALTHY,
        works=True,
        conf=only_by_secret(child="local_ts = 0.0.0.0/0\n esp_proposals = aes256-sha1"),
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row(
        "no CHILD_SA inside of IKE_AUTH",
        by_secret(),
        client_by_secret(more="childless = force"),
        Verdict.UNPROVEN,
        "only after IKE_AUTH",
        works=True,
        conf=only_by_secret(pool="inner\n childless = force"),
        tunnel=True,
        ping="10.77.2.2",
        proven=True,
    ),
    Row("cookies demanded", by_secret(), client_by_secret(), Verdict.UNDER_LOAD, works=True, cookie=True),
)

REFUSED: Sequence[Row] = (
    Row(
        "wrong preshared key",
        by_secret("wrong"),
        client_by_secret("wrong"),
        Verdict.AUTH_FAILED,
        "another preshared key",
        "authenticate",
    ),
    Row(
        "unknown identity",
        by_secret(local_id="nobody.test"),
        client_by_secret(local_id="nobody.test"),
        Verdict.AUTH_FAILED,
        "for nobody.test",
        "authenticate",
    ),
    Row(
        "wrong remote_id",
        by_secret(more='remote_id = "other.test"'),
        client_by_secret(remote_id="other.test"),
        Verdict.AUTH_FAILED,
        f"the server is {SERVER}",
        "authenticate",
        proven=True,
    ),
    Row(
        "preshared key where EAP is wanted",
        by_secret(local_id=f"eap.{MONITOR}"),
        client_by_secret(local_id=f"eap.{MONITOR}"),
        Verdict.AUTH_FAILED,
        "wants EAP",
        "authenticate",
        proven=True,
    ),
    Row(
        "wrong EAP password",
        by_password("wrong"),
        client_by_password("wrong"),
        Verdict.AUTH_FAILED,
        "the password of",
        "authenticate",
    ),
    Row(
        "no proposal in common",
        by_secret(more=f'proposals = ["{_MODERN}"]'),
        client_by_secret(more=f"proposals = {_MODERN}"),
        Verdict.CIPHER_MISMATCH,
        "the server accepts aes128-sha1",
        "sa-init",
        conf=only_by_secret("aes128-sha1-modp2048"),
        proven=True,
    ),
    Row(
        "no proposal in common, and a group that wgmon-tui lacks",
        by_secret(more=f'proposals = ["{_MODERN}"]'),
        client_by_secret(more=f"proposals = {_MODERN}"),
        Verdict.CIPHER_MISMATCH,
        "modp1536",
        "sa-init",
        conf=only_by_secret(_OLD),
        proven=True,
    ),
    Row(
        "no address left in the pool",
        by_secret(),
        client_by_secret(),
        Verdict.SESSION_REFUSED,
        "pool of addresses",
        "tunnel",
        conf=only_by_secret(pool="absent"),
        tunnel=True,
        ping="10.77.2.2",
    ),
)

CERTIFICATES: Sequence[Row] = (
    Row(
        "expired certificate of the server",
        by_secret(
            local_id=f"expired.{MONITOR}", more=f'ca_file = "ecdsa-ca.pem"\nremote_id = "expired.{SERVER}"'
        ),
        client_by_secret(local_id=f"expired.{MONITOR}", remote_id=f"expired.{SERVER}").replace(
            "remote { auth = psk", "remote { auth = pubkey"
        ),
        Verdict.BAD_CERTIFICATE,
        "expired at",
        "authenticate",
    ),
    Row(
        "expired certificate of the client",
        by_certificate("ecdsa").replace("ecdsa.pem", "expired.pem").replace("ecdsa.key", "expired.key"),
        client_by_certificate("ecdsa").replace("ecdsa-client.pem", "expired-client.pem"),
        Verdict.BAD_CERTIFICATE,
        "the certificate of this check is not valid",
        "authenticate",
    ),
    Row(
        "revoked certificate of the server",
        by_secret(
            local_id=f"revoked.{MONITOR}",
            more=f'ca_file = "ecdsa-ca.pem"\ncrl_file = "ecdsa.crl"\nremote_id = "revoked.{SERVER}"',
        ),
        client_by_secret(local_id=f"revoked.{MONITOR}", remote_id=f"revoked.{SERVER}").replace(
            "remote { auth = psk", "remote { auth = pubkey"
        ),
        Verdict.BAD_CERTIFICATE,
        f"revoked.{SERVER} of the server is revoked",
        "authenticate",
        proven=True,
    ),
    Row(
        "a revocation list that does not name the server",
        by_certificate("ecdsa") + 'crl_file = "ecdsa.crl"\n',
        client_by_certificate("ecdsa"),
        Verdict.HEALTHY,
        works=True,
    ),
    Row(
        "a revocation list that has expired",
        by_certificate("ecdsa") + 'crl_file = "old.crl"\n',
        client_by_certificate("ecdsa"),
        Verdict.MISCONFIGURED,
        "the revocation list has expired",
        "authenticate",
        works=True,
    ),
    Row(
        "a revocation list of another authority",
        by_certificate("ecdsa") + 'crl_file = "rsa.crl"\n',
        client_by_certificate("ecdsa"),
        Verdict.UNPROVEN,
        f"whether CN=ecdsa.{SERVER} is revoked",
        works=True,
        proven=True,
    ),
    Row(
        "local_id that the client's certificate does not name",
        by_certificate("ecdsa").replace(f'local_id = "ecdsa.{MONITOR}"', 'local_id = "other.test"'),
        client_by_certificate("ecdsa").replace(f"id = ecdsa.{MONITOR}", "id = other.test"),
        Verdict.AUTH_FAILED,
        "does not name other.test",
        "authenticate",
    ),
    Row(
        "certificate of an unknown authority",
        by_certificate("rsa", authority="ecdsa"),
        client_by_certificate("rsa", authority="ecdsa"),
        Verdict.BAD_CERTIFICATE,
        "rsa authority",
        "authenticate",
    ),
    Row(
        "certificate of another name",
        by_certificate("rsa", remote_id=f"ecdsa.{SERVER}"),
        client_by_certificate("rsa", remote_id=f"ecdsa.{SERVER}"),
        Verdict.AUTH_FAILED,
        f"the server is rsa.{SERVER}",
        "authenticate",
        proven=True,
    ),
)

PATH: Sequence[Row] = (
    Row(
        "server stopped",
        by_secret(),
        client_by_secret(),
        Verdict.PORT_CLOSED,
        "stopped",
        "sa-init",
        stopped=True,
    ),
    Row(
        "all packets dropped",
        by_secret(),
        client_by_secret(),
        Verdict.SILENT,
        "a firewall",
        "sa-init",
        rule="udp dport { 500, 4500 } drop",
    ),
    Row(
        "port 500 dropped",
        by_secret(),
        client_by_secret(),
        Verdict.SILENT,
        "drops UDP port 500",
        "sa-init",
        rule="udp dport 500 drop",
        proven=True,
    ),
    Row(
        "port 4500 dropped",
        by_secret(),
        client_by_secret(),
        Verdict.SILENT,
        "drops UDP port 4500",
        "authenticate",
        rule="udp dport 4500 drop",
        proven=True,
    ),
    Row(
        "port 4500 rejected",
        by_secret(),
        client_by_secret(),
        Verdict.UNREACHABLE,
        "rejects UDP port 4500",
        "authenticate",
        rule="udp dport 4500 reject with icmpx admin-prohibited",
    ),
    Row(
        "fragments dropped",
        by_certificate("rsa"),
        client_by_certificate("rsa", more=_NO_FRAGMENTS),
        Verdict.SILENT,
        "fragments of large IKE_AUTH",
        "authenticate",
        rule=_LARGE_DROPPED,
        mtu=900,
        conf=configuration().replace("version = 2", f"version = 2\n    {_NO_FRAGMENTS}"),
    ),
    Row(
        "ESP in UDP dropped",
        by_secret(),
        client_by_secret(),
        Verdict.DATA_DEAD,
        "10.77.2.2",
        "tunnel",
        works=True,
        rule="udp dport 4500 @th,64,32 != 0 drop",
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row(
        "the server assigns an address that its selectors exclude",
        by_secret(),
        client_by_secret(),
        Verdict.DATA_DEAD,
        "an inner address that its traffic selectors exclude",
        "tunnel",
        conf=only_by_secret(child="local_ts = 0.0.0.0/0\n remote_ts = 10.44.0.0/16"),
        tunnel=True,
        ping="10.77.2.2",
        proven=True,
    ),
    Row(
        "no ESP algorithm in common",
        by_secret(),
        client_by_secret(),
        Verdict.CIPHER_MISMATCH,
        "esp_proposals of the child",
        "tunnel",
        conf=only_by_secret(child="local_ts = 0.0.0.0/0\n esp_proposals = 3des-md5"),
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row(
        "a certificate of the server, and no authority for it",
        by_secret(local_id=f"long.{MONITOR}"),
        client_by_secret(local_id=f"long.{MONITOR}", remote_id=f"long.{SERVER}").replace(
            "remote { auth = psk", "remote { auth = pubkey"
        ),
        Verdict.MISCONFIGURED,
        "no ca_file is set",
        "authenticate",
        works=True,
        proven=True,
    ),
    Row(
        "only algorithms that wgmon-tui lacks",
        by_secret(),
        client_by_secret(more="proposals = 3des-md5-modp1024"),
        Verdict.UNPROVEN,
        "which wgmon-tui does not have",
        "sa-init",
        works=True,
        conf=only_by_secret("3des-md5-modp1024"),
        proven=True,
    ),
    Row(
        "nothing comes back through the tunnel",
        by_secret(),
        client_by_secret(),
        Verdict.DATA_DEAD,
        "10.99.7.7",
        "tunnel",
        works=True,
        tunnel=True,
        ping="10.99.7.7",
    ),
)

ROWS = (*HEALTHY, *REFUSED, *CERTIFICATES, *PATH)
QUICK = ("preshared key", "wrong preshared key")
"""Rows of the default run."""
