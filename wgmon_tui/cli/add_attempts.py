"""What the attempts of `add` find while it waits: a line for each change, and where a stopped wait stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from wgmon_tui.checks.verdict import Diagnosis, Verdict, describe_likelihood
from wgmon_tui.text import FEW, MINUTE_S, format_elapsed, format_list, quoted

_CAUSES = 3
"""Causes in a line. The result has all of them, with what to type."""


class AttemptLog:
    """Says what each attempt found, if that is new. `say` gets the lines, for standard error."""

    def __init__(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        self._names = names
        self._say = say
        self._found: dict[str, Diagnosis] = {}

    def note_failure(self, name: str, found: Diagnosis, left_s: float, more: int) -> None:
        """An attempt failed. Silence is tried again for `left_s` seconds, another failure `more` times."""
        before = self._found.get(name)
        self._found[name] = found
        if before and (before.verdict, before.causes) == (found.verdict, found.causes):
            return
        again = f"for {_about(left_s)}" if found.verdict is Verdict.SILENT else f"up to {more} times"
        self._say(f"{name}: {self._describe(found)} Trying again {again}.")

    def note_handshake(self, name: str) -> None:
        """The handshake worked, after attempts that failed."""
        if self._found.pop(name, None):
            self._say(f"{name}: the handshake works now. Testing the data path.")

    def describe_stop(self) -> str:
        """What a person who stops the wait has to know: the last results, and that the entries stay."""
        verb = "stays" if len(self._names) == 1 else "stay"
        stays = f"{format_list(map(quoted, self._names), most=FEW)} {verb} in servers.toml"
        if not self._found:
            return f"stopped waiting; {stays}"
        results = {name: found.verdict.slug for name, found in self._found.items()}
        last = format_list((f"{slug} for {quoted(name)}" for name, slug in results.items()), most=FEW)
        if len(self._names) == 1:
            [last] = results.values()
        return f"stopped waiting; last result: {last}; {stays}"

    def _describe(self, found: Diagnosis) -> str:
        """The verdict, and the likeliest causes; of many servers only the summary."""
        line = f"{found.verdict.slug}. {found.summary}"
        if not found.causes or len(self._names) > FEW:
            return line
        causes = "; or ".join(each.cause for each in found.causes[:_CAUSES])
        rest = "; or others" if len(found.causes) > _CAUSES else ""
        return f"{line} {describe_likelihood(found.causes).capitalize()}: {causes}{rest}."


def _about(seconds: float) -> str:
    """A duration as a person set it: 298 s of five minutes are 5 min."""
    whole = ceil(seconds / MINUTE_S) * MINUTE_S if seconds > 2 * MINUTE_S else ceil(seconds)
    return format_elapsed(whole)
