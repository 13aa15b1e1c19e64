"""What `add` was given: three words, or wg-quick files. Both end as servers of servers.toml."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path

from wgmon_tui.cli.output_format import wrap_line
from wgmon_tui.config.imports.conf_reading import ReadConfs, read_confs
from wgmon_tui.config.imports.conf_sources import CONF_SUFFIXES, STANDARD_INPUT, is_link
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.imports.new_identity import default_identity, public_keys
from wgmon_tui.config.imports.unique_names import UniqueNames
from wgmon_tui.config.imports.wg_quick_import import ImportOptions, import_confs
from wgmon_tui.config.keys import InvalidKeyError, PresharedKey
from wgmon_tui.config.models import ConfigurationError, Server
from wgmon_tui.config.monitoring_identity import (
    IdentityWish,
    SavedIdentity,
    identity_name_of_machine,
    save_chosen_identity,
)
from wgmon_tui.config.new_server import AddedServer, NewServer, NewServerError, add_server, describe_server
from wgmon_tui.config.protocol_settings import needs_identity
from wgmon_tui.config.secrets.private_files import PrivateFileError, read_private, shown
from wgmon_tui.config.servers_file import NAME, read
from wgmon_tui.config.value_parsers import InvalidValueError, is_key, parse_interface
from wgmon_tui.net.addresses import Interface
from wgmon_tui.terminal import detect_terminal

_WORDS = 3

_OPTIONS = {
    "name": "NAME",
    "endpoint": "ENDPOINT",
    "public_key": "PUBLIC_KEY",
    "identity": "--identity",
    "tunnel_addresses": "--tunnel-address",
    "preshared_key": "--psk-file",
}


@dataclass(frozen=True, slots=True)
class ServersOfFiles:
    """The servers of the files, lines to print, and what could not be added.

    `without_identity` are servers of protocols that need none; `new` are the names of those that were added.
    """

    servers: tuple[AddedServer, ...]
    lines: tuple[str, ...]
    faults: tuple[str, ...]
    without_identity: tuple[Server, ...] = ()
    new: frozenset[str] = frozenset()


def is_files(words: Sequence[str]) -> bool:
    """Whether the words are files. Raises ConfigurationError if they are neither files nor three words."""
    if all(word == STANDARD_INPUT or word.endswith(CONF_SUFFIXES) or Path(word).exists() for word in words):
        return True
    if any(map(is_link, words)):
        raise ConfigurationError(
            "add: a link on the command line is a secret that other accounts can see; type: wgmon-tui add -, "
            "then paste the link, Enter, Ctrl+D"
        )
    if len(words) == _WORDS:
        return False
    missing = [word for word in words if not Path(word).exists()]
    if len(words) == 1:
        raise ConfigurationError(
            f"add: there is no file {shown(Path(missing[0]))}; type FILE.conf, or NAME ENDPOINT PUBLIC_KEY"
        )
    raise ConfigurationError(
        f"add: expected three words, NAME ENDPOINT PUBLIC_KEY, or files; got {len(words)} words"
    )


def add_from_words(arguments: argparse.Namespace) -> AddedServer:
    """Add the server that the three words name. Raises ConfigurationError that names every bad word."""
    if arguments.use_file_key:
        raise ConfigurationError("add: --use-file-key needs FILE.conf")
    name, endpoint, public_key = arguments.words
    new = NewServer(
        name,
        endpoint,
        public_key,
        tuple(arguments.tunnel_address),
        _read_preshared_key(arguments.psk_file) if arguments.psk_file else None,
        arguments.identity,
    )
    if is_key(name) or (is_key(endpoint) and not is_key(public_key)):
        raise ConfigurationError("add: the order is NAME ENDPOINT PUBLIC_KEY; the key comes last")
    try:
        return add_server(arguments.config, new)
    except NewServerError as error:
        lines = [f"add: {_OPTIONS.get(key, key)}: {problem}" for key, problem in error.problems.items()]
        raise ConfigurationError("\n".join(lines)) from None


def _read_preshared_key(path: Path) -> PresharedKey:
    try:
        return PresharedKey.from_text(read_private(path).decode("ascii"))
    except PrivateFileError as error:
        raise ConfigurationError(f"add: --psk-file: {error}") from None
    except (InvalidKeyError, UnicodeDecodeError):
        raise ConfigurationError(
            f"add: --psk-file: {shown(path)} holds no preshared key; `wg genpsk` makes one"
        ) from None


def add_from_files(arguments: argparse.Namespace) -> ServersOfFiles:
    """Add the servers of wg-quick files. Raises ConfigurationError."""
    if arguments.psk_file:
        raise ConfigurationError("add: --psk-file needs NAME ENDPOINT PUBLIC_KEY")
    confs = read_confs([Path(word) for word in arguments.words], sys.stdin.buffer.read)
    count = sum(len(conf.peers) for conf in confs.confs)
    if arguments.ssh and count > 1:
        raise ConfigurationError(f"add: --ssh types on one host, and the files have {count} servers")
    if arguments.use_file_key:
        if arguments.identity or arguments.tunnel_address or arguments.ssh:
            raise ConfigurationError(
                "add: --use-file-key takes the identity from the file; the server knows it"
            )
        return _import(arguments.config, confs, ImportOptions())
    addresses = tuple(arguments.tunnel_address) or _ask_address(arguments, confs)
    _reject_client_addresses(addresses, confs)
    saved = None
    if count:
        first = next(conf for conf in confs.confs if conf.peers)
        wish = IdentityWish(_separate_identity(arguments, confs), addresses)
        saved = save_chosen_identity(arguments.config, wish, first.suggested_name(first.peers[0]))
    identity = saved.identity.name if saved else None
    options = ImportOptions(identity, with_next_steps=False, allow_handshake_only=True)
    return _import(arguments.config, confs, options, saved, addresses)


def _separate_identity(arguments: argparse.Namespace, confs: ReadConfs) -> str:
    """The name of an identity that has no key of these files; "" for the usual one.

    An earlier import may have made an identity of such a key. Raises ConfigurationError.
    """
    fleet = read(arguments.config).fleet
    client_keys = {conf.private_key.public for conf in confs.confs if conf.private_key}
    keys = public_keys(fleet, arguments.config)
    shared = {name for name, key in keys.items() if key in client_keys}
    if arguments.identity in shared:
        raise ConfigurationError(
            f'add: --identity: "{arguments.identity}" has the key of the file, so each check would cut its '
            "client off; name another identity, or type --use-file-key"
        )
    usual = default_identity(fleet)
    if arguments.identity or usual is None or usual.name not in shared:
        return str(arguments.identity)
    others = (each.name for each in fleet.identities if each.name not in shared)
    return next(others, UniqueNames(each.name for each in fleet.identities).take(identity_name_of_machine()))


def _import(
    config: Path,
    confs: ReadConfs,
    options: ImportOptions,
    saved: SavedIdentity | None = None,
    addresses: tuple[Interface, ...] = (),
) -> ServersOfFiles:
    known_identities = {each.name for each in read(config).fleet.identities}
    if saved and saved.has_new_key:
        known_identities.discard(saved.identity.name)
    report = import_confs(confs, config, options)
    fleet = read(config).fleet
    for name in report.existing if addresses else ():
        if there := fleet.server(name):
            add_server(config, NewServer(name, str(there.endpoint), str(there.public_key), addresses))
    fleet = read(config).fleet
    names = dict.fromkeys((*(each.name for each in report.added), *report.existing))
    servers = [server for name in names if (server := fleet.server(name))]
    new = {each.name for each in report.added}
    # Without a separate identity, the import creates one for each key that no identity has yet.
    new_identities = {each.name for each in fleet.identities} - known_identities
    described = tuple(
        replace(
            describe_server(fleet, each, config),
            is_new=each.name in new,
            has_new_key=each.identity in new_identities,
        )
        for each in servers
        if needs_identity(each)
    )
    others = tuple(each for each in servers if not needs_identity(each))
    lines = list(report.lines)
    if others and not described:
        lines.append(f"Servers are in {shown(config / NAME)}")
    if described:
        one = described[0]
        made = "Created" if one.has_new_key else "Uses"
        key = f"; private key: {shown(one.private_key_file)}" if one.private_key_file else ""
        lines += [f"Servers are in {shown(one.servers_toml)}", f'{made} identity "{one.identity.name}"{key}']
    if saved and saved.notice:
        lines.append(saved.notice)
    if report.warning and options.identity is None:
        lines.append(SHARED_KEY_WARNING)
    return ServersOfFiles(described, tuple(lines), tuple(map(str, report.faults)), others, frozenset(new))


def _ask_address(arguments: argparse.Namespace, confs: ReadConfs) -> tuple[Interface, ...]:
    """Ask for a tunnel address where the files show which network it must be from; none without an answer.

    A guess would be dangerous: the server takes the address away from the peer that has it.
    """
    networks = {
        each.network for conf in confs.confs for each in conf.addresses if each.network.num_addresses > 4
    }
    first = min(networks, key=lambda each: (each.version, str(each)), default=None)
    fleet = read(arguments.config).fleet
    is_asked = (
        detect_terminal().is_interactive and not arguments.json and STANDARD_INPUT not in arguments.words
    )
    if first is None or not is_asked or any(each.addresses for each in fleet.identities):
        return ()
    example = ip_network(first).broadcast_address - 1
    asked = f"Tunnel address for the checks: one of {first} that no peer has, such as {example}."
    print(wrap_line(asked, arguments.terminal.width))
    print("Without one (Enter), the checks cannot ping inside the tunnel.")
    while True:
        try:
            answer = input("Tunnel address [none]: ").strip()
        except EOFError:
            return ()
        if not answer or answer == "none":
            return ()
        try:
            address = parse_interface(answer)
        except InvalidValueError:
            print(f"Expected an address such as {example}.")
            continue
        taken = _client_address(address, confs)
        if taken is None:
            return (address,)
        print(wrap_line(f"{taken}.", arguments.terminal.width))


def _client_address(address: Interface, confs: ReadConfs) -> str | None:
    """Why this may not be a tunnel address of the checks, if a client has it; else None."""
    taken = {each.ip: conf.source for conf in confs.confs for each in conf.addresses}
    if (source := taken.get(address.ip)) is None:
        return None
    return (
        f"{address.ip} is the address of the client in {source}, and the server would take it away from that "
        "client; choose one that no peer has"
    )


def _reject_client_addresses(addresses: Sequence[Interface], confs: ReadConfs) -> None:
    """Refuse the address of a client: `wg set` would take it away from that client."""
    for each in addresses:
        if taken := _client_address(each, confs):
            raise ConfigurationError(f"add: --tunnel-address: {taken}")
