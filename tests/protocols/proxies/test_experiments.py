"""The comparison with a wrong secret excludes the secret as a cause only where a difference counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from wgmon_tui.protocols.proxies.links.records import VlessLink
from wgmon_tui.protocols.proxies.page_fetch import PageFetch
from wgmon_tui.protocols.proxies.targets import ProxyTarget
from wgmon_tui.protocols.proxies.vless.dialect import VlessDialect

LINK = VlessLink(Endpoint("proxy.example", 443), UUID(int=7))
PAGE = HttpTarget(Url("page.example", 80), 200)
CLOSED, RESET = (PageFetch(fault, connected=0.01) for fault in ("closed", "reset"))
SILENT = PageFetch("no-response", connected=0.01)


class ScriptedFetches(ProxyFetches):
    """Answers each fetch: those with the link's own secret in turn, others with `stranger`."""

    def __init__(
        self, stranger: PageFetch, own: Iterable[PageFetch] = (), nowhere: PageFetch = CLOSED
    ) -> None:
        server = Server("p", LINK.endpoint, protocol="vless", timeout=1.0)
        super().__init__(ProxyTarget(server, LINK), VlessDialect(), ip_address("192.0.2.9"), Resolver())
        self._stranger, self._nowhere = stranger, nowhere
        self._own: Iterator[PageFetch] = iter(own)

    async def try_out(self, page: HttpTarget, trial: Trial, timeout_s: float) -> PageFetch:
        if page.url.host != PAGE.url.host:
            return self._nowhere
        return next(self._own) if trial.link == LINK else self._stranger


async def compare(first: PageFetch, fetches: ProxyFetches) -> str:
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
