"""The diagnosis of fetches through the tunnel: which fault counts, and its causes. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.fetch_text import describe_fetch, url_of
from wgmon_tui.checks.verdict import Cause, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.protocols.wireguard.contradictions import Hypothesis
from wgmon_tui.text import format_list


def diagnose_fetches(evidence: Sequence[Evidence], server: Server) -> tuple[Verdict, str, list[Cause]] | None:
    """Diagnose the fetches of the last deep check. None if all that were made found what is expected."""
    targets = {str(each): each for each in server.tunnel_http}
    faulty = [each for each in _latest(evidence, server) if each.fault]
    if not faulty:
        return None
    stalled = [each for each in faulty if each.fault == "stalled"]
    ranked = [cause for each in (stalled or faulty) for cause in _causes(server, targets[each.target], each)]
    summary = f"{format_list([describe_fetch(each) for each in stalled or faulty])}."
    if any(each.small_pass for each in stalled):
        return Verdict.MTU_BLACKHOLE, f"{summary[:-1]}: large TCP segments are lost.", ranked
    if stalled:
        return Verdict.TCP_STALLS, summary, ranked
    if all(each.fault == "slow" for each in faulty):
        return Verdict.SLOW, summary, ranked
    return Verdict.INNER_DEAD, f"{summary[:-1]}; the tunnel is fine.", ranked


def find_unfetched(evidence: Sequence[Evidence], server: Server) -> list[str]:
    """The URLs of a server that no check has fetched yet."""
    fetched = {each.target for each in _latest(evidence, server)}
    return [str(each.url) for each in server.tunnel_http if str(each) not in fetched]


def find_fetched(evidence: Sequence[Evidence], server: Server) -> list[str]:
    """The URLs that were fetched with success."""
    return [url_of(each) for each in _latest(evidence, server) if each.fault is None]


def not_fetched(server: Server) -> Cause:
    """For URLs that were not fetched: only deep checks fetch."""
    return Cause(
        "no deep check has fetched this URL yet",
        f"deep checks run every {server.tunnel_every:g} s, and only they fetch",
        f"wgmon-tui probe {server.name}",
    )


def _latest(evidence: Sequence[Evidence], server: Server) -> list[InnerFetch]:
    """The latest fetch of each URL that servers.toml still has: the evidence begins with the latest."""
    known = {str(each) for each in server.tunnel_http}
    found: dict[str, InnerFetch] = {}
    for each in all_of_kind(InnerFetch, evidence):
        if each.target in known:
            found.setdefault(each.target, each)
    return list(found.values())


def _causes(server: Server, target: HttpTarget, fetch: InnerFetch) -> list[Cause]:
    url, port = url_of(fetch), target.url.port
    match fetch.fault:
        case "stalled":
            return _stall_causes(fetch, port)
        case "unresolved":
            return [_unresolved(server, target, fetch)]
        case "refused" | "silent":
            return [
                Cause(
                    "nothing listens there, or a firewall drops or rejects the connection",
                    describe_fetch(fetch),
                    f"on {fetch.address}: ss -ltn sport = :{port}",
                )
            ]
        case "tls":
            return [
                Cause(
                    "the certificate is not trusted, has expired, or is not for this host",
                    fetch.reason,
                    f"on the server: openssl s_client -connect {fetch.address}:{port} -servername "
                    f"{target.url.host} — for a private authority, set tunnel_ca in servers.toml",
                )
            ]
        case "slow":
            return [
                Cause(
                    "the path or the service is slow",
                    describe_fetch(fetch),
                    f"on the server: curl -so /dev/null -w '%{{speed_download}}' {url}",
                )
            ]
        case _:
            return [
                Cause(
                    "the service fails, or servers.toml expects something else of it",
                    describe_fetch(fetch),
                    f"on the server: curl -si {url}",
                )
            ]


def _stall_causes(fetch: InnerFetch, port: int) -> list[Cause]:
    return [
        Cause(
            "a link behind the server has a smaller MTU, and nothing tells the sender",
            "the same fetch with small segments gets further" if fetch.small_pass else describe_fetch(fetch),
            "on the server: nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu",
            Hypothesis.SEGMENT_SIZE,
            proven=bool(fetch.small_pass),
        ),
        Cause(
            "the service stops sending in the middle of a response",
            "its port answers, and so does the tunnel",
            f"on the server: curl -so /dev/null {url_of(fetch)}",
            Hypothesis.SERVICE_HUNG,
        ),
        Cause(
            "something on the path lets a TCP connection begin, and then drops its data",
            "packet inspection and rate limiters do this",
            f"on {fetch.address}: tcpdump -ni any tcp port {port} — the same data is sent again and again",
            Hypothesis.TCP_DROPPED,
        ),
    ]


def _unresolved(server: Server, target: HttpTarget, fetch: InnerFetch) -> Cause:
    asked = server.tunnel_dns[0].address if server.tunnel_dns else "RESOLVER"
    return Cause(
        "the name servers of tunnel_dns do not answer, or do not know this name",
        f"{target.url.host} was asked for through the tunnel: {fetch.reason}",
        f"through the tunnel: dig @{asked} {target.url.host}",
    )
