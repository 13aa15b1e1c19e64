"""Command `subscriptions`: fetch the lists of config.toml, show what differs, and apply it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wgmon_tui.cli.arguments import Subparsers, directory_options
from wgmon_tui.cli.commands_to_type import command_to_type
from wgmon_tui.cli.loading import read_checked_config, require_directory
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.text import did_you_mean, format_list, printable, quoted

if TYPE_CHECKING:
    from wgmon_tui.config.imports.protocol_import import ProtocolImport
    from wgmon_tui.config.subscriptions_toml import Subscription
    from wgmon_tui.subscriptions.difference import ListDifference
    from wgmon_tui.subscriptions.quota import Quota

_DIFFERS, _FAILED = 1, 3


def add_commands(subparsers: Subparsers) -> None:
    """Add `subscriptions`."""
    parser = subparsers.add_parser(
        "subscriptions",
        parents=[directory_options()],
        help="fetch the lists of [[subscription]], and show what differs from servers.toml",
        description="Fetch each list, and show new (+), changed (~) and removed (-) servers. "
        "Without --apply, nothing is written. Exit code: 0 nothing differs, or all is applied; "
        "1 a list differs; 3 a list could not be fetched or read, and its servers stay as they are.",
    )
    parser.add_argument(
        "lists", nargs="*", metavar="NAME", help="subscriptions of config.toml (default: all of them)"
    )
    parser.add_argument("--apply", action="store_true", help="write what differs to servers.toml")
    parser.add_argument("--json", action="store_true", help="one JSON object per list, one per line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fetch and compare lists, and apply them if that was asked for. Raises ConfigurationError."""
    from wgmon_tui.subscriptions.application import SubscriptionError, apply, compare_list, fetch_list
    from wgmon_tui.subscriptions.state_file import state_of, write_state

    require_directory(arguments.config)
    code = 0
    for each in _choose(read_checked_config(arguments.config).subscriptions, arguments.lists):
        try:
            quotas: list[Quota | None] = []
            data = fetch_list(each, arguments.config, quotas.append)
            found = compare_list(each, data, arguments.config)
            is_applied = arguments.apply and not found.is_empty
            if is_applied:
                apply(each, found, arguments.config)
            rest = compare_list(each, data, arguments.config) if is_applied else found
            write_state(arguments.state, each.name, state_of(rest, time.time(), quotas[-1]))
        except SubscriptionError as error:
            code = _FAILED
            print(f"wgmon-tui: {printable(str(error))}", file=sys.stderr)
            continue
        describe = _json if arguments.json else _text
        print(describe(arguments, each, found, is_applied=is_applied), flush=True)
        if not arguments.json and (warning := quotas[-1].warning(time.time()) if quotas[-1] else ""):
            print(printable(f"{each.name}: {warning}"), flush=True)
        if not found.is_empty and not is_applied:
            code = code or _DIFFERS
    return code


def _choose(known: Sequence[Subscription], names: Sequence[str]) -> Sequence[Subscription]:
    """The subscriptions of these names, or all. Raises ConfigurationError."""
    if not known:
        raise ConfigurationError("subscriptions: config.toml has no [[subscription]]; see docs/proxies.md")
    by_name = {each.name: each for each in known}
    for name in names:
        if name not in by_name:
            hint = did_you_mean(name, by_name) or f"there is {format_list(map(quoted, by_name))}"
            raise ConfigurationError(f"subscriptions: no [[subscription]] is named {quoted(name)}; {hint}")
    return [by_name[name] for name in names] if names else known


def _text(
    arguments: argparse.Namespace, subscription: Subscription, found: ListDifference, *, is_applied: bool
) -> str:
    end = ", applied" if is_applied else ""
    head = f"{subscription.name}: {found.summary}{end}; {found.same} unchanged"
    lines = [head, *(f"  {each}" for each in found.lines())]
    lines += [f"  ? not read: {each}" for each in found.unread]
    if not found.is_empty and not is_applied:
        command = command_to_type(arguments, "subscriptions", "--apply", subscription.name)
        lines += ["To apply it, type:", "", command, ""]
    return "\n".join(map(printable, lines))


def _json(
    arguments: argparse.Namespace, subscription: Subscription, found: ListDifference, *, is_applied: bool
) -> str:
    changed: list[tuple[str, ProtocolImport, dict[str, object]]] = [
        (each.server.name, each.item, {"what": each.what}) for each in found.changed
    ]
    new: list[tuple[str, ProtocolImport, dict[str, object]]] = [
        (each.server.name, each, {}) for each in found.new
    ]
    return json.dumps(
        {
            "subscription": subscription.name,
            "new": [_entry(*each) for each in new],
            "changed": [_entry(*each) for each in changed],
            "removed": [
                {"name": each.name, "protocol": each.protocol, "endpoint": str(each.endpoint)}
                for each in found.removed
            ],
            "unchanged": found.same,
            "unread": found.unread,
            "applied": is_applied,
        }
    )


def _entry(name: str, item: ProtocolImport, more: Mapping[str, object]) -> dict[str, object]:
    return {"name": name, "protocol": item.protocol, "endpoint": item.server.endpoint, **more}
