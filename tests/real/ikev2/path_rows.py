"""Rows of the matrix of IKEv2: the server, the path, and what passes through the tunnel."""

from __future__ import annotations

from collections.abc import Sequence

from tests.real.ikev2.row import Row, client_by_certificate, client_by_secret
from tests.real.ikev2.world import MONITOR, SERVER, by_certificate, by_secret, configuration, only_by_secret
from wgmon_tui.checks.verdict import Verdict

_NO_FRAGMENTS = "fragmentation = no"
_LARGE_DROPPED = "ip frag-off & 0x1fff != 0 drop"

ROWS: Sequence[Row] = (
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
