"""Text of the History tab: figures of four periods, and failed checks as list lines.

Pure functions: records in, Rich text out. Time that could not be counted is always shown next to the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.config.vantages import LOCAL_VANTAGE
from wgmon_tui.net.addresses import Address
from wgmon_tui.store.models import ExchangeSummary, PeriodSummary, StoredCheck
from wgmon_tui.text import format_elapsed, format_recent_time, format_rtt, format_share, format_uptime
from wgmon_tui.tui.text_format import fit
from wgmon_tui.tui.theme.text_style import TextStyle

WINDOWS = (("1 h", 3600.0), ("24 h", 86400.0), ("7 d", 604800.0), ("30 d", 2592000.0))
"""The periods of the figures, with their length in seconds."""

_MIN_GAP_S = 1.0
_WINDOW, _UPTIME, _LOSS, _TIME, _CHECKS = 6, 8, 7, 9, 11
_WIDE = 100
_MIN_TEXT_WIDTH = 20
_WHEN, _VERDICT, _LONGEST_ORIGIN = 15, 16, 12


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A failed check, the reference to its packets if stored, and whether another vantage ran it."""

    check: StoredCheck
    exchange: ExchangeSummary | None
    is_remote: bool = False

    @property
    def origin(self) -> str:
        """The vantage that ran the check."""
        return self.check.vantage or LOCAL_VANTAGE


@dataclass(frozen=True, slots=True)
class FailedCheckColumns:
    """Widths of two columns of the failed checks. `origin` is 0 if this machine ran all of them."""

    origin: int
    address: int


def figures(seen: Sequence[PeriodSummary], text_style: TextStyle) -> list[Text]:
    """A heading, then uptime, loss and percentiles of each of `WINDOWS`, from the counted time only."""
    muted, wide = text_style.palette.muted, text_style.width >= _WIDE
    titles = f"{'':<{_WINDOW}}{'uptime':>{_UPTIME}}{'loss':>{_LOSS}}"
    titles += "".join(f"{name:>{_TIME}}" for name in ("p50", "p95", "p99"))
    titles += f"{'checks':>{_CHECKS}}" if wide else ""
    left = len(titles) + 2
    if text_style.width - left < _MIN_TEXT_WIDTH:
        return [Text(titles, style=muted), *_stacked_figures(seen, text_style)]
    lines = [Text(f"{titles}  not counted", style=muted)]
    for (name, length), found in zip(WINDOWS, seen, strict=True):
        line = _figures_line(name, found, wide, text_style)
        words = wrap(describe_uncounted(found, length), text_style.width - left, break_on_hyphens=False)
        lines.append(line.append("  ").append(words[0] if words else "", muted))
        lines += [Text(" " * left + more, style=muted) for more in words[1:]]
    return lines


def _stacked_figures(seen: Sequence[PeriodSummary], text_style: TextStyle) -> Iterator[Text]:
    """The figures with the uncounted time on separate lines, for narrow terminals."""
    for (name, length), found in zip(WINDOWS, seen, strict=True):
        yield _figures_line(name, found, False, text_style)
        words = describe_uncounted(found, length)
        for line in wrap(f"not counted: {words}" if words else "", max(1, text_style.width - _WINDOW)):
            yield Text(" " * _WINDOW + line, style=text_style.palette.muted)


def describe_uncounted(seen: PeriodSummary, window: float) -> str:
    """The uncounted part of `window` seconds, by reason; empty if all of it counts."""
    unchecked = window - seen.counted - seen.unknown - seen.paused - seen.maintenance
    parts = (
        ("unknown", seen.unknown),
        ("paused", seen.paused),
        ("maintenance", seen.maintenance),
        ("not checked", unchecked),
    )
    # A check counts when it ends, so the newest seconds are never in the figures.
    least = max(_MIN_GAP_S, window / 100)
    return ", ".join(
        f"{word} {format_elapsed(seconds)}"
        for word, seconds in parts
        if seconds >= (least if word == "not checked" else _MIN_GAP_S)
    )


def _figures_line(name: str, seen: PeriodSummary, wide: bool, text_style: TextStyle) -> Text:
    palette, absent = text_style.palette, text_style.glyphs.absent
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


def failure_columns(failures: Sequence[FailedCheck]) -> FailedCheckColumns:
    """The columns for a list of failed checks. The vantage is shown only if another vantage ran some."""
    address = max((len(_address(failure.check.address)) for failure in failures), default=0)
    if not any(failure.is_remote for failure in failures):
        return FailedCheckColumns(0, address)
    longest = max(cell_len(failure.origin) for failure in failures)
    return FailedCheckColumns(min(max(longest, len("from")), _LONGEST_ORIGIN), address)


def failure_heading(columns: FailedCheckColumns) -> str:
    """The titles of the list of failed checks."""
    origin = f"{'from':<{columns.origin}}  " if columns.origin else ""
    return f"{'time':<{_WHEN}}  {'verdict':<{_VERDICT}}  {origin}{'address':<{columns.address}}  packets"


def failure_line(
    failure: FailedCheck, now: float, columns: FailedCheckColumns, text_style: TextStyle
) -> Text:
    """One failed check, under its heading."""
    check, palette = failure.check, text_style.palette
    line = Text().append(
        fit(format_recent_time(check.at, now, seconds=True), _WHEN, text_style.glyphs), palette.text
    )
    verdict = fit(check.verdict.slug, _VERDICT, text_style.glyphs)
    line.append(f"  {verdict}", palette.severity[check.verdict.severity])
    if columns.origin:
        origin = fit(text_style.glyphs.clean(failure.origin), columns.origin, text_style.glyphs)
        line.append(f"  {origin}", palette.text if failure.is_remote else palette.muted)
    line.append(f"  {_address(check.address):<{columns.address}}", palette.muted)
    line.append("  ").append(*_packets(failure, text_style))
    if check.tunnel_sent:
        line.append(f"  tunnel {check.tunnel_received or 0} of {check.tunnel_sent}", palette.muted)
    return line


def _packets(failure: FailedCheck, text_style: TextStyle) -> tuple[str, Style]:
    if failure.exchange is None:
        return "not stored", text_style.palette.muted
    return "stored    ", text_style.palette.accent


def _address(address: Address | None) -> str:
    return str(address) if address else "unresolved"
