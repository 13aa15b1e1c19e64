"""`[[action]]` of config.toml: keys of the dashboard that run a command. Strict reader.

[[action]]
key = "o"
label = "ssh"
command = ["ssh", "{host}"]

The terminal UI checks that the key exists and is free, because this package does not know its keys.
"""

from __future__ import annotations

from wgmon_tui.config.setting import Section, Setting, read_settings, reject_repeated_names, repeated_tables
from wgmon_tui.config.toml_reader import TomlTable, as_command, as_list, as_text
from wgmon_tui.config.user_actions import PLACEHOLDER, PLACEHOLDERS, SCREENS, UserAction
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import BOOLEAN, ValueType, text_type
from wgmon_tui.text import LEAST_SIMILARITY_OF_SHORT_WORDS, nearest_word, quoted

_EXAMPLE = '["ssh", "{host}"]'
_LONGEST_LABEL = 20
_read_words = as_command(_EXAMPLE)


def _as_command(value: object) -> tuple[str, ...]:
    """A program and its arguments, with known placeholders in the arguments only."""
    words = _read_words(value)
    if PLACEHOLDER.search(words[0]):
        raise InvalidValueError("expected a program before the placeholders, such as " + _EXAMPLE)
    for word in words:
        for name in PLACEHOLDER.findall(word):
            if name not in PLACEHOLDERS:
                raise InvalidValueError(f"unknown placeholder {{{name}}}; {_hint(name)}")
    return words


def _hint(name: str) -> str:
    nearest = nearest_word(name, PLACEHOLDERS, LEAST_SIMILARITY_OF_SHORT_WORDS)
    known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
    return f"did you mean {{{nearest}}}?" if nearest else f"expected one of {known}"


def _parse_label(text: str) -> str:
    if not text.strip() or len(text) > _LONGEST_LABEL:
        raise InvalidValueError(f"expected 1 to {_LONGEST_LABEL} characters, got {quoted(text)}")
    return text.strip()


def _as_screens(value: object) -> tuple[str, ...]:
    screens = as_list(parse_text)(value)
    wrong = next((each for each in screens if each not in SCREENS), None)
    if wrong is not None or not screens:
        got = f", got {quoted(wrong)}" if wrong else ""
        raise InvalidValueError(f"expected a list of {', '.join(SCREENS)}{got}")
    return screens


def _parse_key(text: str) -> str:
    if not text:
        raise InvalidValueError('expected a key such as "o", "f5" or "ctrl+o"')
    return as_text(text)


_WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_SCREENS = {"type": "array", "items": {"enum": list(SCREENS)}, "minItems": 1}

ACTION = Section(
    "action",
    "A key that runs a command of yours for the server under the cursor. "
    "[configuration.md](configuration.md) has examples. The placeholders are "
    + ", ".join(f"`{{{name}}}` ({meaning})" for name, meaning in PLACEHOLDERS.items())
    + ".",
    UserAction,
    (
        Setting(
            "key",
            text_type("key", _parse_key, minLength=1),
            "The key. It must be free on the screens: keys.md lists the keys in use.",
            required=True,
        ),
        Setting(
            "label",
            text_type("text", _parse_label, pattern=r"\S", maxLength=_LONGEST_LABEL),
            f"Its name in the hints, the help and the palette: 1 to {_LONGEST_LABEL} characters.",
            required=True,
        ),
        Setting(
            "command",
            ValueType(
                "command",
                _as_command,
                _WORDS,
                f"a program and its arguments, such as {_EXAMPLE}",
                list,
            ),
            "The program and its arguments, with placeholders. No shell is involved unless you name one. A "
            "value that the program could take for an option, or a shell for syntax, is refused.",
            required=True,
        ),
        Setting(
            "background",
            BOOLEAN,
            "Whether the command runs beside the dashboard, which shows its output. Otherwise it gets the "
            "terminal until it ends.",
        ),
        Setting("confirm", BOOLEAN, "Whether the dashboard shows the command and asks before it runs."),
        Setting(
            "screens",
            ValueType(
                "list of screens", _as_screens, _SCREENS, ", ".join(f'"{each}"' for each in SCREENS), list
            ),
            "The screens on which the key works.",
        ),
    ),
    repeated=True,
)


def read_user_actions(document: TomlTable) -> tuple[UserAction, ...]:
    """Read all `[[action]]` tables of config.toml. Raises ConfigurationError."""
    tables = list(repeated_tables(document, ACTION, "label"))
    reject_repeated_names(tables, "label")
    read = (document.errors.read(_action, table) for table in tables)
    return tuple(action for action in read if action is not None)


def _action(table: TomlTable) -> UserAction:
    return UserAction(**read_settings(table, ACTION.settings))
