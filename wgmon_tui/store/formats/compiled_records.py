"""Compiles the functions that write a kind of record as a JSON object and read it back.

A loop over the fields takes three times as long to write, and twice as long to read, as a function with an
expression for each field. The results of workers and agents pass through these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass
from functools import cached_property
from types import NoneType
from typing import Any

Json = Any
"""A value that `json` reads and writes."""

Writer = Callable[[Any], Json]
Reader = Callable[[Json], Any]


class UnreadableValueError(Exception):
    """A stored value that this version cannot read, or that is damaged."""


@dataclass(frozen=True)
class Form:
    """How a type is stored. Its functions are made at their first use: most kinds of evidence are rare.

    If there are `types`, their values are stored as they are, and all other values are refused. `of` is the
    form of the values beside None, if None is stored as null. `each` is the form of a tuple's elements.
    """

    make_writer: Callable[[], Writer]
    make_reader: Callable[[], Reader]
    types: tuple[type, ...] = ()
    of: Form | None = None
    each: Form | None = None

    @cached_property
    def write(self) -> Writer:
        """Encodes a value."""
        return self.make_writer()

    @cached_property
    def read(self) -> Reader:
        """Decodes a value. Raises UnreadableValueError for a value of another type."""
        return self.make_reader()


@dataclass(frozen=True, slots=True)
class StoredField:
    """A field of a record, its stored name and its form. If `sparse`, its default is not written."""

    field: Field[Any]
    key: str
    form: Form
    sparse: bool

    @property
    def name(self) -> str:
        """Its name in the code."""
        return self.field.name

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.field.default is MISSING and self.field.default_factory is MISSING


def compile_writer(stored: Sequence[StoredField]) -> Writer:
    """The function that writes a record with these fields."""
    names: dict[str, Any] = {}
    first_sparse = next((at for at, each in enumerate(stored) if each.sparse), len(stored))
    always = (f"{each.key!r}: {_written(each, names)}" for each in stored[:first_sparse])
    lines = [f" entry = {{{', '.join(always)}}}"]
    for each in stored[first_sparse:]:
        if each.sparse:
            names[f"default_{each.name}"] = each.field.default
            lines.append(f" if record.{each.name} != default_{each.name}:")
        lines.append(f"{'  ' if each.sparse else ' '}entry[{each.key!r}] = {_written(each, names)}")
    return _compile("write(record)", [*lines, " return entry"], names)


def compile_reader(kind: type[Any], stored: Sequence[StoredField]) -> Reader:
    """The function that reads a record of a kind, whose fields are `stored` in their order.

    Unknown keys are left out.
    """
    names: dict[str, Any] = {"kind": kind, "UnreadableValueError": UnreadableValueError}
    lines = [" if type(entry) is not dict:", "  raise UnreadableValueError"]
    required = [f"  {_local(each)} = entry[{each.key!r}]" for each in stored if each.is_required]
    if required:
        lines += [" try:", *required, " except KeyError:", "  raise UnreadableValueError from None"]
    for each in stored:
        lines += _reading(each, names)
    return _compile("read(entry)", [*lines, f" return kind({', '.join(map(_local, stored))})"], names)


def compile_row_writer(stored: Sequence[StoredField]) -> Writer:
    """The function that writes a record as the list of its values."""
    names: dict[str, Any] = {}
    values = ", ".join([_written(each, names) for each in stored])
    return _compile("write(record)", [f" return [{values}]"], names)


def compile_row_reader(kind: type[Any], stored: Sequence[StoredField]) -> Reader:
    """The function that reads a record of a kind from the list of its values."""
    names: dict[str, Any] = {"kind": kind, "UnreadableValueError": UnreadableValueError}
    values = ", ".join(map(_local, stored))
    lines = [
        f" if type(entry) is not list or len(entry) != {len(stored)}:",
        "  raise UnreadableValueError",
        f" [{values}] = entry",
        *(line for each in stored for line in _decoding(each, names, " ")),
    ]
    return _compile("read(entry)", [*lines, f" return kind({values})"], names)


def _written(stored: StoredField, names: dict[str, Any]) -> str:
    """The expression of the JSON value of a field; adds the `names` in it."""
    value, form, write = f"record.{stored.name}", stored.form, f"write_{stored.name}"
    if form.types:
        return value
    names[write] = (form.each or form.of or form).write
    if form.each:
        return f"[{write}(each) for each in {value}] if {value} else []"
    if form.of:
        return f"None if {value} is None else {write}({value})"
    return f"{write}({value})"


def _reading(stored: StoredField, names: dict[str, Any]) -> Iterator[str]:
    """The lines that read a field, or take its default; adds the `names` in them."""
    value, indent = _local(stored), " "
    if not stored.is_required:
        yield f" if {stored.key!r} not in entry:"
        yield f"  {value} = {_default(stored, names)}"
        yield " else:"
        yield f"  {value} = entry[{stored.key!r}]"
        indent = "  "
    yield from _decoding(stored, names, indent)


def _decoding(stored: StoredField, names: dict[str, Any], indent: str) -> Iterator[str]:
    """The lines that check and decode the value of a field; adds the `names` in them."""
    value, form, read = _local(stored), stored.form, f"read_{stored.name}"
    if form.types:
        yield f"{indent}if not ({' or '.join(_fits(value, each, names) for each in form.types)}):"
        yield f"{indent} raise UnreadableValueError"
        return
    names[read] = (form.of or form).read
    decoded = f"{read}({value})"
    yield f"{indent}{value} = " + (f"None if {value} is None else {decoded}" if form.of else decoded)


def _local(stored: StoredField) -> str:
    """The local variable of a field, which hides nothing else."""
    return f"value_{stored.name}"


def _fits(value: str, kind: type, names: dict[str, Any]) -> str:
    if kind is NoneType:
        return f"{value} is None"
    names[f"type_{kind.__name__}"] = kind
    return f"type({value}) is type_{kind.__name__}"


def _default(stored: StoredField, names: dict[str, Any]) -> str:
    name, field = f"default_{stored.name}", stored.field
    if field.default is MISSING:
        names[name] = field.default_factory
        return f"{name}()"
    names[name] = field.default
    return name


def _compile(head: str, lines: Sequence[str], names: dict[str, Any]) -> Callable[[Any], Any]:
    exec("\n".join((f"def {head}:", *lines)), names)  # noqa: S102  of names that stand in the code
    compiled: Callable[[Any], Any] = names[head.partition("(")[0]]
    return compiled
