"""Parses, inverts and completes filter lines. `query.py` describes the language.

No input is an error. A term that cannot mean anything is named and has no effect, so that a typing mistake
does not look like an empty fleet. A word with a colon that names no field is a plain word if it may be a part
of an address, as in `fe80::1` and `:51820`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.records import dataclass
from wgmon_tui.text import LEAST_SIMILARITY_OF_SHORT_WORDS, nearest_word
from wgmon_tui.tui.filter.query import FACTS, KEYS, MESH_TAG, NUMERIC_KEYS, Filter, FilterTerm, RejectedWord

_COMPARISON = re.compile(r"([a-z_-]*)(<=|>=|<|>|=)(.*)")
_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{0,9})?)([a-z%]*)")
_FIELD = re.compile(r"(?=[a-z]*[g-z])[a-z]{2,}")
"""A word that may be meant as a field: it has a letter that no IPv6 address has."""

_PATTERN = re.compile("/(.+)/")
_KINDS = {"tag": "tag of a server", "is": "flag", "downfrom": "vantage"}
"""What the values of a field are, if that is not the name of the field."""

_LARGEST_LIST = 6
"""More possible values than this are not listed in a rejection."""

_PERCENT_UNITS = {"": 100.0, "%": 100.0}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "rtt": {"": 1000.0, "ms": 1000.0, "s": 1.0},
    "loss": _PERCENT_UNITS,
    "uptime": _PERCENT_UNITS,
    "since": {"s": 1.0, "m": 1 / 60, "min": 1 / 60, "h": 1 / 3600, "d": 1 / 86400},
}
"""Divisors for a typed number, by unit. `since` has no default unit: `since<1` takes effect with a unit."""

_EXAMPLES = {
    "rtt": "needs a number, for example rtt>100",
    "loss": "needs a number, for example loss>5%",
    "uptime": "needs a number, for example uptime<99",
    "since": "needs a time, for example since<1h",
}

Values = Mapping[str, Collection[str]]
"""The possible values of fields, by key. A field that is not listed takes any text."""

_STATES = tuple(severity.word for severity in Severity)
_VERDICTS = (*(verdict.slug for verdict in Verdict), "paused", "waiting")

SERVER_VALUES: Values = {"state": _STATES, "verdict": _VERDICTS, "is": tuple(FACTS)}
"""The values of the fields of servers."""


class _RejectedTermError(Exception):
    """A term that cannot mean anything, and why in one sentence."""


def parse_filter(line: str, saved: Mapping[str, str] | None = None, values: Values = SERVER_VALUES) -> Filter:
    """Parse a filter line. Unfinished terms (`!`, `tag:`, `since<1`) have no effect yet.

    `saved` are filter lines by name; a saved filter cannot refer to another one. Never raises.
    """
    words = line.split()
    whole = False
    while words[:1] == ["!"]:
        del words[0]
        whole = not whole
    named = {name.casefold(): line for name, line in (saved or {}).items()}
    terms, unfinished, rejected = list[FilterTerm](), list[str](), list[RejectedWord]()
    for word in words:
        try:
            term = _parse_term(word, named, values)
        except _RejectedTermError as reason:
            rejected.append(RejectedWord(word, str(reason)))
            continue
        if term:
            terms.append(term)
            rejected += term.saved.rejected if term.saved is not None else ()
        else:
            unfinished.append(word)
    return Filter(tuple(terms), whole, tuple(unfinished), tuple(rejected))


def invert_filter(line: str) -> str:
    """The line that shows exactly what this one hides. An empty line stays empty."""
    words = line.split()
    if words[:1] == ["!"]:
        return " ".join(words[1:])
    if len(words) > 1:
        return " ".join(["!", *words])
    return "".join(word[1:] if word.startswith("!") else f"!{word}" for word in words)


@dataclass(frozen=True, slots=True)
class FilterWords:
    """The words that a filter line can be completed to, apart from fields and their fixed values.

    `words` are plain words with a meaning of their own, such as "open" for incidents. A group is named by its
    tag.
    """

    tags: Collection[str] = ()
    saved: Collection[str] = ()
    vantages: Collection[str] = ()
    names: Collection[str] = ()
    words: Collection[str] = ()


def complete_filter(line: str, known: FilterWords, values: Values = SERVER_VALUES) -> str | None:
    """Complete the last word to the first candidate; None if there is none, or if the word is complete."""
    typed, candidates = _candidates(line, known, values)
    return line + candidates[0][len(typed) :] if candidates else None


def completions(line: str, known: FilterWords, values: Values = SERVER_VALUES) -> Sequence[str]:
    """All candidates for the last word, the first of which `complete_filter` takes."""
    return _candidates(line, known, values)[1]


def _candidates(line: str, known: FilterWords, values: Values) -> tuple[str, Sequence[str]]:
    """What is typed of the last word, or of its value, and what it may become."""
    begun = line.rpartition(" ")[2].lstrip("!").casefold()
    key, colon, text = begun.partition(":")
    typed = text.rpartition("|")[2] if colon else begun.rpartition("|")[2]
    if colon:
        words = _values_of(key, known, values)
    elif "|" in begun:
        # An alternative to a plain word is a plain word.
        words = (*known.words, *sorted({tag.casefold() for tag in known.tags})) if typed else ()
    elif typed:
        words = (*(f"{each}:" for each in KEYS), *NUMERIC_KEYS.values())
        words += (*(f"@{each.casefold()}" for each in known.saved), *known.words)
        words += tuple(sorted({tag.casefold() for tag in known.tags}))
    else:
        words = ()
    found = [each for each in words if each.startswith(typed)]
    return typed, () if typed in found else found


def _values_of(key: str, known: FilterWords, values: Values) -> Sequence[str]:
    match key:
        case "tag":
            return sorted({tag.casefold() for tag in known.tags})
        case "name":
            return [name.casefold() for name in known.names]
        case "vantage" | "downfrom":
            return [name.casefold() for name in known.vantages]
    return tuple(values.get(key, ()))


def explain_unfinished(word: str) -> str:
    """What an unfinished comparison lacks, with an example to type."""
    key = re.split("[<>=]", word.lstrip("!").casefold(), maxsplit=1)[0]
    return f"{key} {_EXAMPLES[key]}" if key in _EXAMPLES else f"{word} is incomplete"


def _parse_term(word: str, saved: Mapping[str, str], values: Values) -> FilterTerm | None:
    """Parse one word; None if it is unfinished. Raises _RejectedTermError."""
    bare = word.lstrip("!")
    inverted = (len(word) - len(bare)) % 2 == 1
    key, colon, text = bare.partition(":")
    key = key.casefold()
    if colon and key in KEYS:
        return _parse_alternatives(key, text, values, inverted=inverted)
    if (compared := _COMPARISON.fullmatch(bare.casefold())) and not _is_in_a_tag(bare, values):
        if compared[1] not in NUMERIC_KEYS:
            raise _RejectedTermError(_explain_comparison(*compared.groups()))
        return _parse_comparison(compared[1], compared[2], compared[3], inverted=inverted)
    if bare.startswith("@"):
        return _parse_saved(bare[1:].casefold(), saved, values, inverted=inverted)
    if colon and key in NUMERIC_KEYS:
        raise _RejectedTermError(f"{key} {_EXAMPLES[key]}")
    if colon and _FIELD.fullmatch(key) and text[:1].isalpha():
        raise _RejectedTermError(_reject("field", key, KEYS))
    return _parse_alternatives("", bare, values, inverted=inverted)


def _parse_alternatives(key: str, text: str, values: Values, *, inverted: bool) -> FilterTerm | None:
    if text.startswith("/") and len(text) > 1:
        return _parse_pattern(key, text, inverted=inverted)
    texts = [each for each in text.casefold().split("|") if each]
    is_of_mesh = key == "tag" and all(each.startswith(MESH_TAG) for each in texts)
    if not is_of_mesh and any(each.partition(":")[0] in KEYS and ":" in each for each in texts):
        raise _RejectedTermError(_explain_alternatives(key, texts))
    found = [_parse_value(key, each, values, inverted=inverted) for each in texts]
    if len(found) > 1:
        return FilterTerm(key, text.casefold(), inverted, any_of=tuple(found))
    return found[0] if found else None


def _parse_value(key: str, text: str, values: Values, *, inverted: bool) -> FilterTerm:
    possible = values.get(key)
    if possible is not None and not any(_may_begin(each.casefold(), text, key) for each in possible):
        raise _RejectedTermError(_reject(_KINDS.get(key, key), text, possible))
    facts = tuple(fact for fact in FACTS if key == "is" and fact.startswith(text))
    return FilterTerm(key, text, inverted, facts=facts)


def _may_begin(value: str, text: str, key: str) -> bool:
    return value.startswith(text) or (key == "tag" and value.removeprefix(MESH_TAG).startswith(text))


def _parse_pattern(key: str, text: str, *, inverted: bool) -> FilterTerm | None:
    whole = _PATTERN.fullmatch(text)
    if whole is None:
        return None  # its end is not typed yet
    if key == "is":
        raise _RejectedTermError("is: takes a flag, no pattern")
    try:
        pattern = re.compile(whole[1], re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise _RejectedTermError(f"{text} is no pattern: {error}") from None
    return FilterTerm(key, text, inverted, pattern=pattern)


def _parse_saved(name: str, saved: Mapping[str, str], values: Values, *, inverted: bool) -> FilterTerm | None:
    if name in saved:
        return FilterTerm("@", name, inverted, saved=parse_filter(saved[name], values=values))
    if any(each.startswith(name) for each in saved):
        return None
    raise _RejectedTermError(_reject("saved filter", f"@{name}", [f"@{each}" for each in saved]))


def _parse_comparison(key: str, comparison: str, text: str, *, inverted: bool) -> FilterTerm | None:
    value = _NUMBER.fullmatch(text)
    divisor = _UNITS[key].get(value[2]) if value else None
    if value is None or divisor is None:
        return None
    return FilterTerm(key, text, inverted, comparison, float(value[1]) / divisor)


def _is_in_a_tag(word: str, values: Values) -> bool:
    """Whether a tag contains this word, such as `env=prod`."""
    return any(word.casefold() in tag.casefold() for tag in values.get("tag", ()))


def _explain_comparison(key: str, comparison: str, text: str) -> str:
    """Why a comparison cannot mean anything, and what to type."""
    if not key:
        return f"a comparison has no blanks, for example rtt{comparison}100"
    if key in KEYS:
        return f"{key} is no number; write {key}:{text}"
    return _reject("field", key, tuple(NUMERIC_KEYS))


def _explain_alternatives(key: str, texts: Sequence[str]) -> str:
    """Why fields do not stand after `|`, and what to type if all are one field."""
    fields = {each.partition(":")[0] for each in texts if ":" in each} | ({key} if key else set())
    if len(fields) > 1 or not (key or ":" in texts[0]):
        return "alternatives are of one field, for example state:down|degraded"
    (field,) = fields
    return f"write {field}:{'|'.join(each.removeprefix(f'{field}:') for each in texts)}"


def _reject(kind: str, text: str, possible: Collection[str]) -> str:
    """Name a text that is none of the possible ones, and what may be meant."""
    named = f'unknown {kind} "{text}"'
    if nearest := nearest_word(text, map(str.casefold, possible), LEAST_SIMILARITY_OF_SHORT_WORDS):
        return f'{named}; did you mean "{nearest}"?'
    listed = f"; possible: {', '.join(possible)}" if 0 < len(possible) <= _LARGEST_LIST else ""
    return f"{named}{listed}"
