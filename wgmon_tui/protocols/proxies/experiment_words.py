"""The experiments of the proxy protocols in words."""

from __future__ import annotations

from wgmon_tui.checks.protocol import Experiment

OF_ALL = (
    Experiment(
        "further connections",
        "the same request five times more",
        "the path or the server refuses some connections, not all",
    ),
    Experiment(
        "wrong secret",
        "the same request with a secret that nobody knows",
        "whether the server treats the secret of the link in another way than a wrong one",
    ),
    Experiment(
        "plain HTTP",
        "without TLS and transport: a request of HTTP to the port itself",
        "a web server listens there, or a proxy behind WebSocket or gRPC",
    ),
    Experiment(
        "TLS",
        "without TLS: a ClientHello to the port itself",
        "the server has TLS, and the link has none",
    ),
)
OF_STREAMS = (
    *OF_ALL,
    Experiment(
        "names of the certificate",
        "TLS with each name in the certificate",
        "the name in TLS (sni) is wrong",
    ),
    Experiment(
        "another name in TLS",
        "if TLS does not begin: TLS with a name that nobody has a reason to block",
        "the path blocks the name in TLS (sni) of the link, or the server passes it on to a stopped proxy",
    ),
    Experiment(
        "REALITY",
        "REALITY with the names of the imitated site, without a short id, with other client versions, with "
        "X25519 alone, and with shifted timestamps",
        "the name (sni) or the short id (sid) is wrong, the server refuses the version or the time, or it "
        "cannot follow its site",
    ),
    Experiment("other paths", "the upgrade to WebSocket on similar paths", "the path is wrong"),
    Experiment(
        "no transport",
        "the same request without WebSocket, HTTP Upgrade or gRPC",
        "the link has a transport that the server does not have",
    ),
)
OTHER_FLOW = Experiment(
    "the other flow", "the same request with Vision, or without it", "the user has another flow on the server"
)
OTHER_METHODS = Experiment("other methods", "the same password with each other method", "the method is wrong")
SHIFTED_CLOCK = Experiment(
    "shifted clock",
    "timestamps that are shifted by minutes and hours",
    "the clocks differ too much; the date of the pages tells whose is wrong",
)
