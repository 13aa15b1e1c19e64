"""The failure matrix of proxies: what is wrong, on which servers, and what must be said of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.real.proxies.certificates import NAME
from tests.real.proxies.pages import CLOCK_OFFSET_S
from tests.real.proxies.probing import Probing, page
from tests.real.proxies.servers import (
    CLOSED,
    FALLBACK,
    FIRST_PAGE,
    FLOW,
    GRPC,
    KEY_16,
    METHODS,
    OTHER_CLOCK,
    PASSWORD,
    REALITY,
    SECURE_PAGE,
    WEB,
)
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.proxies.link_layers import reality_of, with_reality
from wgmon_tui.protocols.proxies.links.records import (
    GrpcOptions,
    ProxyLink,
    ShadowsocksLink,
    TlsOptions,
    TrojanLink,
    VlessLink,
    VmessLink,
    WebSocketOptions,
)

RIGHT = "all is well"
_FIRST_RELAY, _FIRST_BLOCK = 8100, 8200
STRANGER = UUID("00000000-0000-4000-8000-000000000001")


@dataclass(frozen=True)
class ProxyCell:
    """A failure on one server. `cause` are words of the true cause, which must be among those named.

    `is_proven`: the cause must be proven, and the only one. `client` tells whether a real client gets
    the page; None if it has no part in it. `fools_client`: the client takes a web site for the page. `relay`
    are options of a relay in front of the server, on the port of the link. Each has a port of its own: some
    clients go on testing, and would disturb the next cell.
    """

    fault: str
    server: str
    probing: Probing
    verdicts: tuple[Verdict, ...]
    cause: str = ""
    is_proven: bool = False
    client: bool | None = False
    fools_client: bool = False
    relay: Mapping[str, object] = field(default_factory=dict)
    relay_to: int = 0

    def __str__(self) -> str:
        return f"{self.fault} on {self.server}"


def cells(links: Mapping[str, ProxyLink], without_exit: ProxyLink) -> Iterator[ProxyCell]:
    """Every cell for these servers."""
    for name, link in links.items():
        if "expired" in name:
            cause = "not valid at this time"
            yield ProxyCell(
                "expired certificate", name, Probing(link), (Verdict.BAD_CERTIFICATE,), cause, is_proven=True
            )
            continue
        is_strict = name.startswith("xray") and _is_reality(link)
        yield ProxyCell(RIGHT, name, Probing(link), (Verdict.HEALTHY,), client=None if is_strict else True)
        if is_strict:
            yield _refused_version(name, link)
        yield _wrong_secret(name, link)
        yield from _wrong_method(name, link)
        yield from _wrong_clock(name, link)
        yield from _wrong_name(name, link)
        yield from _wrong_path(name, link)
        yield from _wrong_flow(name, link)
        yield from _wrong_transport(name, link)
    yield from _of_pages(links)
    yield from _of_path(links)
    yield from _of_relays(links)
    yield from _of_blocked_names(links)
    yield ProxyCell(
        "the proxy has no exit", "sing-box", Probing(without_exit), (Verdict.PROXY_DOWN,), "reach the page"
    )


def _is_reality(link: ProxyLink) -> bool:
    return isinstance(link, VlessLink) and link.tls is not None and link.tls.reality is not None


def _refused_version(name: str, link: ProxyLink) -> ProxyCell:
    """A client that claims what mihomo does: Xray refuses it by default."""
    reality = reality_of(link)
    assert reality
    old = Probing(with_reality(link, replace(reality, client_version=(1, 8, 2))))
    return ProxyCell(
        "refused version of the client", name, old, (Verdict.AUTH_FAILED,), "refuses the version",
        is_proven=True, client=None,
    )  # fmt: skip


def with_wrong_secret(link: ProxyLink) -> ProxyLink:
    """The link with another password or user id."""
    match link:
        case ShadowsocksLink(method=method):
            password = METHODS[method]
            other = secrets.token_hex(8) if password == PASSWORD else _other_key(password)
            return replace(link, password=other)
        case TrojanLink():
            return replace(link, password="wrong")
        case VmessLink() | VlessLink():
            return replace(link, user_id=STRANGER)


def _other_key(key: str) -> str:
    return "A" * 21 + "w==" if key == KEY_16 else "A" * 42 + "E="


def _wrong_secret(name: str, link: ProxyLink) -> ProxyCell:
    word = "password" if isinstance(link, ShadowsocksLink | TrojanLink) else "user id"
    verdicts = (Verdict.PROXY_DOWN, Verdict.WRONG_PROTOCOL)
    is_fooled = name == "trojan"
    return ProxyCell(
        f"wrong {word}", name, Probing(with_wrong_secret(link)), verdicts, f"the {word} is wrong",
        client=is_fooled, fools_client=is_fooled,
    )  # fmt: skip


def _wrong_method(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    if not isinstance(link, ShadowsocksLink):
        return
    others = [
        each
        for each, key in METHODS.items()
        if each != link.method
        and len(key) == len(link.password)
        and (key == PASSWORD) == (link.password == PASSWORD)
    ]
    for other in others[:1]:
        wrong = Probing(replace(link, method=other))
        cause = f"the server uses {link.method}"
        yield ProxyCell("wrong method", name, wrong, (Verdict.CIPHER_MISMATCH,), cause, is_proven=True)


def _wrong_clock(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    is_2022 = isinstance(link, ShadowsocksLink) and link.password != PASSWORD
    if not is_2022 and not _is_reality(link) and not isinstance(link, VmessLink):
        return
    own = Probing(link, clock_shift_s=-float(CLOCK_OFFSET_S))
    cause = "this machine's clock is wrong"
    yield ProxyCell("own clock", name, own, (Verdict.LOCAL_FAULT,), cause, is_proven=True, client=None)
    pages = {"fetch": page(OTHER_CLOCK), "second": page(OTHER_CLOCK, "/404")}
    servers = replace(own, **pages)  # type: ignore[arg-type]
    cause = "the server's clock is wrong"
    yield ProxyCell(
        "clock of the server", name, servers, (Verdict.AUTH_FAILED,), cause, is_proven=True, client=None
    )


def _wrong_name(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    if isinstance(link, ShadowsocksLink) or link.tls is None:
        return
    if isinstance(link, VlessLink) and link.tls.reality:
        yield from _wrong_reality(name, link, link.tls)
        return
    wrong = replace(link, tls=TlsOptions("other.example"))
    yield ProxyCell(
        "wrong name in TLS", name, Probing(wrong), (Verdict.BAD_CERTIFICATE,), "name", is_proven=True
    )


def _wrong_reality(name: str, link: VlessLink, tls: TlsOptions) -> Iterator[ProxyCell]:
    other = X25519PrivateKey.generate().public_key().public_bytes_raw()
    other_key, other_id = replace(REALITY, public_key=other), replace(REALITY, short_id=b"\xff" * 8)
    takes_none = "vless reality" in name
    for fault, changed, cause, is_proven in (
        ("wrong key of REALITY", replace(tls, reality=other_key), "public key", False),
        ("wrong short id", replace(tls, reality=other_id), "short id", takes_none),
        ("wrong name in TLS", replace(tls, server_name="other.example"), "proxy.example is accepted", True),
    ):
        wrong = Probing(replace(link, tls=changed))
        yield ProxyCell(fault, name, wrong, (Verdict.AUTH_FAILED,), cause, is_proven=is_proven)


def _wrong_path(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    if isinstance(link, ShadowsocksLink):
        return
    if isinstance(link.transport, GrpcOptions):
        wrong_service = Probing(replace(link, transport=GrpcOptions("other-service")))
        verdicts = (Verdict.WRONG_PROTOCOL,)
        yield ProxyCell("wrong service of gRPC", name, wrong_service, verdicts, "the service name")
    if not isinstance(link.transport, WebSocketOptions):
        return
    wrong = replace(link, transport=replace(link.transport, path="/other"))
    yield ProxyCell("wrong path", name, Probing(wrong), (Verdict.WRONG_PROTOCOL,), "the path")


def _wrong_flow(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    """mihomo and Xray accept a link without the flow that the user has; sing-box and Xray need the same."""
    if not isinstance(link, VlessLink) or link.tls is None or link.transport is not None:
        return
    verdicts = (Verdict.WRONG_PROTOCOL,)
    if not link.flow:
        too_much = Probing(replace(link, flow=FLOW))
        yield ProxyCell("a flow too much", name, too_much, verdicts, "has none", is_proven=True)
    elif name.startswith("sing-box"):
        missing = Probing(replace(link, flow=""))
        yield ProxyCell("no flow in the link", name, missing, verdicts, "has the flow", is_proven=True)


def _wrong_transport(name: str, link: ProxyLink) -> Iterator[ProxyCell]:
    """Both sides agree on everything but WebSocket or gRPC."""
    if isinstance(link, ShadowsocksLink) or (link.tls and link.tls.reality):
        return
    verdicts = (Verdict.WRONG_PROTOCOL,)
    if link.transport is None:
        for word, options in (("WebSocket", WEB), ("gRPC", GRPC)):
            cause = "has no such transport"
            wrong = Probing(replace(link, transport=options))
            yield ProxyCell(f"{word} in the link alone", name, wrong, verdicts, cause, is_proven=True)
    elif link.tls is not None and isinstance(link, VlessLink):
        without = Probing(replace(link, transport=None))
        yield ProxyCell("no WebSocket in the link", name, without, verdicts, "expects WebSocket")
    elif link.tls is not None and isinstance(link, VmessLink):
        bare = Probing(replace(link, tls=None))
        yield ProxyCell("no TLS in the link", name, bare, verdicts, "has TLS", is_proven=True)


def _of_pages(links: Mapping[str, ProxyLink]) -> Iterator[ProxyCell]:
    for name in ("ss-server aes-256-gcm", "sing-box vmess", "sing-box vless tls", "trojan", "mihomo trojan"):
        if name not in links:
            continue
        dead = Probing(links[name], fetch=page(CLOSED))
        yield ProxyCell("the page is down", name, dead, (Verdict.TARGET_DOWN,), "the page is down")
    if "trojan" not in links:
        return
    same = Probing(with_wrong_secret(links["trojan"]), fetch=page(FALLBACK, "/"), status=200)
    yield ProxyCell(
        "the web site answers like the page",
        "trojan",
        same,
        (Verdict.WRONG_PROTOCOL,),
        "web site",
        client=None,
    )


def _of_path(links: Mapping[str, ProxyLink]) -> Iterator[ProxyCell]:
    for name in ("ss-server aes-256-gcm", "sing-box vmess", "mihomo vless tls", "sing-box trojan"):
        if name not in links:
            continue
        link = links[name]
        closed = Probing(_at(link, CLOSED))
        yield ProxyCell("the port is closed", name, closed, (Verdict.PORT_CLOSED,), "stopped")
        if not isinstance(link, TrojanLink) and link.endpoint.port:
            other = Probing(_at(link, FIRST_PAGE))
            is_bare = getattr(link, "tls", None) is None
            cause = "a web server listens" if is_bare else "speaks no TLS"
            yield ProxyCell(
                "a web server listens there", name, other, (Verdict.WRONG_PROTOCOL,), cause, is_proven=is_bare
            )
            if is_bare:
                secure = Probing(_at(link, SECURE_PAGE))
                yield ProxyCell(
                    "the server there has TLS",
                    name,
                    secure,
                    (Verdict.WRONG_PROTOCOL,),
                    "has TLS",
                    is_proven=True,
                )


def _of_relays(links: Mapping[str, ProxyLink]) -> Iterator[ProxyCell]:
    ports = count(_FIRST_RELAY)
    for name in ("ss-server aes-256-gcm", "sing-box vmess", "mihomo vless tls", "sing-box trojan"):
        if name not in links:
            continue
        link = links[name]
        to = link.endpoint.port
        silent = (Verdict.PROXY_DOWN, Verdict.WRONG_PROTOCOL)
        yield ProxyCell(
            "the path swallows everything", name, Probing(_at(link, next(ports))), silent, "swallows",
            relay={"swallows": True}, relay_to=to,
        )  # fmt: skip
        large = Probing(_at(link, next(ports)), fetch=page(FIRST_PAGE, "/large"), status=200)
        yield ProxyCell(
            "frozen after 18 kB", name, large, (Verdict.DIES_AFTER,), "freezes", client=None,
            relay={"freeze_after": 18_000}, relay_to=to,
        )  # fmt: skip
        for fault, accepts in (
            ("two of three connections are reset", _every_third),
            ("the first connection is reset", _all_but_the_first),
        ):
            yield ProxyCell(
                fault, name, Probing(_at(link, next(ports))), (Verdict.LOSSY,), "some connections",
                client=None, relay={"accepts": accepts}, relay_to=to,
            )  # fmt: skip


def _of_blocked_names(links: Mapping[str, ProxyLink]) -> Iterator[ProxyCell]:
    ports = count(_FIRST_BLOCK)
    for name in ("mihomo vless tls", "sing-box trojan", "mihomo vless vision", "xray vless vision"):
        if name in links:
            yield ProxyCell(
                "the path blocks the name in TLS", name, Probing(_at(links[name], next(ports))),
                (Verdict.PROXY_DOWN,), "blocks the name",
                relay={"blocks": NAME.encode()}, relay_to=links[name].endpoint.port,
            )  # fmt: skip


def _every_third(number: int) -> bool:
    return number % 3 == 0


def _all_but_the_first(number: int) -> bool:
    return number > 1


def _at(link: ProxyLink, port: int) -> ProxyLink:
    return replace(link, endpoint=Endpoint(str(link.endpoint.host), port))
