"""Rows of the matrix of IKEv2: identities, secrets, algorithms and addresses that the server refuses."""

from __future__ import annotations

from collections.abc import Sequence

from tests.real.ikev2.row import MODERN, OLD, ONE_ESP, Row, client_by_password, client_by_secret
from tests.real.ikev2.world import MONITOR, SERVER, by_password, by_secret, only_by_secret
from wgmon_tui.checks.verdict import Verdict

ROWS: Sequence[Row] = (
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
        by_secret(more=f'proposals = ["{MODERN}"]'),
        client_by_secret(more=f"proposals = {MODERN}"),
        Verdict.CIPHER_MISMATCH,
        "the server accepts aes128-sha1",
        "sa-init",
        conf=only_by_secret("aes128-sha1-modp2048"),
        proven=True,
    ),
    Row(
        "a client that has old groups alone, such as Windows by itself",
        by_secret(more='proposals = ["aes256-sha1-modp1024", "aes256-sha384-modp1024"]'),
        client_by_secret(more="proposals = aes256-sha1-modp1024,aes256-sha384-modp1024"),
        Verdict.CIPHER_MISMATCH,
        "which proposals of servers.toml lack",
        "sa-init",
        conf=only_by_secret("aes256-sha384-ecp384"),
        proven=True,
    ),
    Row(
        "no ESP algorithm in common with what clients offer",
        by_secret(more='esp_proposals = ["aes128gcm16"]'),
        client_by_secret(child="esp_proposals = aes128gcm16"),
        Verdict.CIPHER_MISMATCH,
        "esp_proposals of the child on the server and those of servers.toml",
        "tunnel",
        conf=only_by_secret(child=f"local_ts = 0.0.0.0/0\n {ONE_ESP}"),
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row(
        "no proposal in common, and an old group on the server",
        by_secret(more=f'proposals = ["{MODERN}"]'),
        client_by_secret(more=f"proposals = {MODERN}"),
        Verdict.CIPHER_MISMATCH,
        "modp1536",
        "sa-init",
        conf=only_by_secret(OLD),
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
