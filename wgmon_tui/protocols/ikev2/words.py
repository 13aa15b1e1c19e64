"""What screens and pages say about IKEv2: verdicts, experiments and terms."""

from __future__ import annotations

from wgmon_tui.checks.protocol import Experiment, GlossaryTerm
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp

VERDICT_HELP = {
    Verdict.HEALTHY: VerdictHelp(
        "The server proved its identity in IKE_AUTH, and accepted that of the check. With tunnel = true, "
        "data came back through the CHILD_SA. Between two full checks, IKE_SA_INIT alone runs.",
        "Nothing.",
        "Both sides are authenticated, and data came back through the tunnel (not with tunnel = false).",
    ),
    Verdict.UNDER_LOAD: VerdictHelp(
        "The server demanded a cookie, and completed the session with it.",
        "On the server, look for sessions that are half open: swanctl --stats.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The answer to IKE_SA_INIT took longer than `slow` in servers.toml.",
        "Ping the same address. Ping slow too: the path. If not: the processor of the server.",
        "The server works, but its first answer took longer than this server's limit.",
    ),
    Verdict.UNPROVEN: VerdictHelp(
        "The server answers IKE_SA_INIT. IKE_AUTH was not tested, because servers.toml has no credentials or "
        "`dedicated` is not set; or no inner address is known that must answer. Or the session works, and "
        "crl_file has no list that says whether a certificate of the server is revoked. Or the server "
        "refuses the default proposals, which may not be those of its clients.",
        "Make an identity for wgmon-tui alone, and set dedicated = true. Set tunnel_ping.",
        "The server answers, but its identity, the tunnel or a revocation was not tested.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "The tunnel carries data, but an address of tunnel_ping does not answer.",
        "Check the machine at that inner address, and its route back to the server.",
    ),
    Verdict.DATA_DEAD: VerdictHelp(
        "The session is up with a CHILD_SA, but no echo came back through it.",
        "On the server: sysctl net.ipv4.ip_forward, and the firewall for packets that leave the tunnel.",
        "Both sides are authenticated, but nothing comes back through the tunnel.",
    ),
    Verdict.PSK_MISMATCH: VerdictHelp(
        "The server accepted the check, but its own proof does not fit the preshared key or the password.",
        "Find out which machine answers at that address.",
        "The server answers, but did not prove that it knows the same secret.",
    ),
    Verdict.AUTH_FAILED: VerdictHelp(
        "The server answered IKE_AUTH with AUTHENTICATION_FAILED, or ended EAP. It does not say why.",
        "On the server, read the log of the IKE daemon: it names the reason.",
        "The server answers, but refuses the identity, the secret or the certificate of this client.",
    ),
    Verdict.BAD_CERTIFICATE: VerdictHelp(
        "The certificate in the server's answer to IKE_AUTH did not verify: its dates, its authority, its "
        "names or its signature.",
        "On the server: swanctl --list-certs. Compare dates, issuer and names.",
        "The server answers, but its certificate does not prove that it is the right one.",
    ),
    Verdict.CIPHER_MISMATCH: VerdictHelp(
        "The server answered NO_PROPOSAL_CHOSEN. A query then offered every algorithm that has a name, and "
        "the evidence has what the server would accept.",
        "Compare `proposals` of both sides: swanctl --list-conns.",
        "The server answers, but accepts none of the proposals for the IKE SA or the CHILD_SA.",
    ),
    Verdict.SESSION_REFUSED: VerdictHelp(
        "The server accepted the credentials, but made no CHILD_SA or assigned no address.",
        "On the server: swanctl --list-pools --leases, and swanctl --list-conns.",
        "The server accepts the credentials, but gives this client no session.",
    ),
    Verdict.WRONG_PROTOCOL: VerdictHelp(
        "Something answered IKE_SA_INIT, but not with a message of IKEv2 for this request.",
        "On the server: ss -lnup. Look which program has port 500.",
        "Something answers on that port, but it does not speak IKEv2.",
    ),
    Verdict.SILENT: VerdictHelp(
        "Nothing came back to IKE_SA_INIT, or to IKE_AUTH after it. IKE servers answer strangers, so "
        "something dropped the packets. An experiment tries port 4500 alone.",
        "On the server: tcpdump -ni any 'udp port 500 or udp port 4500'.",
    ),
}

EXPERIMENTS = (
    Experiment(
        "other proposals",
        "IKE_SA_INIT with every algorithm that has a name, after the server accepted none of the offer",
        "which proposal the server accepts",
    ),
    Experiment(
        "port 4500",
        "IKE_SA_INIT to port 4500, after silence on port 500 or to IKE_AUTH",
        "whether the path blocks one of the two ports",
    ),
    Experiment(
        "no remote_id",
        "IKE_AUTH without naming the server's identity, after the server refused it",
        "that only remote_id is wrong; the server's own identity is then known",
    ),
    Experiment(
        "EAP",
        "IKE_AUTH without a proof of this side, after the server refused it",
        "that the server wants EAP from this identity",
    ),
    Experiment(
        "another identity",
        "IKE_AUTH with the preshared key and a made-up identity, after the server refused the configured one",
        "that the preshared key is right, and only the identity is refused",
    ),
)

GLOSSARY = (
    GlossaryTerm(
        "IKE_SA_INIT",
        "The first exchange of IKEv2: both sides agree on algorithms and keys. Nothing is proved yet.",
        "RFC 7296 §1.2",
    ),
    GlossaryTerm(
        "IKE_AUTH",
        "The second exchange of IKEv2: both sides prove who they are, under the keys of the first one.",
        "RFC 7296 §1.2",
    ),
    GlossaryTerm(
        "CHILD_SA",
        "The part of an IKEv2 session that carries data, as ESP packets.",
        "RFC 7296 §1.3",
    ),
    GlossaryTerm(
        "half open",
        "A session with IKE_SA_INIT and without IKE_AUTH. strongSwan ignores an address with five of them.",
        "strongswan.conf(5), charon.block_threshold",
    ),
    GlossaryTerm(
        "proposal",
        "A choice of algorithms that one side offers, such as aes256gcm16-prfsha384-ecp384.",
        "RFC 7296 §3.3",
    ),
    GlossaryTerm(
        "non-ESP marker",
        "Four zeros before each IKE message on port 4500, where ESP packets arrive too.",
        "RFC 3948 §2.2",
    ),
    GlossaryTerm(
        "dedicated identity",
        "An identity that only the checks use. Servers that allow one session each end the other one.",
        "swanctl.conf(5), connections.unique",
    ),
)
