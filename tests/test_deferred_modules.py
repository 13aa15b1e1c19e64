"""Modules that a start defers are loaded when any thread uses them."""

from __future__ import annotations

import subprocess
import sys

_IN_THREADS = """\
import sys
from threading import Barrier, Thread
from wgmon_tui.deferred_modules import load_deferred_modules, modules_deferred

with modules_deferred():
    import asyncio
    import ssl
print("deferred" if "_ssl" not in sys.modules else "loaded")
barrier, made = Barrier(8), []

def use():
    barrier.wait()
    made.append(type(ssl.create_default_context()).__name__)

threads = [Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*made)
"""

_LOADED_BEHIND_THE_PAINT = """\
import sys
from wgmon_tui.deferred_modules import load_deferred_modules, modules_deferred

with modules_deferred():
    import asyncio.sslproto
    import mimetypes
load_deferred_modules()
print(type(mimetypes).__name__, type(asyncio.sslproto).__name__, "_ssl" in sys.modules)
print(hasattr(mimetypes, "no_such_name"), asyncio.sslproto.ssl.SSLWantReadError.__name__)
"""

_A_MISTAKE = """\
from wgmon_tui.deferred_modules import modules_deferred
with modules_deferred():
    import ssl
try:
    ssl.no_such_name
except AttributeError as error:
    print(error)
import decimal
print(type(decimal).__name__, type(ssl).__name__)
"""

_CALLED_LATER = """\
import sys
from wgmon_tui.deferred_modules import modules_deferred
with modules_deferred():
    from rich.table import Table
    from textwrap import wrap
print(type(Table).__name__, "rich.columns" in sys.modules, "deferred_loader" in vars(sys.modules["textwrap"]))
from rich.table import Table as Whole
print(type(Whole).__name__, type(Table()).__name__, wrap("a b", 1))
"""

_WITHOUT_PALETTE = """\
import sys
from wgmon_tui.deferred_modules import load_deferred_modules, modules_deferred
with modules_deferred():
    import textual.app
    from textual.theme import ThemeProvider
print([name for name in ("textual.types", "textual.widgets._input") if name in sys.modules])
load_deferred_modules()
from textual.command import CommandPalette, Provider
print(CommandPalette.__name__, ThemeProvider.__bases__ == (Provider,), len(ThemeProvider.__mro__))
"""


def _run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_threads_that_use_a_deferred_module_at_once_all_get_its_contents() -> None:
    assert _run(_IN_THREADS) == ["deferred", " ".join(["SSLContext"] * 8)]


def test_what_is_still_deferred_is_loaded_behind_the_first_paint() -> None:
    assert _run(_LOADED_BEHIND_THE_PAINT) == ["module module True", "False SSLWantReadError"]


def test_a_name_that_the_module_lacks_is_an_error_of_the_loaded_module() -> None:
    assert _run(_A_MISTAKE) == ["module 'ssl' has no attribute 'no_such_name'", "module module"]


def test_a_function_of_a_deferred_module_loads_it_when_it_is_called() -> None:
    assert _run(_CALLED_LATER) == ["function False True", "type Table ['a', 'b']"]


def test_textual_is_imported_without_its_command_palette_until_that_is_used() -> None:
    assert _run(_WITHOUT_PALETTE) == ["[]", "CommandPalette True 4"]
