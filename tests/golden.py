"""Golden files: records written by an earlier version, one per line, and the same records in the code.

Existing lines never change. A new record goes last: `python -m tests.golden` appends the missing lines.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

EXAMPLES = (
    "tests.store.golden.examples",
    "tests.store.golden.store_rows",
    "tests.alerts.golden.examples",
    "tests.daemon.golden.examples",
    "tests.vantages.golden.examples",
)


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """A file with one line for each of `records`. `read` decodes a line."""

    path: Path
    records: Sequence[Any]
    write: Callable[[Any], str]
    read: Callable[[str], Any]

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def written(self) -> list[str]:
        return [self.write(record) for record in self.records]


def values_of(records: Iterable[object]) -> dict[type[Any], dict[str, list[object]]]:
    """Collect every record inside of `records` by type, with the values of each of its fields."""
    found: dict[type[Any], dict[str, list[object]]] = defaultdict(lambda: defaultdict(list))
    for record in _inside(records):
        if is_dataclass(record):
            of_type = found[type(record)]
            for field in fields(record):
                of_type[field.name].append(getattr(record, field.name))
    return found


def members_of(records: Iterable[object]) -> set[Enum]:
    """Collect every enum member inside of `records`."""
    return {each for each in _inside(records) if isinstance(each, Enum)}


def never_set(values: Mapping[str, Sequence[object]], kind: type[Any]) -> list[str]:
    """Return the optional fields of a type that none of these values sets, or that all set."""
    return [
        field.name
        for field in fields(kind)
        if _is_optional(field)
        and len({value == _default(field) for value in values[field.name]}) < len((True, False))
    ]


def _is_optional(field: Field[Any]) -> bool:
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return has_default or "None" in str(field.type)


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _inside(value: object) -> Iterator[object]:
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from _inside(getattr(value, field.name))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for each in value:
            yield from _inside(each)


def main() -> None:
    """Append the missing lines to every golden file, and create missing files."""
    for name in EXAMPLES:
        for golden in import_module(name).FILES:
            there = len(golden.lines()) if golden.path.exists() else 0
            missing = golden.written()[there:]
            print(f"{golden.path.name}: {len(missing)} lines added", file=sys.stderr)
            with golden.path.open("a") as file:
                file.writelines(f"{line}\n" for line in missing)


if __name__ == "__main__":
    main()
