"""`python -m tests.daemon.as_user LOGIN GROUPS WORDS…`: runs wgmon-tui as that user.

The user may not be able to read the interpreter and the code, so everything is imported first.
GROUPS is "all" for all groups of the user, "none" for a login older than the group memberships.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from pwd import getpwnam

import wgmon_tui


def import_everything() -> None:
    for codec in ("utf_8_sig", "idna", "ascii"):
        importlib.import_module(f"encodings.{codec}")
    for late in ("concurrent.futures.thread", "ctypes", "difflib", "hashlib", "logging", "resource", "ssl"):
        importlib.import_module(late)  # which functions of wgmon-tui import
    for module in pkgutil.walk_packages(wgmon_tui.__path__, "wgmon_tui."):
        if not module.name.startswith(("wgmon_tui.tui", "wgmon_tui.lab", "wgmon_tui.__main__")):
            importlib.import_module(module.name)


def become(login: str, *, groups: bool) -> None:
    user = getpwnam(login)
    os.setgroups(os.getgrouplist(login, user.pw_gid) if groups else [])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = "/nonexistent"
    os.chdir("/")


def main(login: str, groups: str, *words: str) -> int:
    import_everything()
    if words[:1] == ("view",):
        import asyncio

        from tests.daemon.headless_viewer import view

        become(login, groups=groups == "all")
        return asyncio.run(view(*words[1:]))
    from wgmon_tui.cli.main import main as wgmon_tui_main

    become(login, groups=groups == "all")
    return wgmon_tui_main(words)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
