"""Help for each stage of a check: what it does, and what proves that it passed."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.stage import (
    API,
    AUTHENTICATE,
    BACKEND,
    DELETE,
    DIRECT,
    FETCH,
    HANDSHAKE,
    KEEPALIVE,
    KEY_EXCHANGE,
    PUSH_REPLY,
    REACH,
    RELAYS,
    RESET,
    RESOLVE,
    SA_INIT,
    TLS,
    TUNNEL,
    UDP,
    WEBSOCKET,
)

STAGE_HELP: Mapping[str, str] = {
    RESOLVE: "The name of the endpoint has an address. An endpoint that is an address needs no lookup.",
    REACH: (
        "Packets reach the server: anything that it sent back proves it, an ICMP error too. Silence leaves "
        "it not known."
    ),
    RESET: "The server answered the first packet of a session with the right key.",
    TLS: "The TLS handshake completed, and the certificate of the server is the expected one.",
    WEBSOCKET: "The server accepted the upgrade to WebSocket on the path of the link.",
    HANDSHAKE: "The server responded to the handshake.",
    SA_INIT: "The server accepted a proposal of IKE_SA_INIT and sent its key share and nonce.",
    KEY_EXCHANGE: "The server sent its part of the key material.",
    AUTHENTICATE: "The response authenticated with the keys configured here.",
    PUSH_REPLY: "The server sent the addresses and options of the tunnel.",
    TUNNEL: "Data came back through the tunnel from every inner address and service that must answer.",
    FETCH: "A request through the tunnel got the expected answer.",
    UDP: "A DNS query through the server over UDP was answered.",
    DIRECT: "The same page answers without the server, so that page and uplink work.",
    KEEPALIVE: "A keepalive of the server arrived through the tunnel.",
    API: "The API accepted the token, and answered every request in a form that is known.",
    BACKEND: "Its database, broker and other parts work, as far as the control plane reports them.",
    RELAYS: "The relays that servers.toml names answer in their own protocol: DERP, STUN or that of NetBird.",
    DELETE: "The server confirmed the end of the session that this check opened.",
}
