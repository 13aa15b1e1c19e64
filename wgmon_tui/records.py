"""`dataclass` with methods that are compiled when they are first called.

`dataclasses.dataclass` compiles up to six methods of each class while its module is imported: 0.33 ms for a
class of five fields. A start imports a hundred records, and makes instances of a fifth of them before the
first row is painted. With this decorator a class takes 0.02 ms, and its constructor 0.1 ms more when it is
first called. The methods do the same and cost the same afterwards.

Use it in modules that the dashboard or a short command imports at its start. A record may derive from a
dataclass, and a dataclass from a record. A derived record is compiled at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING
from functools import partial
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen=False, slots=False, eq=True):
        """Return the decorator, with those options of `dataclasses.dataclass` that records use."""
        return lambda cls: _make_record(cls, frozen=frozen, slots=slots, eq=eq)


__all__ = ["dataclass"]

_Method = Callable[..., Any]

_NO_METHODS = {"init": False, "repr": False, "eq": False}
_OPTIONS = {"__repr__": {"repr": True}, "__eq__": {"eq": True}, "__hash__": {"unsafe_hash": True}}
"""What makes the standard library compile a method."""

_OWN_OPTIONS = frozenset({"frozen", "slots", "eq"})
_make_dataclass = dataclasses.dataclass


def _model(namespace: Mapping[str, Any]) -> Any:
    """A dataclass without methods."""
    return _make_dataclass(**_NO_METHODS)(type("Model", (), {**namespace, "__doc__": "A model."}))


def _parameters(*, frozen: bool) -> Any:
    """What a dataclass says of itself to classes that derive from it."""
    parameters = _model({}).__dataclass_params__
    parameters.frozen = frozen  # a frozen dataclass may derive from a frozen one alone
    return parameters


_PARAMETERS = {frozen: _parameters(frozen=frozen) for frozen in (False, True)}

_UNSET = object()
"""Stands for an argument that was not given, where the default is made by a function."""


@contextmanager
def dataclasses_compiled_later() -> Iterator[None]:
    """Make records of the dataclasses in modules that are imported in this block.

    Textual and rich have 44, and the first row needs a third of them: 7 % of their import.
    """

    def dataclass(cls: type[Any] | None = None, /, **options: Any) -> Any:
        if not _OWN_OPTIONS.issuperset(options):
            return _make_dataclass(cls, **options)
        given = {"frozen": False, "slots": False, "eq": True, **options}
        return _make_record(cls, **given) if cls else partial(dataclass, **options)

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = _make_dataclass


def _make_record(cls: type[Any], *, frozen: bool, slots: bool, eq: bool) -> type[Any]:
    """Add the methods that the class does not define itself. The fields are found when they are asked for."""
    if any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:]) or _has_special_fields(cls):
        return _make_dataclass(frozen=frozen, slots=slots, eq=eq)(cls)
    annotations: Mapping[str, Any] = cls.__annotations__
    defaults = {name: vars(cls)[name] for name in annotations if name in vars(cls)}
    fields = _Fields(annotations, defaults)
    added: dict[str, Any] = {
        "__dataclass_fields__": fields,
        "__dataclass_params__": _PARAMETERS[frozen],
        "__signature__": _Signature(frozen),
        "__match_args__": tuple(name for name in annotations if _is_argument(defaults.get(name))),
        **{name: _compiled_when_called(cls, fields, name, frozen) for name in ("__init__", "__repr__")},
    }
    if eq:
        added["__eq__"] = _compiled_when_called(cls, fields, "__eq__", frozen)
        added["__hash__"] = _compiled_when_called(cls, fields, "__hash__", frozen) if frozen else None
    if frozen:
        added |= {"__setattr__": _refuse_to_assign, "__delattr__": _refuse_to_delete}
        if slots:  # a copy or pickle would assign
            added |= {"__getstate__": _get_state, "__setstate__": _set_state}
    own = {name for name, value in vars(cls).items() if value is not None}
    added = {name: value for name, value in added.items() if name not in own}
    if slots:
        return _with_slots(cls, added, annotations)
    for name, default in defaults.items():
        if isinstance(default, dataclasses.Field):
            if default.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
    for name, value in added.items():
        setattr(cls, name, value)
    return cls


def _has_special_fields(cls: type[Any]) -> bool:
    """Whether the standard library knows annotations of this class that are no usual fields."""
    try:
        annotations = str(cls.__annotations__)
    except NameError:  # Python 3.14 evaluates them now, and some are for type checkers
        return True
    return any(special in annotations for special in ("ClassVar", "InitVar", "KW_ONLY"))


def _with_slots(cls: type[Any], added: Mapping[str, Any], fields: Iterable[str]) -> type[Any]:
    """The same class with a slot for each field: slots can only be given to a new class."""
    left_out = {*fields, "__dict__", "__weakref__"}
    namespace = {name: value for name, value in vars(cls).items() if name not in left_out}
    record: type[Any] = type(cls)(  # type: ignore[misc]
        cls.__name__, cls.__bases__, {**namespace, **added, "__slots__": tuple(fields)}
    )
    record.__qualname__ = cls.__qualname__
    return record


def _is_argument(default: object) -> bool:
    return not isinstance(default, dataclasses.Field) or default.init


class _Fields:
    """The fields of a record, as the standard library finds them in a class with the same annotations."""

    def __init__(self, annotations: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        self._annotations, self._defaults = annotations, defaults
        self._found: dict[str, dataclasses.Field[Any]] | None = None

    def __get__(self, instance: object, record: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        if self._found is None:
            types = dict.fromkeys(self._annotations, object)  # it would examine the text of each type
            found = _model({"__annotations__": types, **self._defaults}).__dataclass_fields__
            for name, each in found.items():
                each.type = self._annotations[name]
            self._found = found
        return self._found


class _Signature:
    """What `inspect.signature` says of a record, also before its constructor is compiled."""

    def __init__(self, frozen: bool) -> None:
        self._frozen = frozen

    def __get__(self, instance: object, record: type[Any]) -> Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        whole = signature(_compile_init(record, self._frozen))
        return whole.replace(parameters=[*whole.parameters.values()][1:])


def _compiled_when_called(cls: type[Any], fields: _Fields, name: str, frozen: bool) -> _Method:
    """A method of the record with these fields, which replaces itself by the compiled one."""

    def method(self: object, *values: object, **named: object) -> Any:
        classes = type(self).__mro__
        record = next(each for each in classes if vars(each).get("__dataclass_fields__") is fields)
        compiled = _compile_init(record, frozen) if name == "__init__" else _compile(record, name)
        compiled.__qualname__ = method.__qualname__
        setattr(record, name, compiled)
        return compiled(self, *values, **named)

    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
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
