"""When to send again what was not acknowledged: RFC 6298."""

from __future__ import annotations

_INITIAL_S = 1.0
_MIN_S = 0.2
"""As Linux: RFC 6298 recommends a second, which is long for a check."""

_MAX_S = 15.0
_GRANULARITY_S = 0.001


class RetransmissionTimer:
    """The timeout from measured round trips, doubled after each expiry, and when it expires next."""

    def __init__(self) -> None:
        self.expires_at: float | None = None
        """None while nothing waits for an acknowledgement."""
        self.expiries = 0
        """How often it has expired since the last progress."""
        self._smoothed: float | None = None
        self._variation = 0.0
        self._timeout = _INITIAL_S

    @property
    def round_trip(self) -> float | None:
        """The smoothed round trip in seconds; None before the first measurement."""
        return self._smoothed

    def measure(self, seconds: float) -> None:
        """Take the round trip of a segment that was sent once."""
        if self._smoothed is None:
            self._smoothed, self._variation = seconds, seconds / 2
        else:
            self._variation = 0.75 * self._variation + 0.25 * abs(self._smoothed - seconds)
            self._smoothed = 0.875 * self._smoothed + 0.125 * seconds
        spread = max(_GRANULARITY_S, 4 * self._variation)
        self._timeout = min(_MAX_S, max(_MIN_S, self._smoothed + spread))

    def start(self, now: float) -> None:
        """Start, unless it runs."""
        if self.expires_at is None:
            self.restart(now)

    def restart(self, now: float) -> None:
        """Start again, after progress or after something was sent again."""
        self.expires_at = now + min(_MAX_S, self._timeout * 2**self.expiries)

    def stop(self) -> None:
        """Everything is acknowledged."""
        self.expires_at = None

    def expire(self, now: float) -> bool:
        """Whether it has expired. Then it counts that, and stops."""
        if self.expires_at is None or now < self.expires_at:
            return False
        self.expires_at = None
        self.expiries += 1
        return True

    def progress(self) -> None:
        """The peer has acknowledged something new: the next expiry is the first one again."""
        self.expiries = 0
