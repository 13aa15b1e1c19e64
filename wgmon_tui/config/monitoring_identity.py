"""The identity that checks a new server: one that exists, or a new one with a key of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wgmon_tui.config.imports.new_identity import default_identity
from wgmon_tui.config.imports.unique_names import UniqueNames
from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.key_files import KeyFileStore, open_key_file_writer
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.value_parsers import NAME_LENGTH, InvalidValueError, parse_name
from wgmon_tui.net.addresses import Interface

_NAME_WITHOUT_HOST = "monitor"


@dataclass(frozen=True, slots=True)
class IdentityWish:
    """The wanted identity. Without `name`, the usual one; without `addresses`, those that it has."""

    name: str = ""
    addresses: tuple[Interface, ...] = ()


@dataclass(frozen=True, slots=True)
class ChosenIdentity:
    """An identity, the fleet that contains it, and whether its key is new."""

    fleet: Fleet
    identity: Identity
    has_new_key: bool = False


@dataclass(frozen=True, slots=True)
class SavedIdentity:
    """An identity of servers.toml, its public key, whether that is new, and a line to print."""

    identity: Identity
    public_key: PublicKey
    has_new_key: bool
    notice: str | None = None


def identity_name_of_machine() -> str:
    """The name of a first identity: that of this machine, without its domain."""
    host = os.uname().nodename.partition(".")[0][:NAME_LENGTH]
    try:
        return parse_name(host)
    except InvalidValueError:
        return _NAME_WITHOUT_HOST


def choose_identity(
    fleet: Fleet, wish: IdentityWish, files: KeyFileStore, server_name: str
) -> ChosenIdentity:
    """The identity to check a new server with; it is created if there is none.

    An identity that other servers use keeps its addresses: they admit those alone. Other addresses make
    another identity with the same key file, named after the server.
    """
    current = fleet.identity(wish.name) if wish.name else default_identity(fleet)
    if current is None:
        name = wish.name or identity_name_of_machine()
        source = SecretSource(SecretForm.FILE, files.write(name, ".key", PrivateKey.generate()))
        return _added(fleet, Identity(name, source, wish.addresses), has_new_key=True)
    if not wish.addresses or _have_same_hosts(wish.addresses, current.addresses):
        return ChosenIdentity(fleet, current)
    for other in fleet.identities:
        if other.private_key == current.private_key and _have_same_hosts(wish.addresses, other.addresses):
            return ChosenIdentity(fleet, other)
    addressed = replace(current, addresses=wish.addresses)
    if not any(each.identity == current.name for each in fleet.servers):
        identities = tuple(addressed if each is current else each for each in fleet.identities)
        return ChosenIdentity(replace(fleet, identities=identities), addressed)
    name = UniqueNames(each.name for each in fleet.identities).take(server_name)
    return _added(fleet, replace(addressed, name=name))


def save_chosen_identity(config_dir: Path, wish: IdentityWish, server_name: str) -> SavedIdentity:
    """Choose the identity for new servers, and write it if it is new. Raises ConfigurationError."""
    chosen: list[ChosenIdentity] = []

    def choose(fleet: Fleet) -> Fleet:
        chosen[:] = [choose_identity(fleet, wish, files, server_name)]
        return chosen[0].fleet

    with open_key_file_writer(config_dir) as files:
        saved = update(config_dir, choose)
    identity = chosen[0].identity
    public_key = read_private_key(identity, config_dir).public
    return SavedIdentity(identity, public_key, chosen[0].has_new_key, saved.notice)


def _added(fleet: Fleet, identity: Identity, *, has_new_key: bool = False) -> ChosenIdentity:
    return ChosenIdentity(
        replace(fleet, identities=(*fleet.identities, identity)), identity, has_new_key=has_new_key
    )


def _have_same_hosts(some: Sequence[Interface], others: Sequence[Interface]) -> bool:
    return {each.ip for each in some} == {each.ip for each in others}
