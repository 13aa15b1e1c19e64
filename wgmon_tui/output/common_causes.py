"""Causes that several failed servers have in common, said once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from wgmon_tui.checks.verdict import Cause, describe_likelihood
from wgmon_tui.monitor.models import Round
from wgmon_tui.output.advice_lines import format_next_step
from wgmon_tui.output.styled_text import Span, TextFormat, TextRole, lay_out
from wgmon_tui.records import dataclass
from wgmon_tui.text import FEW, format_list, printable

_FIX_INDENT = 7
_GroupKey = tuple[tuple[str, bool], ...]


@dataclass(slots=True)
class _Variants:
    """Reason and next step of one cause, for the first servers where they differ; the others are counted."""

    names: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    omitted: int = 0

    def add(self, name: str, cause: Cause) -> None:
        key = cause.why, cause.fix
        if key in self.names:
            self.names[key].append(name)
        elif len(self.names) < FEW:
            self.names[key] = [name]
        else:
            self.omitted += 1


@dataclass(slots=True)
class _Group:
    """Servers that failed with the same causes."""

    causes: Sequence[Cause]
    servers: list[str] = field(default_factory=list)
    verdicts: dict[str, None] = field(default_factory=dict)
    variants: list[_Variants] = field(default_factory=list)


class CommonCauses:
    """Collects the causes of rounds. `take` returns those that were not returned before."""

    def __init__(self) -> None:
        self._groups: dict[_GroupKey, _Group] = {}
        self._said: set[_GroupKey] = set()

    def add(self, outcome: Round) -> None:
        """Add the causes of a server that is not up."""
        causes = outcome.diagnosis.causes
        key = tuple((each.cause, each.proven) for each in causes)
        if not causes or key in self._said:
            return
        group = self._groups.setdefault(key, _Group(causes, variants=[_Variants() for _ in causes]))
        group.servers.append(outcome.check.server)
        group.verdicts[outcome.diagnosis.verdict.slug] = None
        for variants, cause in zip(group.variants, causes, strict=True):
            variants.add(outcome.check.server, cause)

    def take(self, text_format: TextFormat) -> str:
        """Return the new causes as text; empty if there are none."""
        groups = list(self._groups.values())
        self._said |= self._groups.keys()
        self._groups.clear()
        return "\n".join(line for group in groups for line in _format_group(group, text_format))


def format_causes(causes: Sequence[Cause], text_format: TextFormat) -> Iterator[str]:
    """Yield the causes of one server, likeliest first: each with its reason and its next step."""
    for number, cause in enumerate(causes, 1):
        yield _title(number, cause, causes, cause.why, text_format)
        yield format_next_step(cause.fix, text_format, indent=_FIX_INDENT)


def _format_group(group: _Group, text_format: TextFormat) -> Iterator[str]:
    names = printable(format_list(group.servers, most=FEW))
    yield lay_out(
        [Span("Causes for "), Span(names, TextRole.NAME), Span(f" ({format_list(group.verdicts)}):")],
        text_format,
        hanging=4,
    )
    for number, (cause, variants) in enumerate(zip(group.causes, group.variants, strict=True), 1):
        reasons = {why for why, _ in variants.names}
        why = cause.why if len(reasons) == 1 else ""
        yield _title(number, cause, group.causes, why, text_format)
        for (reason, fix), servers in variants.names.items():
            whose = "" if len(variants.names) == 1 else printable(format_list(servers, most=FEW))
            if not why:
                yield lay_out([Span(f"{whose}: {printable(reason)}")], text_format, indent=_FIX_INDENT,
                              hanging=_FIX_INDENT)  # fmt: skip
            yield format_next_step(fix, text_format, indent=_FIX_INDENT, whose=whose)
        if variants.omitted:
            more = f"{variants.omitted} more"
            yield format_next_step("wgmon-tui probe NAME", text_format, indent=_FIX_INDENT, whose=more)


def _title(number: int, cause: Cause, causes: Sequence[Cause], why: str, text_format: TextFormat) -> str:
    known_as = f"{describe_likelihood(causes)}: " if number == 1 else ""
    reason = f": {printable(why)}" if why else ""
    text = f"{number}. {known_as}{printable(cause.cause)}{reason}"
    return lay_out([Span(text)], text_format, indent=4, hanging=_FIX_INDENT)
