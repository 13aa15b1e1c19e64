"""Rendering of announcements as text and as JSON. Pure functions.

No key leaves this machine, not even a public one: anything like a key is cut to its first characters. Texts
may come from outside (a resolver's error, an operator's note), so each is made printable.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from wgmon_tui.alerts.markup import PLAIN, Markup
from wgmon_tui.alerts.models import Announcement, AnnouncementKind, ExpiryNotice, IncidentSnapshot
from wgmon_tui.checks.verdict import Severity, describe_likelihood
from wgmon_tui.output.advice_lines import advice_lines
from wgmon_tui.text import format_count, format_elapsed, format_iso_time, format_local_time, printable

VERSION = 1
"""Version of the JSON. It increases when a key changes its meaning or is removed, not for new keys."""

_LONGEST_TEXT = 400
_EVIDENCE_SHOWN = 3
_DETAILED_AT_MOST = 3
_KEY_HEAD = 8
_LATE_NOTICE_S = 60.0

_KEY = re.compile(r"(?<![A-Za-z0-9+/])([A-Za-z0-9+/]{43})=")


def without_keys(text: str) -> str:
    """Return `text` with each WireGuard key cut to its first characters: AbCdEfGh…"""
    return _KEY.sub(lambda key: f"{key[1][:_KEY_HEAD]}…", text)


def safe(text: str) -> str:
    """Return `text` as one line of printable characters, without keys."""
    return printable(without_keys(" ".join(text.split())))


def brief(text: str) -> str:
    """Return `text` made safe and cut to `_LONGEST_TEXT` characters."""
    clean = safe(text)
    return clean if len(clean) <= _LONGEST_TEXT else clean[: _LONGEST_TEXT - 1] + "…"


# One line: a subject, a heading, a line of a list


def title(announcement: Announcement) -> str:
    """Return the announcement as one line that can be understood alone."""
    match announcement.kind:
        case AnnouncementKind.TEST:
            return "wgmon-tui: test message; alerts arrive here"
        case AnnouncementKind.STOPPED if announcement.note:
            return f"wgmon-tui did not check for a while: {brief(announcement.note)}"
        case AnnouncementKind.STOPPED:
            return f"wgmon-tui{_at_vantage(announcement)} has stopped: servers are not being checked"
        case AnnouncementKind.BEAT:
            watched = format_count(len(announcement.heartbeats), "server")
            return f"wgmon-tui{_at_vantage(announcement)} checks {watched}"
        case AnnouncementKind.FIRING:
            return f"{format_count(len(announcement.about), 'server')} not up"
        case AnnouncementKind.EXPIRY if announcement.expiries:
            return _about_expiries(announcement)
        case _ if len(announcement.about) == 1:
            return _about_one(announcement, announcement.about[0])
        case _:
            return _about_several(announcement)


def _about_one(announcement: Announcement, snapshot: IncidentSnapshot) -> str:
    incident = snapshot.incident
    name, verdict, word = brief(incident.server), incident.latest.verdict.slug, incident.severity.word
    lasted = format_elapsed(announcement.at - incident.opened_at)
    text = f"{incident.severity.glyph} {name} "
    match announcement.kind:
        case AnnouncementKind.CAUSE_CHANGED if incident.flapping:
            return f"{text}alternates between {word} and up (flapping): {verdict}"
        case AnnouncementKind.CAUSE_CHANGED:
            return f"{text}is still {word}, now: {verdict}"
        case AnnouncementKind.REMINDER:
            return f"{text}is still {word} after {lasted}: {verdict}"
        case AnnouncementKind.ESCALATION:
            return f"{text}has been {word} for {lasted} without acknowledgement: {verdict}"
        case AnnouncementKind.ACKNOWLEDGED:
            return f"{text}is {word}: acknowledged by {brief(_who(snapshot)) or 'an operator'}"
        case AnnouncementKind.RECOVERED if snapshot.note:
            over = format_elapsed(snapshot.duration or 0.0)
            return (
                f"{Severity.UNKNOWN.glyph} {name}: the incident is over after {over} ({brief(snapshot.note)})"
            )
        case AnnouncementKind.RECOVERED:
            return f"{Severity.UP.glyph} {name} is up again after {format_elapsed(snapshot.duration or 0.0)}"
        case _:
            return f"{text}is {word}: {verdict}"


def _about_several(announcement: Announcement) -> str:
    about = announcement.about
    common_cause = f", all with {brief(announcement.common_cause)}" if announcement.common_cause else ""
    if announcement.kind is AnnouncementKind.RECOVERED:
        if any(each.note for each in about):
            return f"{Severity.UNKNOWN.glyph} {len(about)} incidents are over{common_cause}"
        return f"{Severity.UP.glyph} {format_count(len(about), 'server')} up again{common_cause}"
    counted = Counter(each.incident.severity for each in about)
    by_word = [f"{counted[each]} {each.word}" for each in sorted(counted, key=lambda each: each.rank)]
    glyph = announcement.severity.glyph if announcement.severity else ""
    match announcement.kind:
        case AnnouncementKind.CAUSE_CHANGED:
            what = "the cause changed"
        case AnnouncementKind.REMINDER:
            what = "still not up"
        case AnnouncementKind.ESCALATION:
            what = "not acknowledged"
        case AnnouncementKind.ACKNOWLEDGED:
            what = f"acknowledged by {brief(_who(about[0])) or 'an operator'}"
        case _:
            what = ""
    return f"{glyph} {len(about)} servers: {', '.join(by_word)}{f'; {what}' if what else ''}{common_cause}"


def _about_expiries(announcement: Announcement) -> str:
    expiries, at = announcement.expiries, announcement.at
    first = min(expiries, key=lambda each: each.at)
    glyph = Severity.DEGRADED.glyph
    if len(expiries) == 1:
        return f"{glyph} {describe_expiry(first, at)}"
    servers = format_count(len(announcement.servers), "server")
    many = f"{len(expiries)} certificates and keys of {servers} end soon"
    return f"{glyph} {many}; first: {describe_expiry(first, at)}"


def describe_expiry(notice: ExpiryNotice, now: float) -> str:
    """Return in one line what expires, of which server, when, and how long that is from `now`."""
    thing = f"{brief(notice.what)} {brief(notice.name)}".rstrip()
    ends, on = "ends" if notice.at > now else "ended", format_local_time(notice.at, seconds=False, zone=True)
    left = format_elapsed(abs(notice.at - now))
    return (
        f"{brief(notice.server)}: {thing} {ends} {on}, {f'in {left}' if notice.at > now else f'{left} ago'}"
    )


def expiry_command(servers: Sequence[str]) -> str:
    """Return the command that lists the ends: those of one server, or all."""
    return f"wgmon-tui expiry {shlex.quote(safe(servers[0]))}" if len(servers) == 1 else "wgmon-tui expiry"


def _who(snapshot: IncidentSnapshot) -> str:
    return snapshot.who or snapshot.incident.acknowledged_by


def _at_vantage(announcement: Announcement) -> str:
    return f" on {brief(announcement.vantage)}" if announcement.vantage else ""


# The whole message


def message(announcement: Announcement, markup: Markup, most: int, *, headed: bool = True) -> str:
    """Return the message in at most `most` characters, as the service counts them; `headed` by its title.

    The worst few servers get full details, the others one line each, and the rest is counted. If not even
    that fits, the message is only the title.
    """
    head = [markup.strong(title(announcement))] if headed else []
    closing = [markup.escape(line) for line in _closing(announcement)]
    if announcement.kind is AnnouncementKind.EXPIRY and announcement.expiries:
        lines = [
            markup.escape(f"· {describe_expiry(each, announcement.at)}") for each in announcement.expiries
        ]
        command = markup.typed(expiry_command(announcement.servers))
        closing = [markup.escape("to list the dates, type:"), command, *closing]
        return _shortened(head, lines, closing, "date", markup, most)
    about = announcement.about
    several = len(about) > 1
    for detailed in range(min(len(about), _DETAILED_AT_MOST), -1, -1):
        blocks = [
            "\n".join(_in_full(announcement.kind, snapshot, markup, named=several))
            for snapshot in about[:detailed]
        ]
        listed = [markup.escape(_in_a_line(snapshot)) for snapshot in about[detailed:]]
        text = _joined(head, blocks, listed, closing)
        if markup.length(text) <= most:
            return text
    return _shortened(head, listed, closing, "server", markup, most)


def _shortened(
    head: list[str], listed: list[str], closing: list[str], noun: str, markup: Markup, most: int
) -> str:
    """Return as many of the listed lines as fit; without any, only the title."""
    total = len(listed)
    text = _joined(head, [], listed, closing)
    if markup.length(text) <= most:
        return text
    while listed:
        # Remove an eighth at a time: there may be a thousand lines.
        del listed[len(listed) - max(1, len(listed) // 8) :]
        more = markup.escape(f"… and {format_count(total - len(listed), noun)} more")
        text = _joined(head, [], [*listed, more], closing)
        if markup.length(text) <= most:
            return text
    return _joined(head, [], [], [])


def _joined(head: list[str], blocks: list[str], listed: list[str], closing: list[str]) -> str:
    paragraphs = (*head, *blocks, "\n".join(listed), "\n".join(closing))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _in_a_line(snapshot: IncidentSnapshot) -> str:
    incident = snapshot.incident
    return (
        f"{incident.severity.glyph} {brief(incident.server)}: {incident.verdict.slug}, "
        f"since {format_local_time(incident.opened_at, zone=True)}"
    )


def _in_full(
    kind: AnnouncementKind, snapshot: IncidentSnapshot, markup: Markup, *, named: bool
) -> Iterator[str]:
    incident = snapshot.incident
    if named:
        yield markup.strong(f"{incident.severity.glyph} {brief(incident.server)}: {incident.verdict.slug}")
    if kind is AnnouncementKind.RECOVERED:
        yield markup.escape(f"was {incident.severity.word}: {brief(incident.summary)}")
        if len(incident.verdicts) > 1:
            yield markup.escape(f"verdicts: {incident.sequence}")
    else:
        yield markup.escape(brief(incident.latest.summary))
    yield markup.escape(_times(snapshot))
    place = f"{snapshot.endpoint} ({snapshot.address})" if snapshot.address else snapshot.endpoint
    if place:
        yield markup.escape(brief(place))
    if snapshot.suppressed_by:
        yield markup.escape(f"delayed: {brief(snapshot.suppressed_by)}")
    if snapshot.note and kind is AnnouncementKind.ACKNOWLEDGED:
        yield markup.escape(f"note from {brief(_who(snapshot)) or 'an operator'}: {brief(snapshot.note)}")
    if kind in (AnnouncementKind.RECOVERED, AnnouncementKind.ACKNOWLEDGED):
        return
    if incident.acknowledged_by:
        yield markup.escape(f"acknowledged by {brief(incident.acknowledged_by)}")
    for seen in snapshot.evidence[:_EVIDENCE_SHOWN]:
        yield markup.escape(f"· {brief(seen)}")
    if snapshot.causes:
        likeliest = snapshot.causes[0]
        known_as = describe_likelihood(snapshot.causes, snapshot.possible_causes)
        yield markup.escape(f"cause ({known_as}): {brief(likeliest.cause)}; next:")
        for line in advice_lines(brief(likeliest.fix)):
            yield markup.typed(line.text) if line.is_typed else markup.escape(line.text)


def _times(snapshot: IncidentSnapshot) -> str:
    incident = snapshot.incident
    if incident.closed_at is None:
        return f"since {format_local_time(incident.opened_at, zone=True)}"
    lasted = format_elapsed(snapshot.duration or 0.0)
    return f"from {format_local_time(incident.opened_at, zone=True)}, for {lasted}"


def _closing(announcement: Announcement) -> Iterator[str]:
    if announcement.kind is AnnouncementKind.STOPPED and not announcement.note:
        yield f"at {format_local_time(announcement.at, zone=True)}; to restart it, type: wgmon-tui run"
    if announcement.kind is AnnouncementKind.TEST:
        yield f"sent at {format_local_time(announcement.at, zone=True)}" + (
            f": {brief(announcement.note)}" if announcement.note else ""
        )
    if announcement.expiries and announcement.vantage:
        yield f"seen from {brief(announcement.vantage)}"
    if announcement.about and announcement.vantage:
        many = any(each.vantage_verdicts for each in announcement.about)
        yield f"{'sent by' if many else 'seen from'} {brief(announcement.vantage)}"
    if announcement.late_s >= _LATE_NOTICE_S:
        yield f"this message is {format_elapsed(announcement.late_s)} late"


def plain(announcement: Announcement, *, headed: bool = True) -> str:
    """Return the message as plain text of any length; `headed` by its title."""
    return message(announcement, PLAIN, most=1 << 30, headed=headed)


# For programs


def as_json(announcement: Announcement) -> dict[str, object]:
    """Return the announcement as the JSON object of docs/alerts.md. Missing facts are null."""
    severity = announcement.severity
    return {
        "version": VERSION,
        "id": announcement.id,
        "kind": announcement.kind.value,
        "at": format_iso_time(announcement.at),
        "severity": severity.word if severity else None,
        "title": title(announcement),
        "text": plain(announcement),
        "vantage": announcement.vantage or None,
        "bond": brief(announcement.common_cause) or None,
        "late_s": round(announcement.late_s, 3),
        "note": safe(announcement.note) or None,
        "incidents": [_incident(each) for each in announcement.about],
        "expiries": [_expiry(each, announcement.at) for each in announcement.expiries],
    }


def _expiry(notice: ExpiryNotice, now: float) -> dict[str, object]:
    return {
        "server": notice.server,
        "what": safe(notice.what),
        "name": safe(notice.name) or None,
        "ends_at": format_iso_time(notice.at),
        "left_s": round(notice.at - now),
        "next": expiry_command([notice.server]),
    }


def _incident(snapshot: IncidentSnapshot) -> dict[str, object]:
    incident = snapshot.incident
    return {
        "id": incident.id,
        "server": incident.server,
        "endpoint": snapshot.endpoint,
        "address": snapshot.address,
        "tags": list(snapshot.tags),
        "vantage": incident.vantage,
        "seen_from": {each.vantage: each.verdict.slug for each in snapshot.vantage_verdicts} or None,
        "verdict": incident.verdict.slug,
        "severity": incident.severity.word,
        "summary": safe(incident.summary),
        "verdict_now": incident.latest.verdict.slug,
        "verdicts": [
            {"at": format_iso_time(each.at), "verdict": each.verdict.slug, "summary": safe(each.summary)}
            for each in incident.verdicts
        ],
        "verdicts_omitted": incident.omitted_verdicts,
        "opened_at": format_iso_time(incident.opened_at),
        "closed_at": _iso_or_none(incident.closed_at),
        "duration_s": None if snapshot.duration is None else round(snapshot.duration, 3),
        "flapping": incident.flapping,
        "acknowledged_at": _iso_or_none(incident.acknowledged_at),
        "acknowledged_by": safe(incident.acknowledged_by) or None,
        "evidence": [safe(each) for each in snapshot.evidence],
        "causes": [
            {
                "cause": safe(each.cause),
                "why": safe(each.why),
                "fix": safe(each.fix),
                "hypothesis": safe(each.hypothesis) or None,
                "proven": each.proven,
            }
            for each in snapshot.causes
        ],
        "possible_causes": max(snapshot.possible_causes, len(snapshot.causes)),
        "who": safe(snapshot.who) or None,
        "note": safe(snapshot.note) or None,
        "held_back": safe(snapshot.suppressed_by) or None,
    }


def _iso_or_none(at: float | None) -> str | None:
    return None if at is None else format_iso_time(at)
