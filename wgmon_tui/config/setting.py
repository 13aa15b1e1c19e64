"""Declarations of keys and tables in a TOML file.

Each key is declared once, as a Setting in a Section. Readers, writers, forms, reference pages and the JSON
Schemas for editors are derived from it. A default is declared once too, in the record that stores the value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, field, fields
from typing import Any

from wgmon_tui.config.error_list import KeyedError
from wgmon_tui.config.secrets.sources import secret_entry, secret_keys
from wgmon_tui.config.toml_reader import TomlTable, as_table, as_tables
from wgmon_tui.config.value_types import SecretType, ValueType
from wgmon_tui.records import dataclass
from wgmon_tui.text import quoted

Values = Mapping[str, Any]
"""Values by attribute of the record. The types are not checked statically; tests compare them."""


@dataclass(frozen=True, slots=True)
class FormField:
    """The form field of a setting. Fields are ordered by `place`.

    `more` hides the field until the user asks for more. An empty field of a new entry shows `example`.
    """

    place: int
    example: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. A secret has five keys with `key` as their common prefix.

    `help` is one or two sentences for the form, the reference page and the schema. `stored_as` is the
    attribute of the record, if its name is not the key. `protocol` is the only protocol with the key; None
    means all. `shared`: `[defaults]` may have the key. `follows` computes a missing value from all other
    values. `default` describes the default in words; without it the pages show the record's default.
    `is_local` is for a setting of a protocol that goes with its secrets: each vantage has its own value.
    """

    key: str
    type: ValueType | SecretType
    help: str
    form: FormField | None = None
    stored_as: str = ""
    required: bool = False
    shared: bool = False
    protocol: str | None = None
    follows: Callable[[Values], Any] | None = field(default=None, repr=False)
    default: str = ""
    is_local: bool = False

    @property
    def attribute(self) -> str:
        """The attribute of the record that stores the value."""
        return self.stored_as or self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the file that may have the value."""
        return secret_keys(self.key) if isinstance(self.type, SecretType) else (self.key,)

    def write(self, value: object) -> object:
        """Convert a value to TOML. Not for secrets: their key depends on the value."""
        if isinstance(self.type, SecretType):
            raise TypeError(f"{self.key} is a secret")
        return self.type.write(value)


@dataclass(frozen=True, slots=True)
class Section:
    """A table: `[name]`, or `[[name]]` if it is `repeated`. Without a name it is the top level of the file.

    `record` has the defaults. `any_key` is for a table with user-defined keys. `variants` are the kinds of a
    table with a key `type`, by its value. Exactly one of `alternatives`, each a group of keys, must be
    present. The keys of `together` must all be present, or none.
    """

    name: str
    help: str
    record: type[Any] = field(repr=False)
    settings: tuple[Setting, ...] = ()
    repeated: bool = False
    any_key: Setting | None = None
    variants: Mapping[str, Section] = field(default_factory=dict)
    alternatives: tuple[tuple[str, ...], ...] = ()
    together: tuple[str, ...] = ()

    @property
    def known_keys(self) -> tuple[str, ...]:
        """All allowed keys of the table, in the order in which messages list them."""
        return known_keys(self.settings)

    def usual(self) -> dict[str, object]:
        """The defaults of the record as TOML, by key. A default of None is left out."""
        defaults = defaults_of(self.record)
        return {
            each.key: each.write(defaults[each.attribute])
            for each in self.settings
            if defaults.get(each.attribute) is not None and not each.required
        }


def known_keys(settings: Iterable[Setting]) -> tuple[str, ...]:
    """The keys of settings: first those of the table, then secrets, then those shared with `[defaults]`."""
    ranked = sorted(settings, key=lambda each: (each.shared, isinstance(each.type, SecretType)))
    return tuple(key for setting in ranked for key in setting.keys)


def defaults_of(record: type[Any]) -> dict[str, Any]:
    """The default values of a record's fields, by attribute."""
    found = {}
    for each in fields(record):
        if each.default is not MISSING:
            found[each.name] = each.default
        elif each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
    return found


def section_table(document: TomlTable, section: Section) -> TomlTable:
    """The table of a section that is not repeated; empty if absent. Raises ConfigurationError."""
    none: dict[str, object] = {}
    raw = document.get(section.name, as_table, none)
    known = raw if section.any_key else section.known_keys
    return document.child(section.name, raw, known, section.name)


def repeated_tables(document: TomlTable, section: Section, name: str = "name") -> Iterator[TomlTable]:
    """The tables of a repeated section, labelled by their key `name` or number. Raises ConfigurationError."""
    none: list[dict[str, object]] = []
    for number, raw in enumerate(document.get(section.name, as_tables, none)):
        named = raw.get(name)
        label = quoted(named) if isinstance(named, str) else number + 1
        known = raw if section.variants else section.known_keys  # the type decides about the others
        yield document.child(f"{section.name} {label}", raw, known, section.name, number)


def reject_repeated_names(tables: Iterable[TomlTable], key: str = "name") -> None:
    """Refuse a name that an earlier table of the same kind has in this key."""
    names = set()
    for table in tables:
        name = table.raw.get(key)
        if isinstance(name, str) and name in names:
            table.reject(table.error(key, f"this {key} is used twice; give each its own {key}"))
        elif isinstance(name, str):
            names.add(name)


def read_section(document: TomlTable, section: Section) -> dict[str, Any]:
    """Read the values of a section that is not repeated. Raises ConfigurationError."""
    return read_settings(section_table(document, section), section.settings)


def read_settings(table: TomlTable, settings: Iterable[Setting]) -> dict[str, Any]:
    """Read the values of a table, by attribute. Absent keys are left to the record's defaults.

    Raises ConfigurationError: after the last setting, if the errors are collected.
    """
    values = read_valid_settings(table, settings)
    table.require_valid()
    return values


def read_valid_settings(
    table: TomlTable, settings: Iterable[Setting], required: Collection[str] = ()
) -> dict[str, Any]:
    """Like `read_settings`, without the settings that have errors, if these are collected.

    `required` adds keys to those that are always required.
    The caller checks what depends on several settings, and then calls `table.require_valid`.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        try:
            if isinstance(setting.type, SecretType):
                source = setting.type.find(table, setting.key)
                if source is not None:
                    values[setting.attribute] = source
            elif setting.required or setting.key in table.raw or setting.key in required:
                values[setting.attribute] = table.require(setting.key, setting.type.read)
        except KeyedError as error:
            table.reject(error)
    return values


def write_settings(
    record: object, settings: Iterable[Setting], usual: Mapping[str, object]
) -> dict[str, object]:
    """Convert a record to TOML keys and values, in the order of `settings`.

    `usual` has the defaults by key. A value equal to its default is left out, and so is an absent secret.
    """
    table: dict[str, object] = {}
    for setting in settings:
        value = getattr(record, setting.attribute)
        if isinstance(setting.type, SecretType):
            table |= secret_entry(setting.key, value) if value is not None else {}
            continue
        written = setting.type.write(value)
        if setting.key not in usual or written != usual[setting.key]:
            table[setting.key] = written
    return table
