"""`wgmon_tui.records.dataclass` makes what the standard library would make, later."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest
from hypothesis import find
from hypothesis import strategies as st

from wgmon_tui import records

_OPTIONS: list[dict[str, bool]] = [
    {},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "eq": False},
]


@records.dataclass(frozen=True, slots=True)
class Sample:
    """A record with each kind of field."""

    name: str
    port: int = 51820
    tags: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    stamp: float = field(default=0.0, compare=False)


@records.dataclass(frozen=True, slots=True)
class Derived(Sample):
    """A record with one field more."""

    extra: str = "none"


@records.dataclass(frozen=True, slots=True)
class Checked:
    """A record that derives a field from another."""

    number: int
    double: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "double", 2 * self.number)


def _make(decorator: Callable[..., Any], options: dict[str, bool]) -> Any:
    class Record:
        """A record."""

        first: int
        second: str = "b"
        third: list[int] = field(default_factory=list, repr=False)

    return decorator(**options)(Record)


@records.dataclass(frozen=True, slots=True)
class Values:
    """A record without an instance so far, with a field named like a parameter of the stand-in."""

    number: int
    values: tuple[str, ...]


@pytest.mark.parametrize("options", _OPTIONS, ids=str)
def test_records_compare_hash_and_print_as_those_of_the_standard_library(options: dict[str, bool]) -> None:
    seen = []
    for decorator in (records.dataclass, dataclasses.dataclass):
        made = _make(decorator, options)
        one, same, other = made(1), made(1, "b", []), made(first=2, second="c")
        is_hashable = made.__hash__ is not None
        seen.append((repr(one), repr(other), one == same, one == other, one == 1, is_hashable,
                     made.__match_args__, hasattr(one, "__dict__")))  # fmt: skip
    assert seen[0] == seen[1]


def test_every_instance_gets_its_own_value_of_a_default_factory() -> None:
    Sample("fra1").notes.append("moved")
    assert Sample("ams1").notes == []


@pytest.mark.parametrize("calls", [0, 1])
def test_the_constructor_has_the_parameters_of_the_standard_library(calls: int) -> None:
    ours, theirs = _make(records.dataclass, {"frozen": True}), _make(dataclasses.dataclass, {"frozen": True})
    for _ in range(calls):
        ours(1)
    assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters]


def test_hypothesis_makes_records_with_values_in_every_field() -> None:
    find(st.from_type(Values), lambda made: bool(made.values) and made.number > 0)


def test_a_missing_argument_is_named_with_the_class() -> None:
    with pytest.raises(TypeError, match=r"Sample\.__init__\(\) missing 1 .* argument: 'name'"):
        Sample()  # type: ignore[call-arg]


def test_a_frozen_record_refuses_a_new_value() -> None:
    sample = Sample("fra1")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'port'"):
        sample.port = 1  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'port'"):
        del sample.port


def test_records_hash_by_the_fields_that_are_compared() -> None:
    one, other = Checked(2), replace(Checked(3), number=2)
    assert {one: "found"}[other] == "found"


def test_a_field_that_is_not_compared_makes_no_difference() -> None:
    assert Sample("fra1", stamp=1.0) == Sample("fra1", stamp=2.0)


def test_a_secret_field_is_not_printed() -> None:
    assert "hunter2" not in repr(Sample("fra1", secret="hunter2"))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_frozen_record_with_slots_can_be_copied(duplicate: Callable[[Sample], Sample]) -> None:
    assert duplicate(Sample("fra1", notes=["moved"])) == Sample("fra1", notes=["moved"])


def test_a_derived_record_has_the_fields_of_its_base_first() -> None:
    assert Derived("fra1", extra="more") == Derived("fra1", 51820, (), [], "", 0.0, "more")
    assert Derived("fra1") != Sample("fra1")


def test_an_ordinary_dataclass_can_derive_from_a_record() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class OfPlugin(Sample):
        own: int = 0

    assert OfPlugin("fra1", own=1) == OfPlugin("fra1", own=1)
    with pytest.raises(FrozenInstanceError):
        OfPlugin("fra1").own = 2  # type: ignore[misc]


def test_what_runs_after_the_constructor_can_derive_a_field() -> None:
    assert Checked(4).double == 8
    assert replace(Checked(4), number=5).double == 10


def test_a_method_that_the_class_defines_stays() -> None:
    @records.dataclass(frozen=True, slots=True)
    class Named:
        name: str

        def __repr__(self) -> str:
            return self.name

    assert repr(Named("fra1")) == "fra1"


def test_the_constructor_is_compiled_when_it_is_first_called() -> None:
    made = _make(records.dataclass, {"frozen": True, "slots": True})
    before = made.__init__
    made(1)
    first = made.__init__
    made(2)
    assert before is not first
    assert made.__init__ is first


_ALL_METHODS = """\
import dataclasses, inspect, sys
from contextlib import nullcontext
from wgmon_tui.records import dataclasses_compiled_later

with dataclasses_compiled_later() if sys.argv[1] == "later" else nullcontext():
    import textual.app, textual.widgets
    from textual.widgets import Input, OptionList, Select, Tree
ours = ("rich", "textual")
for module in [each for name, each in sorted(sys.modules.items()) if name.split(".")[0] in ours]:
    for name, made in sorted(vars(module).items()):
        if isinstance(made, type) and dataclasses.is_dataclass(made) and made.__module__ == module.__name__:
            names = ("__eq__", "__hash__", "__repr__", "__lt__", "__setattr__", "__match_args__")
            print(name, [each for each in names if vars(made).get(each)], made.__dataclass_params__.frozen)
            for each in inspect.signature(made).parameters.values():
                print("-", each.name, each.kind, each.default is each.empty)
            print(*dataclasses.fields(made), sep="\\n")
"""


def test_dataclasses_of_textual_that_are_compiled_later_are_the_same() -> None:
    def describe(when: str) -> list[str]:
        command = [sys.executable, "-c", _ALL_METHODS, when]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return re.sub(r" at 0x[0-9a-f]+", "", lines).splitlines()

    at_once, later = describe("at once"), describe("later")
    assert len(at_once) > 30
    assert later == at_once


def test_a_dataclass_with_other_options_is_left_to_the_standard_library() -> None:
    with records.dataclasses_compiled_later():

        @dataclasses.dataclass(order=True)
        class Ordered:
            number: int

        @dataclasses.dataclass
        class Bare:
            number: int = 2

    assert Ordered(1) < Ordered(2)
    assert Bare() == Bare(2)
    assert dataclasses.dataclass.__module__ == "dataclasses"
