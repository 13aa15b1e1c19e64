"""A line is parsed by a few commands or by all of them: both say the same of every line."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parameters import examples
from wgmon_tui.cli import parser as cli_parser
from wgmon_tui.cli.command_parser import actions_of, commands_of, subcommands_of
from wgmon_tui.cli.parser import make_parser, parse_arguments

WHOLE = make_parser()
COMMANDS = dict(commands_of(WHOLE))
FIRST_WORDS = tuple(subcommands_of(WHOLE))
VALUES = ("fra1", "fra1.conf", "-", "5", "1/2", "-1", "", "json", "night", "10s", "état", "a=b", "all")


@dataclass(frozen=True)
class Outcome:
    """What a command line came to: the values, or the exit code with what was printed."""

    values: Mapping[str, object]
    code: object
    out: str
    err: str


def outcome_of(parse: Callable[[list[str]], object], words: list[str]) -> Outcome:
    out, err, code = io.StringIO(), io.StringIO(), None
    values: Mapping[str, object] = {}
    with redirect_stdout(out), redirect_stderr(err):
        try:
            values = vars(parse(words))
        except SystemExit as ended:
            code = ended.code
    return Outcome(values, code, out.getvalue(), err.getvalue())


def options_of(parser: ArgumentParser) -> tuple[str, ...]:
    return tuple(option for action in actions_of(parser) for option in action.option_strings)


def values_of(parser: ArgumentParser) -> tuple[str, ...]:
    return tuple(str(each) for action in actions_of(parser) for each in action.choices or ())


@st.composite
def option_words(draw: st.DrawFn, parser: ArgumentParser) -> list[str]:
    """An option, perhaps cut or with a letter too many, and perhaps a value."""
    option = draw(st.sampled_from(options_of(parser)))
    option = draw(st.sampled_from((option, option, option, option[:-1], option[:5], f"{option}x")))
    value = draw(st.sampled_from((*VALUES, *values_of(parser))))
    return draw(st.sampled_from(([option], [option, value], [f"{option}={value}"])))


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command line: mostly of one command, with words that may be wrong."""
    name = draw(st.sampled_from(("", *COMMANDS)))
    command = COMMANDS.get(name, WHOLE)
    other = st.sampled_from((*FIRST_WORDS, *VALUES, "--", "prob", "-h", "--help", "--version"))
    before = draw(st.lists(option_words(WHOLE), max_size=2))
    after = draw(st.lists(st.one_of(option_words(command), other.map(lambda each: [each])), max_size=4))
    wrong_first = draw(st.lists(other, max_size=1)) if draw(st.integers(0, 9)) == 0 else []
    return [*wrong_first, *chain(*before), *name.split(), *chain(*after)]


@examples(600)
@given(lines())
def test_the_parser_of_named_commands_agrees_with_that_of_all(words: list[str]) -> None:
    assert outcome_of(parse_arguments, words) == outcome_of(WHOLE.parse_args, words)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "probe fra1 --json",
        "show probe",
        "alert test ops",
        "probe -- list",
        "--theme night run --workers 2",
    ],
)
def test_a_line_without_mistakes_is_parsed_without_the_other_commands(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = outcome_of(WHOLE.parse_args, line.split())
    monkeypatch.setattr(cli_parser, "make_parser", lambda: pytest.fail("parsed by all commands"))
    assert outcome_of(parse_arguments, line.split()) == expected
    assert expected.code is None
