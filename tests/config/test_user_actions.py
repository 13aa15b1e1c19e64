"""`[[action]]` of config.toml: what is accepted, and which values a command gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.config_toml import read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.user_actions import RefusedValueError, UserAction, expand

SSH = '[[action]]\nkey = "o"\nlabel = "ssh"\ncommand = ["ssh", "{host}"]\n'
VALUES = {
    "name": "fra1",
    "host": "fra1.example.net",
    "address": "192.0.2.1",
    "port": "51820",
    "public_key": "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=",
}


def test_an_action_is_a_key_a_label_and_a_command() -> None:
    assert parse_config(SSH).face.user_actions == (UserAction("o", "ssh", ("ssh", "{host}")),)


def test_all_settings_of_an_action() -> None:
    more = 'background = true\nconfirm = true\nscreens = ["server"]\n'
    assert parse_config(SSH + more).face.user_actions == (
        UserAction("o", "ssh", ("ssh", "{host}"), background=True, confirm=True, screens=("server",)),
    )


def action(**changes: str) -> str:
    lines = {"key": '"o"', "label": '"ssh"', "command": '["ssh", "{host}"]'} | changes
    return "[[action]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (action(command="[]"), 'key command: expected a list of texts such as ["ssh", "{host}"]'),
        (action(command='"ssh {host}"'), "key command: expected a list of texts such as"),
        (
            action(command='["ssh", "{hots}"]'),
            "key command: unknown placeholder {hots}; did you mean {host}?",
        ),
        (
            action(command='["ssh", "{Q}"]'),
            "unknown placeholder {Q}; expected one of {name}, {host}, {address}",
        ),
        (action(command='["{host}"]'), "key command: expected a program before the placeholders"),
        (action(key='""'), "key key: expected a key such as"),
        (action(label='" "'), "key label: expected 1 to 20 characters"),
        (action(screens='["help"]'), "key screens: expected a list of fleet, server, incidents, incident"),
        (action(screens="[]"), "key screens: expected a list of fleet, server, incidents, incident"),
        (action(colour='"red"'), 'unknown setting "colour"'),
        (action() + action(key='"b"'), "key label: this label is used twice"),
    ],
)
def test_a_mistake_is_named_with_the_action_and_the_key(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_config(text)
    assert re.match(r'config\.toml: line \d+: action "', str(caught.value))
    assert problem in str(caught.value)


def test_other_braces_are_no_placeholders() -> None:
    words = ["sh", "-c", "echo ${HOME} | awk '{print $1}' {}", "x"]
    text = action(command=str(words).replace("'{", "{").replace("}'", "}").replace("'", '"'))
    assert "${HOME}" in parse_config(text).face.user_actions[0].command[2]


def test_every_placeholder_gets_its_value() -> None:
    command = ("echo", "{name}", "{host}:{port}", "a={address}", "{public_key}")
    assert expand(command, VALUES) == (
        *("echo", "fra1", "fra1.example.net:51820", "a=192.0.2.1"),
        VALUES["public_key"],
    )


def test_a_value_that_is_not_known_is_refused() -> None:
    with pytest.raises(RefusedValueError, match="its address is not known yet"):
        expand(("ping", "{address}"), {**VALUES, "address": ""})


@pytest.mark.parametrize("word", ["{host}", "root {host}"])
def test_a_value_never_becomes_an_option(word: str) -> None:
    with pytest.raises(RefusedValueError, match='its host "-oProxyCommand=x" begins with "-"'):
        expand(("ssh", word), {**VALUES, "host": "-oProxyCommand=x"})


def test_after_text_of_the_word_a_hyphen_is_harmless() -> None:
    assert expand(("echo", "--name={name}"), {**VALUES, "name": "-x"}) == ("echo", "--name=-x")


@pytest.mark.parametrize("name", ["a; rm -rf /", "$(reboot)", "`reboot`", "a b", "a'b", "a|b", "a\nb", "*"])
@pytest.mark.parametrize(
    "command",
    [
        ("sh", "-c", "ping {name}"),
        ("/bin/bash", "-c", "ping $1", "bash", "{name}"),
        ("ssh", "gate", "ping", "{name}"),
        ("env", "X=1", "ssh", "{name}"),
        ("terminal", "-e", "ssh {name}"),
    ],
)
def test_a_value_never_becomes_shell_syntax(name: str, command: tuple[str, ...]) -> None:
    with pytest.raises(RefusedValueError):
        expand(command, {**VALUES, "name": name})


def test_without_a_shell_a_name_is_one_argument_whatever_it_contains() -> None:
    assert expand(("notify-send", "{name}"), {**VALUES, "name": "a; b 'c'"}) == ("notify-send", "a; b 'c'")


def test_a_file_that_others_can_write_runs_nothing_but_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(SSH)
    file.chmod(0o644)
    assert read_config(tmp_path).face.untrusted == ""
    file.chmod(0o666)
    face = read_config(tmp_path).face
    assert len(face.user_actions) == 1
    assert face.untrusted.startswith(f"others can write {file}; type: chmod go-w ")
