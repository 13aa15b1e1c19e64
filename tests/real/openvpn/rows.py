"""The failures of OpenVPN that the matrix plays on Debian's server, and what the check must say of each."""

from __future__ import annotations

from tests.real.openvpn import data_rows, login_rows, reset_rows, server_certificate_rows, tls_rows

ROWS = (*reset_rows.ROWS, *server_certificate_rows.ROWS, *login_rows.ROWS, *data_rows.ROWS, *tls_rows.ROWS)
