"""Help for each stage of a check: what it does, and what proves that it passed."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.stage import (
    AUTHENTICATE,
    DELETE,
    FETCH,
    HANDSHAKE,
    REACH,
    RESOLVE,
    SA_INIT,
    TUNNEL,
)

STAGE_HELP: Mapping[str, str] = {
    RESOLVE: "The name of the endpoint has an address. An endpoint that is an address needs no lookup.",
    REACH: (
        "Packets reach the server: anything that it sent back proves it, an ICMP error too. Silence leaves "
        "it not known."
    ),
    HANDSHAKE: "The server responded to the handshake.",
    SA_INIT: "The server accepted a proposal of IKE_SA_INIT and sent its key share and nonce.",
    AUTHENTICATE: "The response authenticated with the keys configured here.",
    TUNNEL: "Data came back through the tunnel from every inner address and service that must answer.",
    FETCH: "A request through the tunnel got the expected answer.",
    DELETE: "The server confirmed the end of the session that this check opened.",
}
