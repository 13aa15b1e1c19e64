"""The comparison with a wrong secret excludes the secret as a cause only where a difference counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from uuid import UUID

import pytest

from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.net.http_target import HttpTarget, Url
from wgmon_tui.net.resolver import Resolver
from wgmon_tui.protocols.proxies.dialects import Trial
from wgmon_tui.protocols.proxies.experiments import Experiments
from wgmon_tui.protocols.proxies.fetches import ProxyFetches
from wgmon_tui.protocols.proxies.findings import OTHER, SAME, WRONG_SECRET, first_of
from wgmon_tui.protocols.proxies.link_layers import reality_of
from wgmon_tui.protocols.proxies.links.records import RealityOptions, TlsOptions, VlessLink
from wgmon_tui.protocols.proxies.page_fetch import PageFetch
from wgmon_tui.protocols.proxies.reality.key_shares import has_mlkem
from wgmon_tui.protocols.proxies.targets import ProxyTarget
from wgmon_tui.protocols.proxies.vless.dialect import VlessDialect

LINK = VlessLink(Endpoint("proxy.example", 443), UUID(int=7))
PAGE = HttpTarget(Url("page.example", 80), 200)
CLOSED, RESET = (PageFetch(fault, connected=0.01) for fault in ("closed", "reset"))
SILENT = PageFetch("no-response", connected=0.01)


class ScriptedFetches(ProxyFetches[VlessLink]):
    """Answers each fetch: those with the link's own secret in turn, others with `stranger`."""

    def __init__(
        self, stranger: PageFetch, own: Iterable[PageFetch] = (), nowhere: PageFetch = CLOSED
    ) -> None:
        server = Server("p", LINK.endpoint, protocol="vless", timeout=1.0)
        super().__init__(ProxyTarget(server, LINK), VlessDialect(), ip_address("192.0.2.9"), Resolver())
        self._stranger, self._nowhere = stranger, nowhere
        self._own: Iterator[PageFetch] = iter(own)

    async def try_out(self, page: HttpTarget, trial: Trial[VlessLink], timeout_s: float) -> PageFetch:
        if page.url.host != PAGE.url.host:
            return self._nowhere
        return next(self._own) if trial.link == LINK else self._stranger

    async def ask_endpoint(self, timeout_s: float) -> PageFetch:
        return SILENT


async def compare(first: PageFetch, fetches: ProxyFetches[VlessLink]) -> str:
    found = first_of(WRONG_SECRET, await Experiments(fetches, PAGE, first).run())
    assert found
    return found.values[0]


@pytest.mark.parametrize(
    ("first", "again", "stranger", "word"),
    [
        (CLOSED, [CLOSED] * 5, CLOSED, SAME),
        (CLOSED, [CLOSED] * 5, RESET, SAME),
        (CLOSED, [CLOSED] * 5, SILENT, OTHER),
        (CLOSED, [CLOSED] * 4 + [SILENT], SILENT, SAME),
    ],
    ids=["same", "closed or reset", "other", "its own ends differ"],
)
async def test_a_difference_counts_only_where_the_own_secret_always_ends_alike(
    first: PageFetch, again: list[PageFetch], stranger: PageFetch, word: str
) -> None:
    assert await compare(first, ScriptedFetches(stranger, again)) == word


@pytest.mark.parametrize("text", [b"one", b"another"])
async def test_a_site_that_answers_for_an_address_of_nobody_is_no_proxy(text: bytes) -> None:
    first = PageFetch(None, connected=0.01, status=200, text=b"one")
    stranger = PageFetch(None, connected=0.01, status=200, text=text)
    site = ScriptedFetches(stranger, nowhere=stranger)
    proxy = ScriptedFetches(stranger, nowhere=SILENT)
    assert (await Experiments(site, PAGE, first).compare_wrong_secret()).values[0] == SAME
    assert (await Experiments(proxy, PAGE, first).compare_wrong_secret()).values[0] == OTHER


REALITY_LINK = replace(LINK, tls=TlsOptions("site.example", reality=RealityOptions(bytes(32), b"\1")))
REFUSED = PageFetch("layer", connected=0.01, layer="reality", layer_fault="refused")


class RealityFetches(ScriptedFetches):
    """A server of REALITY that accepts the trials that `accepts` names, and notes all of them."""

    def __init__(self, accepts: Callable[[Trial[VlessLink]], bool]) -> None:
        super().__init__(SILENT)
        self.target = ProxyTarget(self.target.server, REALITY_LINK)
        self.tried: list[Trial[VlessLink]] = []
        self._accepts = accepts

    async def try_out(self, page: HttpTarget, trial: Trial[VlessLink], timeout_s: float) -> PageFetch:
        self.tried.append(trial)
        return PageFetch(None, connected=0.01) if self._accepts(trial) else REFUSED


def own_reality(trial: Trial[VlessLink]) -> RealityOptions:
    found = reality_of(trial.link)
    assert found
    return found


async def explain_reality(
    fetches: ProxyFetches[VlessLink], first: PageFetch = REFUSED, offset: int | None = None
) -> list[str]:
    found = await Experiments(fetches, PAGE, first, offset).run()
    return [f"{each.kind} {each.values[0]}" for each in found if each.values]


async def test_the_time_of_the_pages_is_tried_before_other_clocks() -> None:
    """An offset of 50 minutes is none of those that are tried in any case."""
    fetches = RealityFetches(lambda trial: trial.clock_shift_s == -2980)
    assert await explain_reality(fetches) != ["found clock"]
    assert await explain_reality(fetches, offset=2980) == ["found clock"]


@pytest.mark.parametrize("version", [(1, 8, 2), (255, 255, 255)])
async def test_another_version_of_the_client_is_tried(version: tuple[int, int, int]) -> None:
    fetches = RealityFetches(lambda trial: own_reality(trial).client_version == version)
    assert await explain_reality(fetches) == ["found client-version"]


@pytest.mark.skipif(not has_mlkem(), reason="the library has no ML-KEM")
async def test_a_server_that_shows_no_site_is_asked_with_x25519_alone_and_nothing_else() -> None:
    closed = replace(REFUSED, layer_fault="malformed")
    fetches = RealityFetches(lambda trial: not own_reality(trial).offers_mlkem)
    assert await explain_reality(fetches, closed) == ["found key-share"]
    assert len(fetches.tried) == 1


async def test_a_wrong_key_leaves_what_was_tried_in_vain() -> None:
    found = await explain_reality(RealityFetches(lambda _: False))
    assert {"tried short-id", "tried client-version", "tried clock"} <= set(found)
