"""The declaration of one key in a TOML file, and of the table that it stands in.

Each key is declared once, as a Setting in a Section. Reading, writing, the forms, the reference pages and
the JSON Schemas for editors follow from that. A default is declared once too: it is the default of the
attribute in the record that takes the value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from wgmon_tui.config.secrets.sources import secret_entry, secret_keys
from wgmon_tui.config.toml_reader import TomlTable, as_table
from wgmon_tui.config.value_types import SecretType, ValueType

Values = Mapping[str, Any]
"""Values by the attribute that takes them. The attribute's type is known by its name only; tests compare."""


@dataclass(frozen=True, slots=True)
class FormField:
    """How a setting appears in a form: fields stand in the order of `place`.

    `more` hides the field until it is asked for. `example` stands in an empty field of a new entry.
    """

    place: int
    example: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One key. A secret has five keys, of which `key` is the common beginning.

    `help` is a sentence or two for the form, the reference page and the schema. `stored_as` is the attribute
    of the record, where its name is not the key. `protocol` is the only protocol with the key; None is all.
    `shared`: the key may stand in `[defaults]`. `follows` computes, from all other values, the value that
    applies where the file says none. `default` says in words what applies then; without it the pages show the
    record's default.
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

    @property
    def attribute(self) -> str:
        """The attribute of the record that takes the value."""
        return self.stored_as or self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the file in which the value may stand."""
        return secret_keys(self.key) if isinstance(self.type, SecretType) else (self.key,)

    def write(self, value: object) -> object:
        """The TOML of a value. Not for secrets, whose key depends on the value."""
        if isinstance(self.type, SecretType):
            raise TypeError(f"{self.key} is a secret")
        return self.type.write(value)


@dataclass(frozen=True, slots=True)
class Section:
    """A table: `[name]`, or `[[name]]` where it is `repeated`. Without a name it is the file's top level.

    `record` holds the defaults. `any_key` is for a table whose keys people choose. `variants` are the kinds
    of a table that has a key `type`, by that word. Of `alternatives`, each a group of keys, exactly one must
    stand. The keys of `together` stand all or not at all.
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
        """All keys that may stand in the table, in the order in which messages list them."""
        return known_keys(self.settings)

    def usual(self) -> dict[str, object]:
        """The defaults of the record as TOML, by key. A key whose default is None has none in TOML."""
        defaults = defaults_of(self.record)
        return {
            each.key: each.write(defaults[each.attribute])
            for each in self.settings
            if defaults.get(each.attribute) is not None
        }


def known_keys(settings: Iterable[Setting]) -> tuple[str, ...]:
    """The keys of settings: first a table's own, then its secrets, then those that `[defaults]` shares."""
    ranked = sorted(settings, key=lambda each: (each.shared, isinstance(each.type, SecretType)))
    return tuple(key for setting in ranked for key in setting.keys)


def defaults_of(record: type[Any]) -> dict[str, Any]:
    """The defaults that a record's fields have, by attribute."""
    found = {}
    for each in fields(record):
        if each.default is not MISSING:
            found[each.name] = each.default
        elif each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
    return found


def section_table(document: TomlTable, section: Section) -> TomlTable:
    """The table of a section that stands once; empty where it is absent. Raises ConfigurationError."""
    none: dict[str, object] = {}
    raw = document.get(section.name, as_table, none)
    return TomlTable(f"{document.where}: {section.name}", raw, raw if section.any_key else section.known_keys)


def read_settings(
    table: TomlTable, settings: Iterable[Setting], required: Collection[str] = ()
) -> dict[str, Any]:
    """The values that a table says, by attribute. What it does not say is left to the record's defaults.

    `required` are keys that must stand beside those that always must. Raises ConfigurationError.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        if isinstance(setting.type, SecretType):
            source = setting.type.find(table, setting.key)
            if source is not None:
                values[setting.attribute] = source
        elif setting.required or setting.key in table.raw or setting.key in required:
            values[setting.attribute] = table.require(setting.key, setting.type.read)
    return values


def write_settings(
    record: object, settings: Iterable[Setting], usual: Mapping[str, object]
) -> dict[str, object]:
    """The keys and values that a record needs in TOML, in the order of `settings`.

    `usual` has by key what applies without being said: such a key is left out, and so is an absent secret.
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
