"""Conversion between field text and values of servers.toml."""

from textwrap import wrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import commands, fleets, names, texts
from wgmon_tui.config.models import Fleet
from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.server_edits import find_problems
from wgmon_tui.config.servers_toml import SERVER_KEYS, server_entries
from wgmon_tui.config.tunnel_targets import find_unaddressed_targets
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.editing.field_values import to_text, to_value
from wgmon_tui.tui.editing.fields import IDENTITY_FIELDS, SERVER_FIELDS, FieldSpec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eu", ["eu"]),
        (" eu ,  edge ,", ["eu", "edge"]),
        ("old rack, eu", ["old rack", "eu"]),
        ('"a, b", c', ["a, b", "c"]),
        ('"say \\"hi\\""', ['say "hi"']),
        ("-", []),
        ('"-"', ["-"]),
        (",", []),
        ("", None),
        ("  ", None),
    ],
)
def test_a_list_is_written_with_commas(text: str, value: object) -> None:
    assert to_value(FormFieldKind.LIST, text) == value


@pytest.mark.parametrize("text", ['a"b', '"a" b', '"a', '"a"b, c'])
def test_a_quote_in_the_middle_of_an_element_is_explained(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected commas between values"):
        to_value(FormFieldKind.LIST, text)


def test_a_command_is_written_as_in_a_shell() -> None:
    assert to_value(FormFieldKind.COMMAND, "ssh fra1 'wg show'") == ["ssh", "fra1", "wg show"]
    with pytest.raises(InvalidValueError, match="a quote is not closed"):
        to_value(FormFieldKind.COMMAND, "ssh 'fra1")


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("three", "three"), ("-1", "-1"), ("²", "²")])
def test_what_is_no_number_is_left_to_the_reader_to_refuse(text: str, value: object) -> None:
    assert to_value(FormFieldKind.NUMBER, text) == value


@given(st.lists(texts | names))
def test_every_list_comes_back_from_its_text(elements: list[str]) -> None:
    assert to_value(FormFieldKind.LIST, to_text(FormFieldKind.LIST, elements)) == elements


@given(commands)
def test_every_command_comes_back_from_its_text(words: tuple[str, ...]) -> None:
    assert to_value(FormFieldKind.COMMAND, to_text(FormFieldKind.COMMAND, list(words))) == list(words)


@given(st.text())
def test_no_text_of_a_list_or_a_command_is_worse_than_refused(text: str) -> None:
    for kind in FormFieldKind:
        try:
            to_value(kind, text)
        except InvalidValueError:
            continue


@given(fleets())
def test_every_server_comes_back_from_the_texts_of_its_fields(fleet: Fleet) -> None:
    for server in fleet.servers:
        entries = server_entries(fleet, server)
        for field in SERVER_FIELDS:
            value = entries.get(field.key)
            if field.kind is FormFieldKind.TEXT and isinstance(value, str) and value != value.strip():
                continue  # a field that nobody touched keeps its value; one that is typed loses such blanks
            assert to_value(field.kind, to_text(field.kind, value)) == value
        unaddressed = find_unaddressed_targets(server, fleet.identity(server.identity))
        assert set(find_problems(entries, fleet)) == {target.key for target in unaddressed}


def test_every_key_of_a_server_has_its_field() -> None:
    forms_of_the_secret = set(secret_keys("preshared_key")) - {"preshared_key"}
    assert {field.key for field in SERVER_FIELDS} == set(SERVER_KEYS) - forms_of_the_secret


@pytest.mark.parametrize("field", [*SERVER_FIELDS, *IDENTITY_FIELDS], ids=lambda field: field.key)
def test_the_help_of_a_field_fits_into_its_two_lines_of_a_usual_terminal(field: FieldSpec) -> None:
    assert len(wrap(field.help, 78)) <= 2
