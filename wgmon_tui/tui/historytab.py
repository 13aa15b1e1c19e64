"""What the history of one server says: figures over four windows, and its failed checks as lines of a list.

Pure: records in, Rich texts out. What could not be counted is always said beside what was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.fleet.records import Address
from wgmon_tui.fleet.vantage_settings import HOME
from wgmon_tui.history.records import ExchangeLine, PastCheck, Seen, SightId
from wgmon_tui.text import format_elapsed, format_recent_time, format_rtt, format_share, format_uptime
from wgmon_tui.tui.format import fit
from wgmon_tui.tui.text_style import Ink

WINDOWS = (("1 h", 3600.0), ("24 h", 86400.0), ("7 d", 604800.0), ("30 d", 2592000.0))
"""What the figures are of, with the length in seconds."""

_LEAST_GAP_S = 1.0
_WINDOW, _UPTIME, _LOSS, _TIME, _CHECKS = 6, 8, 7, 9, 11
_WIDE = 100
_LEAST_WORDS = 20
_WHEN, _VERDICT, _LONGEST_ORIGIN = 15, 16, 12


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed check, what opens its packets where they were kept, and whether another vantage made it."""

    check: PastCheck
    exchange: ExchangeLine | SightId | None
    elsewhere: bool = False

    @property
    def origin(self) -> str:
        """The vantage that made it."""
        return self.check.vantage or HOME


@dataclass(frozen=True, slots=True)
class FailureColumns:
    """How wide two columns of the failed checks are; `origin` is 0 where all of them are ours."""

    origin: int
    address: int


def figures(seen: Sequence[Seen], ink: Ink) -> list[Text]:
    """A heading, and uptime, loss and percentiles of each of `WINDOWS`; every figure is of what was seen."""
    muted, wide = ink.palette.muted, ink.width >= _WIDE
    titles = f"{'':<{_WINDOW}}{'uptime':>{_UPTIME}}{'loss':>{_LOSS}}"
    titles += "".join(f"{name:>{_TIME}}" for name in ("p50", "p95", "p99"))
    titles += f"{'checks':>{_CHECKS}}" if wide else ""
    left = len(titles) + 2
    if ink.width - left < _LEAST_WORDS:
        return [Text(titles, style=muted), *_with_words_below(seen, ink)]
    lines = [Text(f"{titles}  not counted", style=muted)]
    for (name, length), found in zip(WINDOWS, seen, strict=True):
        line = _counted(name, found, wide, ink)
        words = wrap(uncounted(found, length), ink.width - left, break_on_hyphens=False)
        lines.append(line.append("  ").append(words[0] if words else "", muted))
        lines += [Text(" " * left + more, style=muted) for more in words[1:]]
    return lines


def _with_words_below(seen: Sequence[Seen], ink: Ink) -> Iterator[Text]:
    """Where there is no room for them beside the figures."""
    for (name, length), found in zip(WINDOWS, seen, strict=True):
        yield _counted(name, found, False, ink)
        words = uncounted(found, length)
        for line in wrap(f"not counted: {words}" if words else "", max(1, ink.width - _WINDOW)):
            yield Text(" " * _WINDOW + line, style=ink.palette.muted)


def uncounted(seen: Seen, window: float) -> str:
    """What of `window` seconds does not count, and why; empty where all of it does."""
    nobody = window - seen.counted - seen.unknown - seen.paused - seen.maintenance
    parts = (
        ("unknown", seen.unknown),
        ("paused", seen.paused),
        ("maintenance", seen.maintenance),
        ("not checked", nobody),
    )
    # A check is judged when it ends, so the newest seconds are never in the figures yet.
    least = max(_LEAST_GAP_S, window / 100)
    return ", ".join(
        f"{word} {format_elapsed(seconds)}"
        for word, seconds in parts
        if seconds >= (least if word == "not checked" else _LEAST_GAP_S)
    )


def _counted(name: str, seen: Seen, wide: bool, ink: Ink) -> Text:
    palette, absent = ink.palette, ink.glyphs.absent
    line = Text().append(f"{name:<{_WINDOW}}", palette.muted)

    def figure(text: str | None, width: int) -> None:
        line.append(f"{text or absent:>{width}}", palette.muted if text is None else palette.text)

    figure(None if seen.uptime is None else format_uptime(seen.uptime), _UPTIME)
    figure(None if seen.loss is None else format_share(seen.loss), _LOSS)
    for value in (seen.p50, seen.p95, seen.p99):
        figure(None if value is None else format_rtt(value), _TIME)
    if wide:
        figure(f"{seen.checks:,}", _CHECKS)
    return line


def failure_columns(failures: Sequence[Failure]) -> FailureColumns:
    """The columns for a list of failed checks; from where is only said where some are from elsewhere."""
    address = max((len(_address(failure.check.address)) for failure in failures), default=0)
    if not any(failure.elsewhere for failure in failures):
        return FailureColumns(0, address)
    longest = max(cell_len(failure.origin) for failure in failures)
    return FailureColumns(min(max(longest, len("from")), _LONGEST_ORIGIN), address)


def failure_heading(columns: FailureColumns) -> str:
    """The titles of the list of failed checks."""
    origin = f"{'from':<{columns.origin}}  " if columns.origin else ""
    return f"{'time':<{_WHEN}}  {'verdict':<{_VERDICT}}  {origin}{'address':<{columns.address}}  packets"


def failure_line(failure: Failure, now: float, columns: FailureColumns, ink: Ink) -> Text:
    """One failed check, under its heading."""
    check, palette = failure.check, ink.palette
    line = Text().append(
        fit(format_recent_time(check.at, now, seconds=True), _WHEN, ink.glyphs), palette.text
    )
    verdict = fit(check.verdict.slug, _VERDICT, ink.glyphs)
    line.append(f"  {verdict}", palette.severity[check.verdict.severity])
    if columns.origin:
        origin = fit(ink.glyphs.clean(failure.origin), columns.origin, ink.glyphs)
        line.append(f"  {origin}", palette.text if failure.elsewhere else palette.muted)
    line.append(f"  {_address(check.address):<{columns.address}}", palette.muted)
    line.append("  ").append(*_packets(failure, ink))
    if check.tunnel_sent:
        line.append(f"  tunnel {check.tunnel_received or 0} of {check.tunnel_sent}", palette.muted)
    return line


def _packets(failure: Failure, ink: Ink) -> tuple[str, Style]:
    if failure.exchange is None:
        return "not kept", ink.palette.muted
    return "kept    ", ink.palette.accent


def _address(address: Address | None) -> str:
    return str(address) if address else "unresolved"
