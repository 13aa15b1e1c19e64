"""What other vantages see, followed by a viewer: read in its thread, shown on its board in the loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wgmon_tui.history.elsewhere import sight_of
from wgmon_tui.history.reading import History
from wgmon_tui.history.records import SeenFrom
from wgmon_tui.history.sightings import Vantages
from wgmon_tui.monitor.board import Board
from wgmon_tui.monitor.damping import from_json
from wgmon_tui.monitor.sights import Sight


@dataclass(frozen=True, slots=True)
class SightNews:
    """What vantages say now. `homes` is the damping rule's state of the writer's own checks, where that
    changed; `vantages` is said where `seen` replaces all that was shown.
    """

    seen: Sequence[SeenFrom] = ()
    homes: Mapping[str, str] | None = None
    vantages: Vantages | None = None


class Sightseeing:
    """Reads what is new of it, look by look."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._version = 0
        self._homes: dict[str, str] = {}

    def look(self, *, all_anew: bool = False) -> SightNews | None:
        """What is new since the last look; None where nothing is. Raises StoreUnavailableError."""
        version = self._history.sights_version()
        if version == self._version and not all_anew:
            return None
        # In this order what comes meanwhile is seen twice and not missed.
        before, self._version = self._version, version
        vantages = self._history.vantages() if all_anew else None
        seen = self._history.seen_from(0 if all_anew else before)
        homes = self._history.homes() if seen or all_anew else {}
        changed = {name: home for name, home in homes.items() if all_anew or self._homes.get(name) != home}
        self._homes = homes
        return SightNews(seen, changed, vantages)


def show_sights(board: Board, news: SightNews | None, checked: set[str]) -> None:
    """Write on the board what is new. Servers that the writer itself has `checked` are agreed on anew."""
    sights: defaultdict[str, list[Sight]] = defaultdict(list)
    homes: Mapping[str, str] = {}
    if news:
        homes = news.homes or {}
        if news.vantages is not None:
            board.show_vantages(news.vantages.names, news.vantages.quorum)
            for name in [name for name, each in board.rows.items() if each.sights]:
                sights[name] = []
        for seen in news.seen:
            if row := board.rows.get(seen.server):
                sights[seen.server].append(sight_of(seen, row.server))
    for name in (sights.keys() | homes.keys() | checked) & board.rows.keys():
        shown = board.rows[name]
        if not (shown.sights or sights.get(name)):
            continue
        if name in homes:
            shown.damping = from_json(homes[name])
        kept = {} if news and news.vantages is not None else shown.sights
        board.show_sights(name, {**kept, **{each.vantage: each for each in sights.get(name, ())}}.values())
