"""Packets that the last checks of one address lost: initiations and echoes.

A check hides a lost initiation by its retransmission, and a single lost echo is no verdict. Only their sum
over several checks shows a path with steady loss. An outage is not loss: three or more dead checks in a row
do not count, nor do the last ones while they are all dead.

Pure functions on a frozen record.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import (
    CookieDemanded,
    FlowCut,
    InnerEcho,
    MachineStarved,
    PassiveKeepalive,
    ReceiveOverflow,
    RecentLoss,
    SocketError,
)
from wgmon_tui.checks.evidence_selection import all_of_kind, is_only_silence
from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass

CHECKS_KEPT = 20

LOSSY_SHARE = 0.05
"""Share of lost packets from which on a path is lossy."""

RECOVERED_SHARE = 0.025
"""Share of lost packets below which a lossy path is no longer lossy: it must not alternate."""

MIN_SEPARATE_LOSSES = 3
"""Checks with a loss that it takes to be lossy. Dead checks in a row are one loss."""

_OUTAGE_CHECKS = 3
_IMPROBABLE = 0.01

_LOCAL_FAULTS = (SocketError, ReceiveOverflow, MachineStarved)


class Losses(NamedTuple):
    """Packets sent and lost by one check. A check is dead if it lost all of a kind.

    An awaited keepalive counts as an echo: it is what shows that data passes where nothing inside answers.
    """

    initiations: int = 0
    initiations_lost: int = 0
    echoes: int = 0
    echoes_lost: int = 0


@dataclass(frozen=True, slots=True)
class LossWindow:
    """The losses of the last checks, oldest first, and whether the path counted as lossy after them."""

    checks: tuple[Losses, ...] = ()
    is_lossy: bool = False


NO_CHECKS = LossWindow()

LossesByAddress = tuple[tuple[Address | None, LossWindow], ...]
"""The window of each address. Most servers have one address, for which a dict takes twice as much memory."""


def window_of(losses: LossesByAddress, address: Address | None) -> LossWindow:
    """Return the window of an address; an empty one before its first check."""
    for each, window in losses:
        if each == address:
            return window
    return NO_CHECKS


def with_check(window: LossWindow, check: Check) -> LossWindow:
    """Return the window after a check. A check that shows nothing about the path changes nothing."""
    losses = _losses_of(check)
    if losses is None:
        return window
    if _is_steady(window, losses):
        return window
    checks = (*window.checks, losses)[-CHECKS_KEPT:]
    if not any(each.initiations_lost or each.echoes_lost for each in checks):
        return _window_without_loss(checks)
    share, separate = _share_lost(checks), _count_separate_losses(checks)
    if window.is_lossy:
        return LossWindow(checks, share >= RECOVERED_SHARE and separate > 0)
    return LossWindow(checks, share >= LOSSY_SHARE and separate >= MIN_SEPARATE_LOSSES)


def _is_steady(window: LossWindow, losses: Losses) -> bool:
    """Whether a full window without any loss stays as it is: that of most servers does."""
    return (
        not (window.is_lossy or losses.initiations_lost or losses.echoes_lost)
        and window.checks.count(losses) == CHECKS_KEPT
    )


def without_last_outage(window: LossWindow) -> LossWindow:
    """Return the window without the unanswered checks at its end: this machine was to blame for them."""
    kept = len(window.checks) - len(_dead_at_end([each[:2] for each in window.checks]))
    return LossWindow(window.checks[:kept], window.is_lossy)


def known_loss(window: LossWindow) -> RecentLoss | None:
    """The loss of a lossy path as evidence, else None."""
    if not window.is_lossy:
        return None
    initiations, echoes = _columns(window.checks)
    return RecentLoss(len(window.checks), *_total(initiations), *_total(echoes))


def is_explained_by_loss(window: LossWindow, check: Check) -> bool:
    """Whether the known loss is a likely reason that this check, the last of the window, is dead.

    A single dead check is. Several in a row are, while they are not improbable: an outage of a lossy server
    must become known too.
    """
    if not window.is_lossy or not window.checks or _losses_of(check) is None:
        return False
    dead = _dead_at_end(
        [each[2:] for each in window.checks if each.echoes]
        if check.handshake
        else [each[:2] for each in window.checks]
    )
    if len(dead) <= 1:
        return len(dead) == 1
    probability: float = _share_lost(window.checks) ** sum(lost for _, lost in dead)
    return len(dead) <= _OUTAGE_CHECKS and probability >= _IMPROBABLE


def _losses_of(check: Check) -> Losses | None:
    """What a check lost. None if this machine was at fault, or if something else than silence came back."""
    if check.handshake and not check.evidence:  # the check of most healthy servers without echoes
        lost = check.handshake.retransmits
        return _shared(max(check.sent, lost + 1), lost, 0, 0)
    if any(isinstance(each, _LOCAL_FAULTS) for each in check.evidence):
        return None
    demanded = len(all_of_kind(CookieDemanded, check.evidence))
    if check.handshake is None:
        sent = check.sent - demanded
        silent = sent > 0 and is_only_silence(check.evidence)
        return _shared(sent, sent, 0, 0) if silent else None
    lost = check.handshake.retransmits
    sent = received = 0
    if check.tunnel and check.tunnel.passive:
        keepalives = all_of_kind(PassiveKeepalive, check.evidence)
        sent, received = len(keepalives), sum(each.after is not None for each in keepalives)
    elif not any(isinstance(each, FlowCut) for each in check.evidence):
        for each in all_of_kind(InnerEcho, check.evidence):
            sent, received = sent + each.sent, received + each.received
    return _shared(max(check.sent - demanded, lost + 1), lost, sent, sent - received)


@lru_cache(4096)
def _shared(initiations: int, initiations_lost: int, echoes: int, echoes_lost: int) -> Losses:
    """One record for all checks alike: most are."""
    return Losses(initiations, initiations_lost, echoes, echoes_lost)


@lru_cache(4096)
def _window_without_loss(checks: tuple[Losses, ...]) -> LossWindow:
    """One record for all servers that lose nothing."""
    return LossWindow(checks)


_Counts = tuple[int, int]
"""Packets sent and lost."""


def _columns(checks: Sequence[Losses]) -> tuple[list[_Counts], list[_Counts]]:
    """Initiations and echoes of the checks that count, with (0, 0) for the others."""
    initiations = _without_outages([each[:2] for each in checks])
    return initiations, _without_outages([each[2:] for each in checks])


def _without_outages(counts: Sequence[_Counts]) -> list[_Counts]:
    """Blank the dead checks of outages, and those at the end, of which an outage may come."""
    counted: list[_Counts] = []
    for dead, group in groupby(counts, key=_is_dead):
        run = list(group)
        is_outage = dead and (
            len(run) >= _OUTAGE_CHECKS or len(counted) + len(run) == len(counts) - _count_blank_at_end(counts)
        )
        counted += [(0, 0)] * len(run) if is_outage else run
    return counted


def _count_blank_at_end(counts: Sequence[_Counts]) -> int:
    """Count the checks at the end that sent nothing of this kind."""
    return next((age for age, each in enumerate(reversed(counts)) if each[0]), len(counts))


def _is_dead(counts: _Counts) -> bool:
    sent, lost = counts
    return sent > 0 and lost >= sent


def _dead_at_end(counts: Sequence[_Counts]) -> list[_Counts]:
    dead: list[_Counts] = []
    for each in reversed(counts):
        if not _is_dead(each):
            break
        dead.append(each)
    return dead


def _total(counts: Sequence[_Counts]) -> _Counts:
    return sum(sent for sent, _ in counts), sum(lost for _, lost in counts)


def _share_lost(checks: Sequence[Losses]) -> float:
    """The share of packets lost, over initiations and echoes: both make one round trip."""
    sent, lost = _total([counts for column in _columns(checks) for counts in column])
    return lost / sent if sent else 0.0


def _count_separate_losses(checks: Sequence[Losses]) -> int:
    """Count the checks with a loss; dead ones in a row count once."""
    separate, was_dead = 0, False
    for initiations, echoes in zip(*_columns(checks), strict=True):
        is_dead = _is_dead(initiations) or _is_dead(echoes)
        separate += bool(initiations[1] or echoes[1]) and not (is_dead and was_dead)
        was_dead = is_dead
    return separate
