"""Help on the verdicts that a proxy decides by other evidence than WireGuard."""

from __future__ import annotations

from collections.abc import Mapping

from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VerdictHelp

VERDICT_HELP: Mapping[Verdict, VerdictHelp] = {
    Verdict.HEALTHY: VerdictHelp(
        "The page of `fetch` came through the proxy, with the expected status and text. Shadowsocks and "
        "VMess authenticate the answer; for VLESS and Trojan a wrong secret got something else.",
        "Nothing. UDP is tested only if `dns` names a name server.",
        "The page came through the proxy as expected.",
    ),
    Verdict.SLOW: VerdictHelp(
        "The first byte of the page came later than `slow` in servers.toml.",
        "The stages say which step took long. Fetch the page on the server itself.",
        "The page comes through the proxy, but slowly.",
    ),
    Verdict.LOSSY: VerdictHelp(
        "Some connections bring the page and some do not: among the recent checks, or of five more at once.",
        "Run wgmon-tui probe with --count 20. Censors block a share of such connections.",
        "Some connections through the proxy work, others do not.",
    ),
    Verdict.INNER_DEAD: VerdictHelp(
        "The proxy works, but not for everything: one page, or UDP, does not come through it.",
        "On the server, fetch that page with curl, or look at its option of UDP.",
        "The proxy works, but one page or UDP does not come through it.",
    ),
    Verdict.DIES_AFTER: VerdictHelp(
        "A page or a soak began to come through the proxy, and then stopped. The page answers directly.",
        "Compare with another network: some paths freeze connections after 16 to 20 kB.",
        "Data comes through the proxy at first, then the connection freezes.",
    ),
    Verdict.PROXY_DOWN: VerdictHelp(
        "The page answers from this machine, but nothing comes through the proxy.",
        "Compare the secret of the link with that of the server. The causes say what experiments excluded.",
    ),
    Verdict.AUTH_FAILED: VerdictHelp(
        "The same request with shifted timestamps got an answer, so the server refuses this one's time. Or a "
        "server of REALITY showed the site that it imitates, as it does to strangers.",
        "Set the clock that the cause names, or compare key, short id, name and versions with the server's.",
        "The server refuses what the link says of REALITY, or the timestamps of this machine.",
    ),
    Verdict.CIPHER_MISMATCH: VerdictHelp(
        "The same request with another method or key share got an answer, or TLS found no common parameters.",
        "Write the method of the cause into the link, or update the server that it names.",
        "The server uses another method or cipher than the link says.",
    ),
    Verdict.WRONG_PROTOCOL: VerdictHelp(
        "An answer came that is none of the proxy: a web site, a wrong status of WebSocket, or other bytes. "
        "A Trojan server shows its web site to everybody who does not know the password.",
        "Compare password, port and path of the link with those of the server.",
    ),
    Verdict.SILENT: VerdictHelp(
        "No connection to the proxy, or a connection and no answer, while the pages do not answer directly "
        "either.",
        "Check the causes in order. With a page that answers from here, the verdict says more.",
    ),
    Verdict.PORT_CLOSED: VerdictHelp(
        "The connection to the port was refused.",
        "On the server: is the proxy running, and on this port? ss -ltn.",
    ),
    Verdict.LOCAL_FAULT: VerdictHelp(
        "Neither the proxy nor any page answers from here, this machine's clock is wrong, or something did "
        "not come in time while this machine was overloaded.",
        "Run wgmon-tui doctor here: it checks route, firewall, clock and uplink of this machine.",
    ),
}
