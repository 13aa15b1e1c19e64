"""Creation of identities with a key pair for monitoring, and the stanza that admits them on a server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.keys import PrivateKey, PublicKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity, SecretForm, SecretSource
from wgmon_tui.config.secrets.key_files import open_key_file_writer
from wgmon_tui.config.secrets.keyring import read_private_key
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.value_parsers import InvalidValueError, parse_name
from wgmon_tui.net.addresses import Interface
from wgmon_tui.records import dataclass
from wgmon_tui.text import format_list, quoted

_NO_ADDRESS = (
    "# Put a tunnel address here that no other peer has. Without one, only the handshake can be checked.\n"
    "# AllowedIPs = ADDRESS/32"
)


@dataclass(frozen=True, slots=True)
class NewIdentity:
    """A new identity, the [Peer] stanza to paste on the server, and an optional line to print."""

    identity: Identity
    public_key: PublicKey
    stanza: str
    notice: str | None = None


def public_keys(fleet: Fleet, config_dir: Path) -> dict[str, PublicKey]:
    """The public key of each identity with a readable private key. Blocks while commands run."""
    found = {}
    for identity in fleet.identities:
        # An identity with an unreadable key cannot be matched. That is not an error.
        with suppress(ConfigurationError):
            found[identity.name] = read_private_key(identity, config_dir).public
    return found


def default_identity(fleet: Fleet) -> Identity | None:
    """The identity to offer for new servers: that of `[defaults]`, or the first."""
    by_default = fleet.defaults.get("identity")
    found = fleet.identity(by_default) if isinstance(by_default, str) else None
    return found or next(iter(fleet.identities), None)


def require_identity(fleet: Fleet, name: str) -> Identity:
    """The identity of this name. Raises ConfigurationError that lists those that exist."""
    found = fleet.identity(name)
    if found is not None:
        return found
    names = format_list((each.name for each in fleet.identities), most=8)
    hint = f"there is {names}" if names else f"type: wgmon-tui keygen {name}"
    raise ConfigurationError(f"import: --identity: there is no identity {quoted(name)}; {hint}")


def keygen(
    name: str,
    config_dir: Path,
    addresses: Sequence[Interface] = (),
    private_key: PrivateKey | None = None,
) -> NewIdentity:
    """Create an identity with a new key or `private_key`, and the [Peer] stanza for the server.

    Raises ConfigurationError, also if an identity already has this name.
    """
    try:
        parse_name(name)
    except InvalidValueError as error:
        raise ConfigurationError(f"keygen: name: {error}") from None
    key = private_key or PrivateKey.generate()

    with open_key_file_writer(config_dir) as files:

        def add(fleet: Fleet) -> Fleet:
            if fleet.identity(name):
                raise ConfigurationError(
                    f'servers.toml: identity "{name}": already exists; choose another name'
                )
            source = SecretSource(SecretForm.FILE, files.write(name, ".key", key))
            identity = Identity(name, source, tuple(addresses))
            return replace(fleet, identities=(*fleet.identities, identity))

        saved = update(config_dir, add)
    identity = next(one for one in saved.fleet.identities if one.name == name)
    return NewIdentity(identity, key.public, stanza(identity, key.public), saved.notice)


def stanza(identity: Identity, public_key: PublicKey) -> str:
    """The [Peer] stanza for the server. Addresses become single hosts, whatever their prefix."""
    alone = ", ".join(f"{address.ip}/{address.max_prefixlen}" for address in identity.addresses)
    allowed = f"AllowedIPs = {alone}" if alone else _NO_ADDRESS
    return f"# {identity.name}, for wgmon-tui\n[Peer]\nPublicKey = {public_key}\n{allowed}\n"
