"""`dataclass` with methods that are compiled when they are first called.

`dataclasses.dataclass` compiles up to six methods of each class while its module is imported: 0.33 ms for a
class of five fields. A start imports a hundred records, and makes instances of half of them before the first
row is painted. With this decorator a class takes 0.03 ms, and its constructor 0.05 ms more when it is first
called. The methods do the same and cost the same afterwards.

Use it in modules that the dashboard or a short command imports at its start. A record may derive from a
dataclass, and a dataclass from a record. A derived record is compiled at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING
from functools import partial
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen=False, slots=False, eq=True):
        """Return the decorator, with those options of `dataclasses.dataclass` that records use."""
        return lambda cls: _make_record(cls, frozen=frozen, slots=slots, eq=eq)


__all__ = ["dataclass"]

_Record = TypeVar("_Record")
_Method = Callable[..., Any]

_NO_METHODS = {"init": False, "repr": False, "eq": False}
_OPTIONS = {"__repr__": {"repr": True}, "__eq__": {"eq": True}, "__hash__": {"unsafe_hash": True}}
"""What makes the standard library compile a method."""

_OWN_OPTIONS = frozenset({"frozen", "slots", "eq"})
_make_dataclass = dataclasses.dataclass

_UNSET = object()
"""Stands for an argument that was not given, where the default is made by a function."""


@contextmanager
def dataclasses_compiled_later() -> Iterator[None]:
    """Make records of the dataclasses in modules that are imported in this block.

    Textual and rich have 44, of which the first row needs a third: 7 % of their import.
    """

    def dataclass(cls: type[Any] | None = None, /, **options: Any) -> Any:
        special = str(vars(cls).get("__annotations__")) if cls else ""
        if not _OWN_OPTIONS.issuperset(options) or "InitVar" in special or "KW_ONLY" in special:
            return _make_dataclass(cls, **options)
        given = {"frozen": False, "slots": False, "eq": True, **options}
        return _make_record(cls, **given) if cls else partial(dataclass, **options)

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = _make_dataclass


def _make_record(cls: type[_Record], *, frozen: bool, slots: bool, eq: bool) -> type[_Record]:
    """Let the standard library find the fields, and add the methods that the class does not define itself."""
    if any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:]):
        return _make_dataclass(frozen=frozen, slots=slots, eq=eq)(cls)
    own = {name for name, value in vars(cls).items() if value is not None}
    record: type[Any] = _make_dataclass(**_NO_METHODS, slots=slots)(cls)
    record.__dataclass_params__.frozen = frozen  # a frozen dataclass may derive from a frozen one alone
    names = ("__init__", *_OPTIONS) if eq else ("__init__", "__repr__")
    methods: dict[str, Any] = {name: _compiled_when_called(record, name, frozen=frozen) for name in names}
    if eq and not frozen:
        methods["__hash__"] = None
    if frozen:
        methods |= {"__setattr__": _refuse_to_assign, "__delattr__": _refuse_to_delete}
        if slots:  # a copy or pickle would assign
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
    for name, method in methods.items():
        if name not in own:
            setattr(record, name, method)
    record.__signature__ = _Signature(frozen)
    return record


class _Signature:
    """What `inspect.signature` says of a record, also before its constructor is compiled."""

    def __init__(self, frozen: bool) -> None:
        self._frozen = frozen

    def __get__(self, instance: object, record: type[Any]) -> Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        whole = signature(_compile_init(record, self._frozen))
        return whole.replace(parameters=[*whole.parameters.values()][1:])


def _compiled_when_called(record: type[Any], name: str, *, frozen: bool) -> _Method:
    """A method that replaces itself by the compiled one."""

    def method(self: object, *values: object, **named: object) -> Any:
        compiled = _compile_init(record, frozen) if name == "__init__" else _compile(record, name)
        compiled.__qualname__ = method.__qualname__
        setattr(record, name, compiled)
        return compiled(self, *values, **named)

    method.__name__, method.__qualname__ = name, f"{record.__qualname__}.{name}"
    method.__annotations__ = {}  # those above are of no field
    return method


def _compile(record: type[Any], name: str) -> _Method:
    """A method as the standard library compiles it for a class with the same fields."""
    fields = [(each.name, object, each) for each in dataclasses.fields(record)]
    document = {"__doc__": record.__doc__ or record.__name__}
    options: dict[str, Any] = {**_NO_METHODS, **_OPTIONS[name]}
    model = dataclasses.make_dataclass(record.__name__, fields, namespace=document, **options)
    compiled: _Method = vars(model)[name]
    return compiled


def _compile_init(record: type[Any], frozen: bool) -> _Method:
    """The constructor. The standard library's would take four times as long, mostly for unused methods."""
    names: dict[str, Any] = {"_set": object.__setattr__, "_UNSET": _UNSET}
    lines = [
        f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}"
        for name, value in _initial_values(record, names)
    ]
    if hasattr(record, "__post_init__"):
        lines.append(" self.__post_init__()")
    arguments = [
        each.name if each.default is each.default_factory is MISSING else f"{each.name}=_default_{each.name}"
        for each in dataclasses.fields(record)
        if each.init
    ]
    exec("\n".join((f"def __init__({', '.join(('self', *arguments))}):", *lines, " pass")), names)  # noqa: S102
    compiled: _Method = names["__init__"]
    return compiled


def _initial_values(record: type[Any], names: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field that the constructor sets, with the expression of its value; adds the `names` in those."""
    for each in dataclasses.fields(record):
        default, make = f"_default_{each.name}", f"_make_{each.name}"
        if each.default_factory is not MISSING:
            names[default], names[make] = _UNSET, each.default_factory
            given = f"{make}() if {each.name} is _UNSET else {each.name}"
            yield each.name, given if each.init else f"{make}()"
        elif each.init:
            names[default] = each.default
            yield each.name, each.name
        elif each.default is not MISSING:
            names[default] = each.default
            yield each.name, default


def _refuse_to_assign(self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
