"""Rows of the matrix of IKEv2: certificates and revocation lists."""

from __future__ import annotations

from collections.abc import Sequence

from tests.real.ikev2.row import Row, client_by_certificate, client_by_secret
from tests.real.ikev2.world import MONITOR, SERVER, by_certificate, by_secret
from wgmon_tui.checks.verdict import Verdict

ROWS: Sequence[Row] = (
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
