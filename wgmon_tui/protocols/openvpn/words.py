"""What screens and pages say about OpenVPN: verdicts, experiments and terms."""

from __future__ import annotations

from wgmon_tui.checks.protocol import Experiment, GlossaryTerm
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp

_PROTOCOL_PAGE = "openvpn.net/community-resources/openvpn-protocol"

VERDICT_HELP = {
    Verdict.HEALTHY: VerdictHelp(
        "The server answered the reset, its certificate is the expected one, and it accepted the login. "
        "Echoes came back through the tunnel. Between two checks of all stages, the reset alone runs.",
        "Nothing.",
        "The login was accepted, and data came back through the tunnel.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The reset or the echoes took longer than `slow` in servers.toml; the summary says which.",
        "Ping the same address. Ping slow too: the path. Only data slow: a queue or a rate limit.",
    ),
    Verdict.LOSSY: VerdictHelp(
        "Some echoes through the tunnel got no answer, or known loss explains that the reset got none.",
        "Look at the path: run a ping of the server for a minute.",
    ),
    Verdict.UNPROVEN: VerdictHelp(
        "The server answered the reset. The login was not tested, because `dedicated` is not set or openvpn "
        "of this machine uses the profile; or no inner address is known that must answer. Or the login "
        "works, and crl-verify has no list that says whether a certificate of the server is revoked.",
        "Make a certificate for wgmon-tui alone, and set dedicated = true.",
        "The server answers, but the login, the tunnel or a revocation was not tested.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "A keepalive of the server arrived through the tunnel, but no echo came back from the inner address.",
        "Look at the firewall of the server, and at the machine with that address.",
        "The tunnel carries data, but the inner address does not answer.",
    ),
    Verdict.MTU_BLACKHOLE: VerdictHelp(
        "Small echoes came back through the tunnel, large ones did not, several times.",
        "On the server, set mssfix and tun-mtu to what passes.",
    ),
    Verdict.DATA_DEAD: VerdictHelp(
        "The server accepted the login and assigned an address, but nothing came back through the tunnel.",
        "On the server: sysctl net.ipv4.ip_forward, and the firewall for packets that leave the tunnel.",
        "The login passes, but nothing comes back through the tunnel.",
    ),
    Verdict.BAD_CERTIFICATE: VerdictHelp(
        "OpenSSL or the profile does not accept the certificate of the server: date, authority, name or use. "
        "Or that of the client is out of date, as the server or its clock says too.",
        "Run: openssl x509 -noout -dates -subject -issuer -in FILE. Compare it with verify-x509-name.",
        "The server answers, but its certificate is not accepted, or that of this client is out of date.",
    ),
    Verdict.AUTH_FAILED: VerdictHelp(
        "The server answered AUTH_FAILED, sent a TLS alert, or ended the session when it had the certificate "
        "of the client. Over UDP it does that without a word; other resets, small and large, show that the "
        "path works.",
        "Look for VERIFY ERROR and AUTH in the log of the server.",
        "The server answers, but refuses this client: its certificate, its user or its password.",
    ),
    Verdict.CIPHER_MISMATCH: VerdictHelp(
        "TLS failed before it had a version and a cipher suite, or no cipher of the data channel is allowed "
        "on both sides.",
        "Compare tls-version-min, tls-cipher and data-ciphers of both sides.",
        "The server answers, but both sides have no TLS version, cipher suite or data cipher in common.",
    ),
    Verdict.SESSION_REFUSED: VerdictHelp(
        "The server exchanged keys and refused no credentials, but sent no PUSH_REPLY, one without an "
        "address, or ended the session, also while data flows.",
        "Look for the address pool and for scripts in the log of the server.",
        "The server refuses no credentials, but gives this client no tunnel.",
    ),
    Verdict.PSK_MISMATCH: VerdictHelp(
        "Packets of OpenVPN came back, but they do not authenticate with the key of tls-auth or tls-crypt.",
        "Compare that key of the profile with the one of the server.",
        "The server answers with another tls-auth or tls-crypt key.",
    ),
    Verdict.PORT_CLOSED: VerdictHelp(
        "The server itself refused the TCP connection, or answered that nothing listens on this UDP port.",
        "On the server: look whether openvpn runs, and with which proto and port.",
    ),
    Verdict.SILENT: VerdictHelp(
        "No answer to the reset. A server does not answer packets that it cannot authenticate. So a wrong "
        "key looks like a stopped server, and over TCP like a connection that is closed. Experiments try "
        "other wrappings, directions, digests and transports.",
        "Try the causes in their order, likeliest first.",
    ),
    Verdict.WRONG_PROTOCOL: VerdictHelp(
        "Bytes came back, but they are no packet of OpenVPN, or what they carry is not TLS.",
        "On the server: ss -lntup. Look which program has that port.",
        "Something answers on that port, but it does not speak OpenVPN.",
    ),
}

EXPERIMENTS = (
    Experiment(
        "another transport",
        "sends the same reset over TCP instead of UDP, or the other way round",
        "an answer proves that the server speaks the other one on this port",
    ),
    Experiment(
        "another wrapping",
        "sends the reset without tls-auth or tls-crypt, and with the key of one used as the other",
        "an answer proves what the server expects",
    ),
    Experiment(
        "another remote",
        "sends the reset to other remotes of the profile, with the same key",
        "an answer proves that the key is right, and that this server alone is silent",
    ),
    Experiment(
        "a small and a large reset",
        "after a login that the server left without an answer: a reset, and one of the longest packet's size",
        "an answer proves that the path works, also for large packets, so that the server ended the session",
    ),
    Experiment(
        "any TLS",
        "begins TLS with every version and cipher suite, after the server left the first message without an "
        "answer",
        "an answer proves that both sides have no version or cipher suite in common",
    ),
    Experiment(
        "another direction or digest",
        "signs the reset with the other key-direction, and with other digests of auth",
        "an answer proves which line of the profile is wrong",
    ),
)

GLOSSARY = (
    GlossaryTerm("reset", "The first packet of an OpenVPN session, and the server's answer.", _PROTOCOL_PAGE),
    GlossaryTerm(
        "tls-auth, tls-crypt, tls-crypt-v2",
        "A key that signs, or also encrypts, the control packets. A server answers nothing without it.",
        "openvpn(8)",
    ),
    GlossaryTerm(
        "key-direction",
        "Which half of a tls-auth key signs what this side sends: 0 on the server, 1 on the client.",
        "openvpn(8)",
    ),
    GlossaryTerm(
        "control channel, data channel",
        "The packets of a session that carry TLS, and those that carry the packets of the tunnel.",
        _PROTOCOL_PAGE,
    ),
    GlossaryTerm(
        "exit notification",
        "The last message of a client. The server then frees its address in seconds, not after ping-restart.",
        "openvpn(8)",
    ),
    GlossaryTerm(
        "push reply",
        "The addresses, routes and options that the server assigns to a client.",
        "openvpn(8)",
    ),
    GlossaryTerm(
        "dedicated profile",
        "A profile whose certificate only wgmon-tui uses, so that its logins disconnect nobody.",
    ),
)
