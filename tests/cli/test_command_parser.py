"""Usage errors: each names the word that is wrong, and the one that was probably meant."""

from __future__ import annotations

import pytest

from wgmon_tui.cli.parser import make_parser
from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.text import did_you_mean


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(words)
    assert ended.value.code == ExitCode.USAGE
    *lines, last = capsys.readouterr().err.splitlines()
    assert last.startswith("Type `wgmon-tui")
    assert last.endswith("--help`.")
    return lines


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("prob",), 'wgmon-tui: there is no command "prob"; did you mean "probe"?'),
        (("PROBE",), 'wgmon-tui: there is no command "PROBE"; did you mean "probe"?'),
        (("alert", "tset"), 'wgmon-tui alert: there is no command "tset"; did you mean "test"?'),
        (("probe", "--jsno"), 'wgmon-tui probe: there is no option "--jsno"; did you mean "--json"?'),
        (("--thme", "night"), 'wgmon-tui: there is no option "--thme"; did you mean "--theme"?'),
        (("--thme=night",), 'wgmon-tui: there is no option "--thme"; did you mean "--theme"?'),
        (("keygen", "--adress", "10.8.0.1/32"), 'there is no option "--adress"; did you mean "--address"?'),
        (("probe", "--format", "jsn"), '--format: there is no "jsn"; did you mean "json"?'),
        (("export", "chekcs"), 'there is no "chekcs"; did you mean "checks"?'),
        (
            ("probe", "--no-mouse"),
            "wgmon-tui probe: --no-mouse goes before the command: wgmon-tui --no-mouse",
        ),
        (("keygen", "a", "b"), 'wgmon-tui keygen: "b" is one word too many'),
    ],
)
def test_a_mistyped_word_is_named_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], line: str
) -> None:
    [told] = usage_error(capsys, *words)
    assert line in told


@pytest.mark.parametrize(
    ("words", "missing"),
    [(("export",), "{checks,incidents,exchange,targets}"), (("completion",), "{bash,zsh,fish}")],
)
def test_a_missing_word_is_named_with_what_it_may_be(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], missing: str
) -> None:
    expected = f"wgmon-tui {words[0]}: the following arguments are required: {missing}"
    assert usage_error(capsys, *words) == [expected]


def test_a_missing_command_is_named_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(capsys, "alert") == ["wgmon-tui alert: a command is missing; commands: test, log"]


def test_no_message_names_an_argument_by_its_name_in_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error(capsys, "export", "chekcs") == [
        'wgmon-tui export: there is no "chekcs"; did you mean "checks"?'
    ]


def test_all_misspelt_options_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(usage_error(capsys, "probe", "--jsno", "--quik", "fra1")) == 2


def test_a_command_like_no_other_lists_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    [line] = usage_error(capsys, "xyzzy")
    assert "commands: " in line
    assert "probe" in line


def test_escapes_in_a_word_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("\x1b[2J",), ("probe", "--\x1b[2J"), ("keygen", "a", "\x1b[2J")):
        assert "\x1b" not in "".join(usage_error(capsys, *words))


@pytest.mark.parametrize(
    "words",
    [
        ("probe", "--", "--jsno"),
        ("probe", "--conf", "-"),
        ("--asc", "probe", "--quic"),
        ("--theme", "run", "--no-mouse"),
        ("export", "checks", "--since", "24h"),
    ],
)
def test_abbreviations_and_values_are_no_misspelt_options(words: tuple[str, ...]) -> None:
    make_parser().parse_args(words)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("export", "incidents", "--format", "markdown", "fra1"), ["fra1"]),
        (("pause", "fra1", "--for", "30m", "ams1"), ["fra1", "ams1"]),
        (("show", "fra1", "--json", "ams1"), ["fra1", "ams1"]),
        (("show", "--json", "fra1", "--config=x", "--", "-ams1"), ["fra1", "-ams1"]),
        (("probe", "fra1", "--count", "2", "-q", "ams1"), ["fra1", "ams1"]),
        (("export", "--format", "json", "checks"), []),
    ],
)
def test_names_may_stand_behind_options(words: tuple[str, ...], names: list[str]) -> None:
    assert make_parser().parse_args(words).names == names


@pytest.mark.parametrize("value", ["wg0", "-"])
def test_an_option_keeps_its_optional_value_behind_and_without_files(value: str) -> None:
    for files in (["a.conf"], []):
        parsed = make_parser().parse_args(["import", *files, "--wg", value])
        assert ([str(each) for each in parsed.files], parsed.wg) == (files, value)


@pytest.mark.parametrize("word", ["over", "filters"])
def test_a_word_that_is_hardly_similar_is_not_proposed(word: str) -> None:
    assert did_you_mean(word, ["remove", "alerts"]) == ""


def test_the_display_options_of_the_demo_may_stand_before_the_command() -> None:
    words = ["--ascii", "--no-mouse", "--low-bandwidth", "--theme", "mono"]
    before, after = make_parser().parse_args([*words, "demo"]), make_parser().parse_args(["demo", *words])
    assert vars(before) == vars(after)
    assert before.ascii
    assert not make_parser().parse_args(["demo"]).ascii
