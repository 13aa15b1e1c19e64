"""The settings of OpenVPN in servers.toml: the table `[server.openvpn]`.

`profile` and the secrets stand in the table, like the settings of every other protocol. `endpoint` beside it
says which remote of the profile is checked, so that each remote is a server with its own history.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.config.protocol_settings import ImportedServer, ProtocolSettings, ReadBeside
from wgmon_tui.config.secrets.sources import read_document
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_types import BOOLEAN, TEXT, TEXT_SECRET, SecretDocument, SecretType, one_of

NAME = "openvpn"
_PROFILE = re.compile(r"^[ \t]*(remote[ \t]+\S+[ \t]*([0-9]+|$)|dev[ \t]+tun|tls-client\b)", re.MULTILINE)
_WG_QUICK = re.compile(r"^[ \t]*\[(Interface|Peer)\]", re.MULTILINE | re.IGNORECASE)
MAX_PROFILE_BYTES = 1 << 20

MORE_KEYS = frozenset(
    ("tunnel_every", "tunnel_ping", "tunnel_count", "tunnel_over", "explain", "explain_every")
)


@dataclass(frozen=True, slots=True)
class OpenVpnSettings:
    """The settings of one server.

    `dedicated` states that nobody else uses the certificate and the account of the profile. Only then a
    check goes beyond the reset. `proto` chooses among remotes with the same host and port; "" is the first.
    """

    profile: SecretSource | None = None
    proto: str = ""
    dedicated: bool = False
    username: str = ""
    password: SecretSource | None = None
    key_password: SecretSource | None = None
    challenge_response: SecretSource | None = None


def _find_profile(table: TomlTable, key: str) -> SecretSource | None:
    """The source of a profile. The bare key holds the path of its file, or the profile in many lines."""
    source = read_document(table, key)
    if source is None or source.form is not SecretForm.INLINE or "\n" in str(source.value).strip():
        return source
    return SecretSource(SecretForm.FILE, source.value)


def _complete(content: bytes, path: Path | None) -> bytes:
    """The profile with the files that it names in it. Raises ConfigurationError."""
    from wgmon_tui.protocols.openvpn.profile_files import complete_profile

    return complete_profile(content, path)


PROFILE_SECRET = SecretType(
    _find_profile, TEXT_SECRET.schemas, document=SecretDocument(MAX_PROFILE_BYTES, _complete)
)

SECTION = Section(
    NAME,
    "An OpenVPN server, by the profile of a client.",
    OpenVpnSettings,
    (
        Setting(
            "profile",
            PROFILE_SECRET,
            "The client profile: the path of a .ovpn file or of a .zip with one. Files that it names are "
            "looked for beside it.",
            FormField(10, example="e.g. client.ovpn"),
        ),
        Setting(
            "proto",
            one_of(("", "udp", "tcp")),
            "Which remote is meant if the profile has the endpoint for UDP and for TCP.",
            FormField(20, more=True),
        ),
        Setting(
            "dedicated",
            BOOLEAN,
            "Whether nobody else uses the certificate and the account of the profile. Only then a check "
            "logs in; otherwise it ends after the reset, because a login would disconnect their user.",
            FormField(30),
            is_local=True,
        ),
        Setting(
            "username", TEXT, "The user, if the profile does not contain it.", FormField(40), is_local=True
        ),
        Setting("password", TEXT_SECRET, "The password, if the profile does not contain it.", FormField(50)),
        Setting(
            "key_password",
            TEXT_SECRET,
            "The password of the private key, if the key is encrypted.",
            FormField(60, more=True),
        ),
        Setting(
            "challenge_response",
            TEXT_SECRET,
            "The answer to `static-challenge`. It is read once, so a code that changes does not work.",
            FormField(70, more=True),
        ),
    ),
)


def read_import(text: str, name: str, read_beside: ReadBeside) -> Sequence[ImportedServer]:
    """The servers of a client profile; none for a foreign format. Raises ConfigurationError."""
    if not (name.lower().endswith(".ovpn") or _PROFILE.search(text)) or _WG_QUICK.search(text):
        return ()
    from wgmon_tui.protocols.openvpn.profile_import import import_profile

    return import_profile(text, name, read_beside)


SETTINGS = ProtocolSettings(
    section=SECTION,
    more_keys=MORE_KEYS,
    read_import_with_files=read_import,
    usual_port=1194,
)
