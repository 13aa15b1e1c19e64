"""Modules that a start imports and does not use: loaded when they are first used.

asyncio imports ssl, and with it OpenSSL; Textual imports its command palette, and with that five widgets. No
row needs them: 8 and 9 ms of a start. The others below are 4 ms. `import` gives a module without contents;
the first attribute that is read loads it. `from module import name` would load it at once, so the names that
a start imports are listed here, and get a stand-in. `load_deferred_modules` loads the rest behind the first
paint, so that no later moment waits for it or lacks a file descriptor for it.

`importlib.util.LazyLoader` does not serve here: it loads a module at the second `import` of it. The classes
of `importlib.abc` are not used either: that module loads importlib.resources, 1 ms.
"""

from __future__ import annotations

import sys
from abc import ABC, ABCMeta
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader

_CALLED_LATER: dict[str, frozenset[str]] = {
    "difflib": frozenset({"get_close_matches"}),
    "rich.table": frozenset({"Table"}),
    "tempfile": frozenset({"TemporaryFile", "gettempdir"}),
    "textual.command": frozenset(
        {"CommandListItem", "CommandPalette", "DiscoveryHit", "Hit", "Hits", "SimpleProvider"}
    ),
    "textwrap": frozenset({"wrap"}),
    "uuid": frozenset({"uuid4"}),
}
"""Modules, and what others import from them by name and only call, or name as a type."""

_DERIVED_LATER = {"textual.command": frozenset({"Provider"})}
"""Modules, and the abstract classes of which others derive classes that a start does not use."""

_DEFERRED = frozenset({"ssl", "asyncio.sslproto", "mimetypes", "tokenize", *_CALLED_LATER})

_lock = RLock()
"""Held while a deferred module is loaded. Other threads wait for all of its contents."""


@contextmanager
def modules_deferred() -> Iterator[None]:
    """Defer the modules that are first imported in this block."""
    finder = _DeferringFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _is_deferring() -> bool:
    return any(isinstance(each, _DeferringFinder) for each in sys.meta_path)


def load_deferred_modules() -> None:
    """Load what is still deferred. Takes 20 ms."""
    for name in _DEFERRED:
        module = sys.modules.get(name)
        if isinstance(module, _DeferredModule):
            _load(module)


class _DeferredModule(ModuleType):
    """A module without contents, until one of them is read."""

    deferred_loader: Loader
    is_loading = False
    stand_ins: dict[str, type]
    """The bases of the classes in `_DERIVED_LATER`, by the name of the base that they stand for."""

    def __getattr__(self, name: str) -> Any:
        """Load the module. Import itself asks for names such as `__path__`, which a loaded one may lack."""
        if name in _CALLED_LATER.get(self.__name__, ()) and _is_deferring():
            return _called_later(self, name)
        if name in _DERIVED_LATER.get(self.__name__, ()) and _is_deferring():
            return self.stand_ins.setdefault(name, ABCMeta(name, (ABC,), {}))
        with _lock:
            is_asked_by_import = name.startswith("__") and name != "__all__"
            if is_asked_by_import or not _load(self):
                raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self, name)


def _called_later(module: ModuleType, name: str) -> Callable[..., Any]:
    """A function that loads the module when it is called."""

    def call(*arguments: Any, **named: Any) -> Any:
        _load(module)
        return getattr(module, name)(*arguments, **named)

    return call


def _load(module: ModuleType) -> bool:
    """Run the code of a module in its object, once. False while that code itself asks for a name."""
    with _lock:
        if not isinstance(module, _DeferredModule):  # another thread has loaded it meanwhile
            return True
        if module.is_loading:
            return False
        module.is_loading = True
        try:
            module.deferred_loader.exec_module(module)
            _replace_bases(module)
            del module.deferred_loader, module.stand_ins
            module.__class__ = ModuleType  # type: ignore[assignment]
        finally:
            del module.is_loading
    return True


def _replace_bases(module: _DeferredModule) -> None:
    """Give the classes that were derived from a stand-in the real base."""
    for name, stand_in in module.stand_ins.items():
        derived: type
        for derived in stand_in.__subclasses__():
            derived.__bases__ = tuple(
                getattr(module, name) if base is stand_in else base for base in derived.__bases__
            )


class _DeferringFinder:
    """Finds the modules that are deferred. All others are found as usual."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec of a module, with a loader that does nothing yet."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in _DEFERRED else None
        if spec is not None and spec.loader is not None:
            spec.loader = _DeferringLoader(spec.loader)  # type: ignore[assignment]
        return spec


class _DeferringLoader:
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The object that becomes the module."""
        return _DeferredModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the code for later, and the usual loader with the module."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        vars(module).update(deferred_loader=self._loader, stand_ins={})
