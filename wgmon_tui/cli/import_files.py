"""Import of wg-quick files: progress on a terminal, and the question which identity shall check."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from wgmon_tui.cli.output_format import wrap_line
from wgmon_tui.cli.progress import progress_line
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.conf_sources import STANDARD_INPUT
from wgmon_tui.config.imports.import_report import ImportReport
from wgmon_tui.config.imports.new_identity import default_identity, public_keys, require_identity
from wgmon_tui.config.imports.wg_quick_import import ImportOptions, import_confs
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet
from wgmon_tui.config.servers_file import read
from wgmon_tui.terminal import detect_terminal
from wgmon_tui.text import format_count, format_list, printable

OWN_KEYS = "files"
"""The answer that means the keys in the files."""


def import_files(words: Sequence[Path], config: Path, identity: str | None) -> ImportReport:
    """Read and import everything that the words name. Raises ConfigurationError."""
    fleet = read(config).fleet
    if identity is not None:
        require_identity(fleet, identity)
    with progress_line("import") as progress:
        found = read_confs(
            words, sys.stdin.buffer.read, lambda count: progress.count(count, None, "file", "read")
        )
        # After standard input was read, nobody can answer there.
        if identity is None and detect_terminal().is_interactive and STANDARD_INPUT not in map(str, words):
            with progress.hidden():
                identity = _ask_identity(found, fleet, public_keys(fleet, config).values())
        total = sum(len(conf.peers) for conf in found.confs)

        def show_added(count: int) -> None:
            progress.count(count, total, "server", "added")
            if count == total:
                progress.show(f"writing {format_count(total, 'server')}")

        return import_confs(found, config, ImportOptions(identity), show_added)


def _ask_identity(found: ReadConfs, fleet: Fleet, known_keys: Iterable[PublicKey]) -> str | None:
    """The identity that the user chooses; None for the keys of the files. Nothing to choose: no question."""
    default = default_identity(fleet)
    known = set(known_keys)
    checkable = [conf for conf in found.confs if conf.peers]
    if default is None or all(conf.private_key and conf.private_key.public in known for conf in checkable):
        return None
    names = format_list(each.name for each in fleet.identities)
    width = detect_terminal().width
    print(wrap_line(printable(f"Identities to check with: {names}."), width))
    if any(conf.private_key for conf in checkable):
        question = (
            f'Or type "{OWN_KEYS}" for the keys in the files. '
            "Each check with the key of a real client cuts that client off for about 15 s."
        )
        print(wrap_line(question, width))
    while True:
        try:
            answer = input(printable(f"Identity [{default.name}]: ")).strip() or default.name
        except EOFError:
            raise ConfigurationError("import: no identity chosen, so nothing was imported") from None
        if fleet.identity(answer):
            return answer
        if answer == OWN_KEYS:
            return None
        print(printable(f'There is no identity "{answer}".'))
