"""Rows of the matrix of IKEv2: what works."""

from __future__ import annotations

from collections.abc import Sequence

from tests.real.ikev2.row import (
    MODERN,
    OLD,
    ONE_ESP,
    Row,
    client_by_certificate,
    client_by_password,
    client_by_secret,
)
from tests.real.ikev2.world import SIGNATURES, by_certificate, by_password, by_secret, only_by_secret
from wgmon_tui.checks.verdict import Verdict

ROWS: Sequence[Row] = (
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
        client_by_secret(more=f"proposals = {MODERN}"),
        Verdict.HEALTHY,
        works=True,
        conf=only_by_secret(MODERN),
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
    Row(
        "an old group on both sides",
        by_secret(more=f'proposals = ["{OLD}"]'),
        client_by_secret(more=f"proposals = {OLD}"),
        Verdict.HEALTHY,
        works=True,
        conf=only_by_secret(OLD),
    ),
    Row(
        "an ESP algorithm that the client does not prefer",
        by_secret(more='esp_proposals = ["aes128gcm16", "aes256-sha256"]'),
        client_by_secret(child="esp_proposals = aes128gcm16,aes256-sha256"),
        Verdict.HEALTHY,
        works=True,
        conf=only_by_secret(child=f"local_ts = 0.0.0.0/0\n {ONE_ESP}"),
        tunnel=True,
        ping="10.77.2.2",
    ),
    Row("cookies demanded", by_secret(), client_by_secret(), Verdict.UNDER_LOAD, works=True, cookie=True),
)
