"""The result of an import, and the steps that follow it."""

from __future__ import annotations

from wgmon_tui.config.imports.remarks import Remark
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Identity, Server
from wgmon_tui.config.peer_command import PeerCommand
from wgmon_tui.records import dataclass

SHARED_KEY_WARNING = (
    "WARNING: do not monitor with a key that a real client uses. The server sends to the endpoint of the "
    "last handshake initiation with that key, so each check would cut the real client off for about 15 s. "
    "Make a separate identity: wgmon-tui keygen NAME"
)

MAX_LISTED = 20
"""Servers that a report lists one by one; it counts more."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import: the new servers, and lines to print.

    `warning` must always be shown. It is set if the import copied a private key. `faults` are what was not
    imported, and why. `existing` are the names of servers that were there before.
    """

    added: tuple[Server, ...]
    lines: tuple[str, ...]
    warning: str | None = None
    faults: tuple[Remark, ...] = ()
    existing: tuple[str, ...] = ()


def describe_next_steps(own: Identity, public_key: PublicKey, origin: str) -> tuple[str, ...]:
    """The steps to take on the servers before a check with this identity can succeed.

    `origin` is what has another key: a file or an interface.
    """
    why = "two clients with one key cut each other off"
    return (
        f'They are checked as identity "{own.name}", not with the key of {origin}: {why}.',
        "Type on each server, as root:",
        PeerCommand(public_key, own.addresses).line,
    )
