"""All errors of a file at once: each with its line, and a bounded number of them."""

from __future__ import annotations

import pytest

from tests.config.sample_fleets import MINIMAL_TOML
from wgmon_tui.config.config_sections import SECTIONS, parse_config
from wgmon_tui.config.error_list import InvalidFileError
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.config.setting import Section

_WRONG_CONFIG = """\
bogus = 1
theme = 3
quorum = 9

[history]
raw = "3d"
minuts = "1h"
days = 4

[keys]
sort = 3

[columns]
fleet = []

[filters]
far = " "

[viewer]
take_over = "yes"

[[sink]]
name = "pager"
type = "webhok"

[[sink]]
name = "pager"
type = "slack"

[[rule]]
sinks = ["pagr"]
verdicts = ["silnt"]
escalate_after = "15m"

[[vantage]]
name = "local"

[[maintenance]]
name = "x"
"""
_EXPECTED = (
    'line 1: unknown setting "bogus"; all are listed by: wgmon-tui config --template',
    "line 2: key theme: expected text in quotes, got 3",
    "line 3: key quorum: expected at most 2, got 9: there is this machine and 1 [[vantage]]",
    "line 6: history: key raw: expected at most minutes, which is 2d",
    'line 7: history: unknown setting "minuts"; did you mean "minutes"?',
    'line 8: history: key days: expected a duration such as "10s", got 4',
    "line 11: keys: key sort: expected a list of texts in [ ], got 3",
    "line 14: columns: key fleet: expected at least one column",
    'line 17: filters: key far: expected a filter line such as "state:down tag:eu"',
    "line 20: viewer: key take_over: expected true or false",
    'line 24: sink "pager": key type: there is no "webhok"; did you mean "webhook"?',
    'line 26: sink "pager": key url: missing; add url_file = "…", or url = "…"',
    'line 27: sink "pager": key name: this name is used twice',
    'line 30: rule 1: key escalate_to: missing; add escalate_to = ["boss"]',
    'line 31: rule 1: key sinks: there is no sink "pagr"; did you mean "pager"?',
    'line 32: rule 1: key verdicts: there is no "silnt"; did you mean "silent"?',
    'line 35: vantage "local": key host: expected exactly one of',
    'line 36: vantage "local": key name: "local" means this machine',
    'line 38: maintenance "x": key weekly: expected either weekly',
)


def rejected_config(text: str) -> InvalidFileError:
    with pytest.raises(InvalidFileError) as refused:
        parse_config(text)
    return refused.value


def test_every_section_of_config_toml_tells_its_errors_with_their_lines() -> None:
    found = [str(each) for each in rejected_config(_WRONG_CONFIG).errors]
    for line, expected in zip(found, _EXPECTED, strict=True):
        assert line.startswith(expected)


@pytest.mark.parametrize(
    "section",
    [each for each in SECTIONS if each.name and not each.any_key],
    ids=lambda section: section.name,
)
def test_two_unknown_keys_in_any_table_are_both_told(section: Section) -> None:
    heading = f"[[{section.name}]]" if section.repeated else f"[{section.name}]"
    lines = [str(each) for each in rejected_config(f"{heading}\nzzzzz1 = 1\nzzzzz2 = 1\n").errors]
    assert [line for line in lines if 'unknown setting "zzzzz1"' in line and line.startswith("line 2: ")]
    assert [line for line in lines if 'unknown setting "zzzzz2"' in line and line.startswith("line 3: ")]


def test_a_server_and_the_next_one_tell_all_their_errors() -> None:
    text = MINIMAL_TOML + 'colour = 1\ninterval = "2s"\ntimeout = "5s"\n[[server]]\nname = "b"\nslow = "0s"\n'
    with pytest.raises(InvalidFileError) as refused:
        parse(text)
    told = " ".join(refused.value.lines)
    for part in (
        'server "fra1": unknown setting "colour"',
        'server "fra1": key timeout: expected no more than the interval of 2s',
        'server "b": key slow: expected a duration of 1ms',
        'server "b": key endpoint: missing',
        'server "b": key public_key: missing',
    ):
        assert part in told


def test_a_value_that_depends_on_a_wrong_one_is_not_judged() -> None:
    with pytest.raises(InvalidFileError) as refused:
        parse(MINIMAL_TOML + 'interval = "soon"\ntimeout = "30s"\n')
    assert len(refused.value.errors) == 1


def test_a_misspelt_key_is_not_missing_too() -> None:
    error = rejected_config('[[vantage]]\nname = "fra"\nhosts = "a"\n')
    assert error.lines == (
        'config.toml: line 3: vantage "fra": unknown setting "hosts"; did you mean "host"?',
    )


def test_a_sink_with_an_error_is_known_to_rules() -> None:
    error = rejected_config('[[sink]]\nname = "a"\ntype = "slack"\n[[rule]]\nsinks = ["a"]\n')
    assert len(error.errors) == 1


def test_twenty_errors_are_listed_and_the_others_counted() -> None:
    error = rejected_config("".join(f"zzz{number} = 1\n" for number in range(50)))
    assert len(error.lines) == 21
    assert error.lines[-1] == "and 30 more errors"
    assert str(error).endswith("(and 49 more errors)")


def test_an_unknown_key_takes_one_line_however_many_there_are() -> None:
    with pytest.raises(InvalidFileError) as refused:
        parse(MINIMAL_TOML + "zzzzz = 1\n")
    [line] = refused.value.lines
    assert line.endswith('unknown setting "zzzzz"; all are listed by: wgmon-tui config --servers-template')


def test_the_lines_of_another_error_are_its_message() -> None:
    assert ConfigurationError("a\nb").lines == ("a", "b")
