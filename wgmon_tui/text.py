"""Text formatting of durations, times, lists, counts, shares and untrusted text.

Pure functions of the lowest layer: all modules may use them, and they import none. Seconds are floats; a Unix
time is in seconds since the epoch.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import inf

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

FEW = 3
"""How many names a sentence lists; it counts the others."""

TYPOGRAPHY_IN_ASCII = str.maketrans(
    {"—": "-", "–": "-", "→": "->", "←": "<-", "…": "...", "≠": "!=", "·": "-", "’": "'", "“": '"', "”": '"'}
)
"""ASCII replacements for the typographic characters that messages use."""

_LONGEST_QUOTE = 40

_SECONDS_BELOW = 100
"""Below this, durations show seconds: `75 s`, not `1 min`."""

_LIMIT_UNITS = (("d", DAY_S, 2 * DAY_S), ("h", HOUR_S, HOUR_S), ("min", MINUTE_S, MINUTE_S))

_LONGEST_S = 99_999.0 * DAY_S
_YEAR_9999 = 253_370_764_800.0

_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
"""32 bytes in canonical base64: a WireGuard key, which may be a secret."""

_SHARE_LINK = re.compile(
    r"(ssr?|vmess|vless|trojan|hysteria2?|hy2|tuic|anytls|socks5?|wireguard|wg|awg|vpn):/(?=/?[^/\s])\S*",
    re.IGNORECASE,
)
"""A share link, also one from which `Path` has taken a slash. All of it may be a password."""

_URL_SECRETS = re.compile(r"(?<=://)[^/\s]*(?=@)|(?<=\?)\S+")
"""The user and the password in a URL, and its query, which often has a token."""

_TOKEN = re.compile(r"(hskey-|tskey-|nbp_|eyJ)[A-Za-z0-9_.-]{16,}")
"""A token of headscale, Tailscale or NetBird, or a JSON Web Token, as they begin."""

# Durations


def format_elapsed(seconds: float) -> str:
    """Format a duration: `75 s`, `12 min`, `3 h 05 min`, `2 d 04 h`, `41 d`.

    Truncates, never rounds up. Takes at most eleven cells; stops at 99,999 days.
    """
    whole = int(min(max(0.0, seconds), _LONGEST_S))
    minutes, hours, days = whole // MINUTE_S, whole // HOUR_S, whole // DAY_S
    if whole < _SECONDS_BELOW:
        return f"{whole} s"
    if whole < HOUR_S:
        return f"{minutes} min"
    if whole < DAY_S:
        return f"{hours} h {minutes % 60:02} min"
    return f"{days} d {hours % 24:02} h" if days < 10 else f"{days} d"


def format_age(seconds: float) -> str:
    """Format an age: `42 s ago`, `3 h 05 min ago`; `0 s ago` for the future."""
    return f"{format_elapsed(seconds)} ago"


def format_rtt(seconds: float) -> str:
    """Format a round-trip time to three digits, in at most seven cells: `0.42 ms`, `12.4 ms`, `1.20 s`."""
    milliseconds = seconds * 1000
    if milliseconds < 0.995:
        return f"{milliseconds:.2f} ms"
    if milliseconds < 99.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds:.0f} s"


def format_offset(seconds: float) -> str:
    """Format a time offset in a check, to the microsecond: `+0.413 ms`, `+12.38 ms`, `+1.250 s`."""
    milliseconds = seconds * 1000
    if milliseconds < 0.9995:
        return f"+{milliseconds:.3f} ms"
    return f"+{milliseconds:.2f} ms" if milliseconds < 999.995 else f"+{seconds:.3f} s"


def format_limit(seconds: float) -> str:
    """Format a configured duration exactly: `500 ms`, `2.5 s`, `90 s`, `24 h`, and days from `2 d`."""
    for unit, length, least in _LIMIT_UNITS:
        if seconds >= least and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


# Times


def format_local_time(at: float, *, seconds: bool = True, zone: bool = False) -> str:
    """Format a Unix time in the local zone: `2026-11-22 19:18:05`; `zone` appends the zone's name."""
    then = datetime.fromtimestamp(in_calendar(at), UTC).astimezone()
    return then.strftime(f"%Y-%m-%d {_clock(seconds)}{' %Z' if zone else ''}")


def format_local_date(at: float) -> str:
    """Format the day of a Unix time in the local zone: `2026-11-22`."""
    return time.strftime("%Y-%m-%d", _local(at))


def format_utc_time(at: float, *, seconds: bool = True) -> str:
    """Format a Unix time in UTC: `2026-11-22 19:18:05 UTC`."""
    return time.strftime(f"%Y-%m-%d {_clock(seconds)} UTC", time.gmtime(in_calendar(at)))


def format_iso_time(at: float) -> str:
    """Format a Unix time in ISO 8601, to the millisecond: `2026-11-22T19:18:05.250+00:00`."""
    return datetime.fromtimestamp(in_calendar(at), UTC).isoformat(timespec="milliseconds")


def format_file_time(at: float) -> str:
    """Format a Unix time for a file name, in UTC: `20261122T191805Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(in_calendar(at)))


def format_clock(at: float, *, seconds: bool = False) -> str:
    """Format the local time of day: `19:18`, with seconds `19:18:05`."""
    return time.strftime(_clock(seconds), _local(at))


def format_clock_and_zone(at: float) -> str:
    """Format the local time of day with its zone: `19:18 CET`."""
    return time.strftime(f"{_clock(seconds=False)} %Z", _local(at)).rstrip()


def format_day(at: float) -> str:
    """Format the local day without its year: `Nov 22`."""
    return time.strftime("%b %d", _local(at))


def in_calendar(at: float) -> float:
    """Return the nearest Unix time from 1970 to 9999: a stored or foreign time may be no time at all."""
    return min(max(0.0, at), _YEAR_9999)


def _local(at: float) -> time.struct_time:
    return time.localtime(in_calendar(at))


def format_recent_time(at: float, now: float, *, seconds: bool = False, narrow: bool = False) -> str:
    """Format a Unix time relative to `now`: `19:15` today, `Nov 21 19:15`, `2024 Nov 21`.

    `narrow` is for columns of six cells: `19:15` today, `Nov 21`, `2024`. Unlike an age it does not change
    every second, so its row is not repainted.
    """
    then, today = _local(at), _local(now)
    if then[:3] == today[:3]:
        return format_clock(at, seconds=seconds)
    if then.tm_year != today.tm_year:
        return str(then.tm_year) if narrow else f"{then.tm_year} {format_day(at)}"
    return format_day(at) if narrow else f"{format_day(at)} {format_clock(at, seconds=seconds)}"


def format_until(until: float, now: float) -> str:
    """Format an end time: `until 19:15`, `until Nov 23 09:00`; `until unmuted` without an end."""
    return f"until {'unmuted' if until == inf else format_recent_time(until, now)}"


def _clock(seconds: bool) -> str:
    return "%H:%M:%S" if seconds else "%H:%M"


# Lists


def format_list(items: Iterable[object], *, most: int | None = None) -> str:
    """Format a list: `a, b and c`. More than `most` items are counted: `a, b and 7 more`."""
    words = [str(each) for each in items]
    if most is not None and len(words) > most:
        words[most:] = [f"{len(words) - most} more"]
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last


def count_repeated(sentences: Iterable[str]) -> list[str]:
    """Each sentence once, with how often it is there: `…, 3 times`."""
    return [each if count == 1 else f"{each}, {count} times" for each, count in Counter(sentences).items()]


def format_servers(names: Sequence[str]) -> str:
    """Format servers for a notice: names up to FEW, else their number."""
    few = len(names) <= FEW
    return format_list(names) if few else format_count(len(names), "server")


# Numbers


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Format a count: `1 server`, `2 servers`. `plural` is for irregular nouns."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def format_bytes(size: int) -> str:
    """Format a size in the unit that gives a number below 1024: `512 bytes`, `1.5 KiB`, `64 MiB`."""
    if size < 1024:
        return format_count(size, "byte")
    scaled, unit = size / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if scaled < 1023.95:
            break
        scaled, unit = scaled / 1024, larger
    return f"{scaled:.1f}".removesuffix(".0") + f" {unit}"


def format_share(part: float) -> str:
    """Format a share of 0 to 1 as a percentage; only exactly 0 is `0%`."""
    if part == 0:
        return "0%"
    return f"{part:.1%}" if part < 0.0995 else f"{part:.0%}"


def format_uptime(part: float) -> str:
    """Format a share of 0 to 1 as a truncated percentage; only exactly 1 is `100%`."""
    if part >= 1:
        return "100%"
    hundredths = int(part * 10_000)
    return f"{hundredths / 100:.2f}%" if hundredths >= 9_000 else f"{hundredths // 10 / 10:.1f}%"


# Suggestions


_LEAST_SIMILARITY = 0.75
"""difflib's own limit lets "over" mean "remove"."""

LEAST_SIMILARITY_OF_SHORT_WORDS = 0.6
"""Of three letters, one wrong one leaves two thirds: "rrt" means "rtt"."""


def nearest_word(word: str, known: Iterable[str], least_similarity: float = _LEAST_SIMILARITY) -> str:
    """Return the most similar of the known words; the empty text if none is similar."""
    from difflib import get_close_matches  # only after a mistake

    by_lower_case = {each.lower(): each for each in known}
    nearest = get_close_matches(word.lower(), by_lower_case, n=1, cutoff=least_similarity)
    return by_lower_case[nearest[0]] if nearest else ""


def did_you_mean(word: str, known: Iterable[str], least_similarity: float = _LEAST_SIMILARITY) -> str:
    """Return the question `did you mean "probe"?`; the empty text if no known word is similar."""
    nearest = nearest_word(word, known, least_similarity)
    return f"did you mean {quoted(nearest)}?" if nearest else ""


# Untrusted text


def printable(text: str) -> str:
    """Escape all characters in `text` that are not printable."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def system_reason(error: OSError | ValueError, otherwise: str) -> str:
    """Why the system refused a path or a command, in its words.

    `otherwise` is for what Python refuses before the system sees it, such as a zero byte: a ValueError.
    """
    return (isinstance(error, OSError) and error.strerror) or otherwise


def looks_like_secret(text: str) -> bool:
    """Whether a text is a key, a share link, a URL or a token, where the name of a file should stand."""
    said = text.strip()
    return any(kind.fullmatch(said) for kind in (_KEY, _SHARE_LINK, _TOKEN)) or "://" in said


def hide_secrets(text: str) -> str:
    """`text` without what is secret in share links, URLs and tokens."""
    hidden = _SHARE_LINK.sub(lambda link: f"{link[1]}://…", text)
    return _TOKEN.sub(lambda token: f"{token[1]}…", _URL_SECRETS.sub("…", hidden))


def quoted(text: str) -> str:
    """Quote `text` for a message: escaped, shortened, and without a key, a password or a token."""
    if _KEY.fullmatch(text.strip()):
        return "a key"
    safe = hide_secrets(text)
    cut = safe if len(safe) <= _LONGEST_QUOTE else safe[:_LONGEST_QUOTE] + "…"
    return f'"{printable(cut)}"'
