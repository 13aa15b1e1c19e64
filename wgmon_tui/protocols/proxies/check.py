"""The prober of proxies: a fetch through the proxy, and if it fails, what tells whose fault it is.

fetch ──► well:   name server over UDP, exit address, speed (deep checks)
      └─► failed: a second page through the proxy, and both pages without it; then experiments
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Generic

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Handshake
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence, Silence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.net.resolver import Resolver
from wgmon_tui.protocols.proxies.certificates import read_certificate
from wgmon_tui.protocols.proxies.dialects import Clock, Dialect
from wgmon_tui.protocols.proxies.experiments import Experiments, end_of
from wgmon_tui.protocols.proxies.fetches import ProxyFetches
from wgmon_tui.protocols.proxies.findings import (
    CERTIFICATE,
    CLOCK,
    CONNECTION,
    DIRECT,
    ELSEWHERE,
    EXIT,
    NO_MLDSA,
    OK,
    SAME,
    SERVER_CLOCK,
    TIMESTAMPED,
    UNVERIFIED,
    first_of,
    to_inner_fetch,
)
from wgmon_tui.protocols.proxies.link_layers import accepts_any_certificate, tls_of
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.page_fetch import PageFetch
from wgmon_tui.protocols.proxies.stage_outcomes import stages_of
from wgmon_tui.protocols.proxies.targets import ProxyTarget
from wgmon_tui.protocols.proxies.tls_layer import TlsLayer
from wgmon_tui.protocols.proxies.udp_relay import ask_over_udp

_CLOCK_TOLERANCE_S = 10.0
"""A page's Date has whole seconds and may come from a cache: smaller differences say nothing."""


class ProxyProber(AddressProber[ProxyTarget[StreamLinkT]], Generic[StreamLinkT]):
    """Checks servers of one proxy protocol by fetches through them."""

    def __init__(self, vantage: str, dialect: Dialect[StreamLinkT], unix_time: Clock = time.time) -> None:
        """`unix_time` is the clock of this machine."""
        super().__init__(vantage)
        self._unix_time = unix_time
        self._dialect = dialect
        self._pages = Resolver()
        self._compared: dict[tuple[object, ...], tuple[object, ...]] = {}
        """By link, the page that was seen to differ from what a wrong secret gets."""
        self._explained: dict[tuple[str, Address], tuple[ProtocolEvidence, ...]] = {}
        self._tested: dict[tuple[str, Address], tuple[Evidence, ...]] = {}
        """What the last deep check found beside the page; it holds until the next one."""

    async def check_address(self, asked: AddressCheck[ProxyTarget[StreamLinkT]]) -> Check:
        """Fetch the first page through the proxy."""
        target, began = asked.target, time.monotonic()
        check = self.make_check(asked.server, asked.address)
        fetches = ProxyFetches(target, self._dialect, asked.address, self._pages, self._unix_time)
        first = await fetches.fetch(target.settings.first_target)
        evidence: list[Evidence] = [to_inner_fetch(target.settings.first_target, first)]
        evidence += _facts_of(fetches, first)
        through = [first]
        if first.fault is None:
            found = await self._confirm(asked, fetches, first, began)
        else:
            found, second = await self._compare(asked, fetches, first, began)
            through += [second] if second else []
        evidence += found
        return replace(
            check,
            framing=TIMESTAMPED if self._dialect.uses_timestamps(target.link) else "",
            handshake=_handshake(through, evidence),
            evidence=tuple(evidence),
            exchange=tuple(fetches.exchange),
            sent=1,
            stages=stages_of(target.link, through, evidence),
        )

    async def _confirm(
        self,
        asked: AddressCheck[ProxyTarget[StreamLinkT]],
        fetches: ProxyFetches[StreamLinkT],
        first: PageFetch,
        began: float,
    ) -> list[Evidence]:
        """What a page that came shows, and what only deep checks test."""
        self._explained.pop((asked.server.name, asked.address), None)
        target = asked.target
        found: list[Evidence] = []
        key = (asked.address, *target.agreed_values)
        is_new = self._compared.get(key) != end_of(first)
        if not first.is_proven and (is_new or asked.is_deep) and not target.settings.fetch.is_tls:
            page = target.settings.first_target
            compared = await Experiments(fetches, page, first).compare_wrong_secret()
            compared = replace(compared, from_experiment=False)
            found.append(compared)
            if compared.values[0] != SAME and not self._is_starved(began):
                self._compared[key] = end_of(first)
        if asked.soak:
            soak, cut = await fetches.soak(target.settings.first_target, asked.soak)
            found += [soak, *([cut] if cut else [])]
        place = (asked.server.name, asked.address)
        if not asked.is_deep:
            return [*found, *self._tested.get(place, ())]
        tested = tuple(await _deep_tests(fetches))
        if not self._is_starved(began):
            self._tested[place] = tested
        return [*found, *tested]

    async def _compare(
        self,
        asked: AddressCheck[ProxyTarget[StreamLinkT]],
        fetches: ProxyFetches[StreamLinkT],
        first: PageFetch,
        began: float,
    ) -> tuple[list[Evidence], PageFetch | None]:
        """Find out whose fault it is: that of the proxy, of the page, or of this machine."""
        settings = asked.target.settings
        pages = settings.targets
        second = pages[1] if len(pages) > 1 else None
        results = await asyncio.gather(
            *(fetches.fetch_directly(each) for each in pages),
            *([fetches.fetch(second)] if second and first.connected is not None else []),
        )
        direct, rest = results[: len(pages)], results[len(pages) :]
        found: list[Evidence] = [
            ProtocolEvidence(asked.server.protocol, DIRECT, _direct_values(page, each))
            for page, each in zip(pages, direct, strict=True)
        ]
        if second and rest:
            found.append(to_inner_fetch(second, rest[0]))
        if not asked.target.is_at_link:
            found.append(ProtocolEvidence(asked.server.protocol, ELSEWHERE))
        found += _clock_of_pages(asked.server.protocol, direct, self._unix_time())
        if first.fault in ("silent", "no-response") and not first.received:
            found.append(Silence(fetches.timeout_s))
        key = (asked.server.name, asked.address)
        explained = self._explained.get(key, ())
        if asked.may_experiment:
            offset = first_of(CLOCK, found)
            offset_s = int(offset.values[0]) if offset else None
            experiments = Experiments(fetches, pages[0], first, offset_s)
            if _can_experiment(first, rest):
                explained = tuple(await experiments.run())
            elif direct[0].fault is None and any(each.fault is None for each in rest):
                explained = (await experiments.repeat_page(),)
            if not self._is_starved(began):
                self._explained[key] = explained
        return [*found, *explained], rest[0] if rest else None


def _can_experiment(first: PageFetch, rest: Sequence[PageFetch]) -> bool:
    """Whether there is something to explain: a connection, and nothing that came through it."""
    return first.connected is not None and not any(
        each.is_proven or each.fault is None for each in (first, *rest)
    )


def _handshake(through: Sequence[PageFetch], evidence: Sequence[Evidence]) -> Handshake | None:
    """The proof that the server is the right one: authentic data, or a page that only it could bring."""
    is_anybody = any(
        isinstance(each, ProtocolEvidence) and each.kind == "wrong-secret" and each.values[0] == SAME
        for each in evidence
    )
    for each in through:
        is_page = each.fault is None and not is_anybody
        if each.is_proven or is_page:
            return Handshake(each.responded if each.responded is not None else each.ended)
    return None


def _facts_of(fetches: ProxyFetches[StreamLinkT], first: PageFetch) -> list[Evidence]:
    """What the connection of the first fetch showed."""
    protocol = fetches.target.server.protocol
    found: list[Evidence] = []
    if first.fault and first.responded is None:
        end = (str(first.fault), first.layer, str(first.layer_fault or ""), first.reason)
        found.append(ProtocolEvidence(protocol, CONNECTION, end, first.ended))
    if fetches.fetcher is None:
        return found
    for layer in fetches.fetcher.stack.layers[:1]:
        if not isinstance(layer, TlsLayer) or layer.name != "tls":
            continue
        if facts := read_certificate(layer.certificate):
            names = ", ".join(facts.names)
            checked = UNVERIFIED if accepts_any_certificate(fetches.target.link) else OK
            values = (layer.version, layer.alpn, names, str(facts.ends), facts.issuer, checked)
            found.append(ProtocolEvidence(protocol, CERTIFICATE, values))
        if ends := facts or read_certificate(layer.expired_certificate):
            found.append(Expires("server certificate", ends.names[0] if ends.names else "", ends.ends))
    tls = tls_of(fetches.target.link)
    if tls and tls.reality and tls.reality.mldsa65_key:
        found.append(ProtocolEvidence(protocol, NO_MLDSA, ()))
    for layer in fetches.fetcher.stack.layers:
        if server_time := getattr(layer, "server_time", None):
            offset = round(server_time - fetches.unix_time())
            found.append(ProtocolEvidence(protocol, SERVER_CLOCK, (str(offset),)))
    return found


def _direct_values(page: HttpTarget, found: PageFetch) -> tuple[str, ...]:
    return (str(page), found.fault or OK, str(found.status or ""), "" if found.is_answered else "none")


def _clock_of_pages(protocol: str, direct: Sequence[PageFetch], now: float) -> list[Evidence]:
    """How far this machine's clock is off, if all pages that say so agree."""
    offsets = []
    for each in direct:
        try:
            offsets.append(now - parsedate_to_datetime(each.date).timestamp())
        except (ValueError, TypeError):
            continue
    if not offsets:
        return []
    least = min(offsets, key=abs)
    if abs(least) < _CLOCK_TOLERANCE_S:
        return [ProtocolEvidence(protocol, CLOCK, ("0",))]
    return [ProtocolEvidence(protocol, CLOCK, (str(round(least)),))]


async def _deep_tests(fetches: ProxyFetches[StreamLinkT]) -> list[Evidence]:
    """A name server over UDP, the exit address, and the speed."""
    settings = fetches.target.settings
    protocol = fetches.target.server.protocol
    found: list[Evidence] = [await ask_over_udp(fetches, server) for server in settings.dns]
    if settings.exit_address:
        page = await fetches.fetch(HttpTarget(settings.exit_address))
        address = _address_in(page.text) if page.fault is None else None
        found.append(ProtocolEvidence(protocol, EXIT, (address or "", page.fault or OK)))
    if settings.speed:
        found.append(await _measure(fetches, settings.speed))
    return found


async def _measure(fetches: ProxyFetches[StreamLinkT], url: Url) -> Evidence:
    page = HttpTarget(url)
    return to_inner_fetch(page, await fetches.fetch(page))


def _address_in(text: bytes) -> str | None:
    """The address that a page tells; None if it tells none."""
    try:
        return str(ip_address(text.decode("ascii", "replace").strip()))
    except ValueError:
        return None
