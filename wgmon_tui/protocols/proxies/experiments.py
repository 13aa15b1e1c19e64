"""Experiments that explain why no page comes through a proxy: the same fetch with one thing changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Generic

from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.net.http_target import HttpTarget
from wgmon_tui.protocols.proxies.certificates import read_certificate
from wgmon_tui.protocols.proxies.clock_trials import own_clock_trials
from wgmon_tui.protocols.proxies.dialects import Trial
from wgmon_tui.protocols.proxies.fetches import ProxyFetches
from wgmon_tui.protocols.proxies.findings import (
    FOUND,
    NAMES,
    NO_MLKEM,
    OTHER,
    OTHER_NAME,
    REPEATED,
    SAME,
    TLS_SERVER,
    TRIED,
    WEB_SERVER,
    WRONG_SECRET,
)
from wgmon_tui.protocols.proxies.link_layers import (
    OUTER_TLS,
    has_transport,
    is_bare,
    path_of,
    server_name_of,
    tls_of,
    with_path,
    with_server_name,
    without_transport,
)
from wgmon_tui.protocols.proxies.links.records import StreamLinkT
from wgmon_tui.protocols.proxies.page_fetch import PageFetch
from wgmon_tui.protocols.proxies.reality.key_shares import has_mlkem
from wgmon_tui.protocols.proxies.reality.layer import RealityLayer
from wgmon_tui.protocols.proxies.reality.words import REALITY
from wgmon_tui.protocols.proxies.reality_trials import key_share_trials, refusal_trials
from wgmon_tui.protocols.proxies.stream_layers import StreamLayerError
from wgmon_tui.protocols.proxies.tls_layer import TlsLayer
from wgmon_tui.protocols.proxies.tls_trials import other_name_trials

_AT_ONCE = 6
"""Connections at the same time: more would look like an attack."""

_REPEATS = 5
_LEAST_PATIENCE_S = 1.5
_ROUND_TRIPS = 12
_BATCHES = 16
_NOWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737): no server has it."""


class Experiments(Generic[StreamLinkT]):
    """The experiments of one check. Each is a fact from then on, until the next ones."""

    def __init__(
        self,
        fetches: ProxyFetches[StreamLinkT],
        page: HttpTarget,
        first: PageFetch,
        clock_offset_s: int | None = None,
    ) -> None:
        """`first` is the fetch that failed. The clock is `clock_offset_s` ahead of that of the pages."""
        self._fetches, self._page, self._first = fetches, page, first
        self._clock_offset_s = clock_offset_s
        self._link = fetches.target.link
        self._protocol = fetches.target.server.protocol
        self._own_ends = {end_of(first)}
        """How fetches with the link's own secret ended: some servers end equal ones in several ways."""

    async def run(self) -> list[ProtocolEvidence]:
        """Run what can explain the failure."""
        if self._first.layer == OUTER_TLS:
            return await self._explain_tls()
        if self._first.layer == REALITY:
            return await self._explain_reality()
        if self._first.layer and self._first.layer_fault == "status":
            return await self._try_all(self._upgrade_trials())
        repeated = await self._repeat()
        if repeated.values[0] != "0":
            return [repeated]
        if tls_of(self._link) and not self._first.opened:
            return [repeated, *await self._try_all(other_name_trials(self._link))]
        wrong = await self.compare_wrong_secret()
        if is_bare(self._link) and (there := await self._fetches.ask_endpoint(self._patience_s)).status:
            return [repeated, wrong, self._evidence(WEB_SERVER, str(there.status))]
        if tls_of(self._link) is None and await self._fetches.is_answered_with_tls(self._patience_s):
            return [repeated, wrong, self._evidence(TLS_SERVER)]
        return [repeated, wrong, *await self._try_all(self._secret_trials())]

    def _secret_trials(self) -> Iterable[Trial[StreamLinkT]]:
        """What both sides must agree on beside TLS. A clock that is known to be off goes first."""
        dialect = self._fetches.dialect
        if dialect.uses_timestamps(self._link):
            yield from own_clock_trials(self._link, self._clock_offset_s)
        yield from self._transport_trials()
        yield from dialect.trials(self._link)

    async def compare_wrong_secret(self) -> ProtocolEvidence:
        """Fetch with a secret that nobody knows, and tell whether that ends in the same way."""
        trial = Trial(WRONG_SECRET, "", self._fetches.dialect.with_wrong_secret(self._link))
        found = await self._try_out(trial)
        if _is_alike(found, self._first):
            is_same = await self._answers_for_nowhere()
        else:
            is_same = end_of(found) in self._own_ends
        return self._evidence(WRONG_SECRET, SAME if is_same else OTHER, found.fault or "ok")

    async def _answers_for_nowhere(self) -> bool:
        """Whether a fetch from an address that no server has gets the same answer: a web site answers all.

        The texts say nothing: those of one site may differ by a time, and those of two sites may be empty.
        """
        page = replace(self._page, url=replace(self._page.url, host=_NOWHERE), address=None)
        found = await self._fetches.try_out(page, Trial("", "", self._link), self._patience_s)
        return found.status == self._first.status

    async def _try_out(self, trial: Trial[StreamLinkT]) -> PageFetch:
        """Fetch with something changed."""
        return await self._fetches.try_out(self._page, trial, self._patience_s)

    @property
    def _patience_s(self) -> float:
        """How long a fetch may take: a page needs some round trips, not the whole timeout."""
        usual_s = max(_LEAST_PATIENCE_S, _ROUND_TRIPS * (self._first.connected or 0.0))
        return min(self._fetches.timeout_s, usual_s)

    async def _repeat(self) -> ProtocolEvidence:
        """Connect again: blocking may hit some connections only."""
        again = [
            await self._try_out(Trial("", "", self._link))
            for _ in range(_REPEATS if self._first.fault != "no-response" else 0)
        ]
        if self._first.fault == "no-response":
            again = await _together(self._try_out(Trial("", "", self._link)) for _ in range(_REPEATS))
        self._own_ends.update(map(end_of, again))
        passed = sum(each.is_proven or each.fault is None for each in again)
        return self._evidence(REPEATED, str(passed), str(len(again)))

    async def repeat_page(self) -> ProtocolEvidence:
        """Fetch the page again: one failed fetch does not show that the proxy brings other pages only."""
        again = [await self._try_out(Trial("", "", self._link)) for _ in range(_REPEATS)]
        passed = sum(each.fault is None for each in again)
        return self._evidence(REPEATED, str(passed), str(len(again)))

    async def _explain_tls(self) -> list[ProtocolEvidence]:
        """Read the certificate that was not accepted, and try the names in it."""
        names = await self._read_names()
        if not names:
            return []
        tried = [each for each in names if "*" not in each and each != server_name_of(self._link)]
        trials = [Trial("server-name", each, with_server_name(self._link, each)) for each in tried]
        return [self._evidence(NAMES, *names), *await self._try_all(trials)]

    async def _explain_reality(self) -> list[ProtocolEvidence]:
        """Change what the server may refuse, or the key shares if it does not even show a site."""
        if self._first.layer_fault != "refused":
            return await self._try_all(key_share_trials(self._link))
        fetcher = self._fetches.fetcher
        layer = fetcher.stack.layers[0] if fetcher else None
        shown = read_certificate(layer.certificate) if isinstance(layer, RealityLayer) else None
        names = shown.names if shown else ()
        found = await self._try_all(refusal_trials(self._link, names, self._clock_offset_s))
        return found if has_mlkem() else [self._evidence(NO_MLKEM), *found]

    async def _read_names(self) -> Sequence[str]:
        layers = await self._fetches.outer_layers(self._link, is_verified=False)
        tls = layers[0]
        endpoint = self._fetches.target.server.endpoint
        try:
            async with asyncio.timeout(self._fetches.timeout_s):
                reader, writer = await asyncio.open_connection(str(self._fetches.address), endpoint.port)
                try:
                    writer.write(tls.open())
                    while not tls.is_open and (received := await reader.read(65536)):
                        writer.write(tls.unwrap(received).reply)
                finally:
                    writer.close()
        except (OSError, TimeoutError, StreamLayerError):
            return ()
        facts = read_certificate(tls.certificate) if isinstance(tls, TlsLayer) else None
        return facts.names if facts else ()

    def _upgrade_trials(self) -> Iterable[Trial[StreamLinkT]]:
        """Other paths, and no transport. gRPC has a service name instead, which nobody can guess."""
        path = path_of(self._link)
        for other in ("/", path.rstrip("/"), f"{path}/", path.partition("?")[0]):
            if path and other and other != path:
                yield Trial("path", other, with_path(self._link, other))
        yield from self._transport_trials()

    def _transport_trials(self) -> Iterable[Trial[StreamLinkT]]:
        if has_transport(self._link):
            yield Trial("transport", "none", without_transport(self._link))

    async def _try_all(self, trials: Iterable[Trial[StreamLinkT]]) -> list[ProtocolEvidence]:
        """Try changes, some at once, until one goes through."""
        tried: Counter[str] = Counter()
        left = iter(trials)
        for _ in range(_BATCHES):
            batch = list(islice(left, _AT_ONCE))
            if not batch:
                break
            results = await _together(self._try_out(each) for each in batch)
            for trial, found in zip(batch, results, strict=True):
                if self._is_success(trial, found):
                    return [self._evidence(FOUND, trial.kind, trial.value)]
                tried[trial.kind] += 1
        return [self._evidence(TRIED, kind, str(count)) for kind, count in tried.items()]

    def _is_success(self, trial: Trial[StreamLinkT], found: PageFetch) -> bool:
        """Whether a change helped. A fetch that only gets further in TLS or to WebSocket helps, too."""
        if found.is_proven or found.fault is None:
            return True
        if trial.kind == OTHER_NAME:
            return found.layer in (OUTER_TLS, REALITY) or bool(found.opened)
        opened = {name for name, _ in found.opened} - {name for name, _ in self._first.opened}
        return REALITY in opened or (trial.kind in ("server-name", "path") and bool(opened))

    def _evidence(self, kind: str, *values: str) -> ProtocolEvidence:
        return ProtocolEvidence(self._protocol, kind, values, from_experiment=True)


def end_of(found: PageFetch) -> tuple[object, ...]:
    """How a fetch ended, to compare two of them. A page counts by its status and its text.

    Whether a connection is closed or reset depends on what the server has read: that is no difference.
    """
    fault = "closed" if found.fault == "reset" else found.fault
    digest = hashlib.sha256(found.text).digest() if found.status else b""
    return (fault, found.layer, found.layer_fault, found.status, digest)


def _is_alike(found: PageFetch, other: PageFetch) -> bool:
    """Whether two fetches got an answer of HTTP with the same status, as expected or not."""
    return found.status is not None and (found.status, found.fault) == (other.status, other.fault)


async def _together(fetches: Iterable[Awaitable[PageFetch]]) -> list[PageFetch]:
    """Fetch at once. What this machine cannot send counts as unreachable."""
    found = await asyncio.gather(*fetches, return_exceptions=True)
    return [each if isinstance(each, PageFetch) else _not_sent(each) for each in found]


def _not_sent(error: BaseException) -> PageFetch:
    if not isinstance(error, OSError):
        raise error
    return PageFetch("unreachable", reason=error.strerror or "")
