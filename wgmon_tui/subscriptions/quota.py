"""What a provider says of a subscription itself: its end, and how much traffic is left.

Providers send it with the list, in the header `Subscription-Userinfo` that Clash and sing-box clients read:
`upload=1; download=2; total=3; expire=4`, in bytes and Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.text import DAY_S, format_bytes, format_elapsed, format_local_time

HEADER = "Subscription-Userinfo"

_SOON_S = 30.0 * DAY_S
_NEARLY_USED = 0.9
_LONGEST = 500
_LATEST = 32_503_680_000.0
"""Unix seconds of the year 3000: a later end is none."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The end in Unix seconds, and bytes; None for what the provider does not say or does not limit."""

    ends_at: float | None = None
    used: int | None = None
    total: int | None = None

    @property
    def left(self) -> str:
        """The traffic that is left, as a phrase; "" if the provider does not say or limit it."""
        if self.used is None or not self.total:
            return ""
        return f"{format_bytes(max(0, self.total - self.used))} of {format_bytes(self.total)} left"

    def warning(self, now: float) -> str:
        """What ends within 30 days or is nearly used up, as a phrase; "" for neither."""
        parts = []
        if self.ends_at is not None and self.ends_at - now < _SOON_S:
            when = format_local_time(self.ends_at, seconds=False)
            left = self.ends_at - now
            parts.append(f"ends {when}, in {format_elapsed(left)}" if left > 0 else f"ended {when}")
        if self.used is not None and self.total and self.used >= _NEARLY_USED * self.total:
            parts.append(f"{format_bytes(self.used)} of {format_bytes(self.total)} are used")
        return ", ".join(parts)


def parse_quota(header: str) -> Quota | None:
    """Read the header; None without one. What cannot be read is left out."""
    values: dict[str, int] = {}
    for part in header[:_LONGEST].split(";"):
        name, _, value = part.partition("=")
        digits = value.strip().partition(".")[0]
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            values[name.strip().lower()] = int(digits)
    if not values:
        return None
    end = float(values.get("expire", 0))
    used = values.get("upload", 0) + values.get("download", 0)
    known = "upload" in values or "download" in values
    return Quota(end if 0 < end < _LATEST else None, used if known else None, values.get("total") or None)
