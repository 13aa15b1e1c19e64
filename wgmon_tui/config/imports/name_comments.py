"""Names of peers in comments, as programs that write WireGuard configurations leave them there.

| program | comment |
|---|---|
| prometheus_wireguard_exporter, OPNsense | `# friendly_name = Berlin`, `# friendly_json = {"name": …}` |
| PiVPN | `### begin anna ###` |
| the installers of Nyr and angristan | `# BEGIN_PEER anna`, `### Client anna` |
| wg-easy, pfSense | `# Client: anna (0f3c…)`, `# Peer: anna` |
| wireguard-ui, WGDashboard, wg-meta | `# Name: anna`, `#Name# = anna`, `#+Alias = anna` |
| ProtonVPN, algo, the linuxserver.io image | `# CH-ZZ#1`, `# anna` or `# peer_anna` below [Peer] |
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import chain

from wgmon_tui.config.value_parsers import NAME_LENGTH, InvalidValueError, is_key, parse_name

_LABELS = (
    "friendly_name|name|alias|client ?name|client|peer ?name|peer|description|title|display name|"
    "(?:-WGP- )?peer display name|hostname"
)
_LABELLED = re.compile(rf"(?:{_LABELS})#?\s*[=:]\s*(.+)", re.IGNORECASE)
_JSON = re.compile(r"friendly_json\s*[=:]\s*(\{.*\})", re.IGNORECASE)
_JSON_KEYS = ("friendly_name", "name", "username", "user", "first_name", "id")
_BEGIN = re.compile(r"#*\s*begin(?:_peer)?\s+([\w.@-]+)[\s#]*", re.IGNORECASE)
_CLIENT = re.compile(r"##\s*client\s+([\w.@-]+)\s*", re.IGNORECASE)
_IDENTIFIER = re.compile(r"\s*\((?:[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+)\)$", re.IGNORECASE)
"""wg-easy writes the number of a client after its name."""

_WORD = re.compile(r"\w[\w.#-]*")
_LONGEST_COMMENT = 1000
"""Characters. The patterns take a time that grows faster than the length."""

_UNDECODABLE = "\ufffd"


def name_in_comments(
    above: Sequence[str], beside: str, directly_below: str, below: Sequence[str]
) -> str | None:
    """The name of a peer: from the comments just above its heading, beside it, and below it.

    Comments come without their first `#`. A labelled name wins. Otherwise a comment of one word counts: in
    the line above, on the heading, or directly below it. Other words are remarks.
    """
    for comment in chain(below, (beside,), reversed(above)):
        if len(comment) <= _LONGEST_COMMENT and (name := _labelled(comment.strip())):
            return name
    unlabelled = (above[-1] if above else "", beside, directly_below)
    return next((name for each in unlabelled if (name := _word(_stripped(each)))), None)


def _stripped(comment: str) -> str:
    """A comment without its frame of `#`, as in `### begin anna ###`."""
    return comment.strip().lstrip("#+").rstrip("#").strip()


def _labelled(comment: str) -> str | None:
    if match := _BEGIN.fullmatch(comment) or _CLIENT.fullmatch(comment):
        return _valid(match[1])
    words = _stripped(comment)
    if match := _JSON.fullmatch(words):
        return _valid(_json_name(match[1]))
    if match := _LABELLED.fullmatch(words):
        return _valid(_IDENTIFIER.sub("", match[1].strip()))
    return None


def _json_name(text: str) -> str:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return next((str(values[key]) for key in _JSON_KEYS if isinstance(values.get(key), str | int)), "")


def _word(comment: str) -> str | None:
    return _valid(comment) if _WORD.fullmatch(comment) else None


def _valid(text: str) -> str | None:
    """The text, if it can be a name. A key is none: it may be a private one."""
    if _UNDECODABLE in text or len(text) > NAME_LENGTH or is_key(text):
        return None
    try:
        return parse_name(text)
    except InvalidValueError:
        return None
