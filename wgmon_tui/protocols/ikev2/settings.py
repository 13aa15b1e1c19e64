"""The table `[server.ikev2]` of servers.toml."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wgmon_tui.config.models import SecretSource
from wgmon_tui.config.protocol_settings import Imported, ProtocolSettings, ReadBeside
from wgmon_tui.config.setting import FormField, Section, Setting, read_valid_settings
from wgmon_tui.config.toml_reader import TomlTable
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import (
    BOOLEAN,
    PEM_CERTIFICATES,
    PEM_SECRET,
    TEXT_SECRET,
    list_of,
    text_type,
)
from wgmon_tui.protocols.ikev2.proposals import (
    Proposal,
    ProposalError,
    parse_esp_proposal,
    parse_proposal,
)
from wgmon_tui.text import format_list

NAME = "ikev2"


@dataclass(frozen=True, slots=True)
class Ikev2Settings:
    """How a server is checked, and the sources of the credentials for it.

    At most one of three is set: `secret`; `certificate` and `key`; `eap_user` and `eap_password`. Without
    one, only SA_INIT is checked. `dedicated` says that no real client has this identity: only then
    may a check authenticate, because some servers end the session that an identity has already.
    """

    local_id: str = ""
    remote_id: str = ""
    secret: SecretSource | None = None
    certificate: SecretSource | None = None
    key: SecretSource | None = None
    eap_user: str = ""
    eap_password: SecretSource | None = None
    ca: SecretSource | None = None
    crl: SecretSource | None = None
    proposals: tuple[Proposal, ...] = ()
    dedicated: bool = False
    esp_proposals: tuple[Proposal, ...] = ()


def _parse_identity(text: str) -> str:
    if text != text.strip():
        raise InvalidValueError("expected no space at either end")
    return parse_text(text)


def _checked(parse: Callable[[str], Proposal]) -> Callable[[str], Proposal]:
    def parse_value(text: str) -> Proposal:
        try:
            return parse(text)
        except ProposalError as error:
            raise InvalidValueError(str(error)) from None

    return parse_value


IDENTITY = text_type("IKE identity", _parse_identity)
PROPOSALS = list_of(
    text_type("proposal", _checked(parse_proposal), pattern=r"^[A-Za-z0-9_]+(-[A-Za-z0-9_]+)+$"),
    "list of proposals",
)
ESP_PROPOSALS = list_of(
    text_type("ESP proposal", _checked(parse_esp_proposal), pattern=r"^[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*$"),
    "list of ESP proposals",
)

SECTION = Section(
    NAME,
    "An IKEv2 server. Without a secret, a certificate or an EAP user, a check ends after IKE_SA_INIT.",
    Ikev2Settings,
    (
        Setting(
            "local_id",
            IDENTITY,
            "The identity of the checks: a name, an address, an e-mail address or the subject of a "
            "certificate. No real client may use it.",
            FormField(10, example="e.g. monitor@example.net"),
            default="the subject of the certificate, or `eap_user`",
            is_local=True,
        ),
        Setting(
            "remote_id",
            IDENTITY,
            "The identity that the server must prove.",
            FormField(20, example="e.g. vpn.example.net"),
            default="the host of the endpoint; with `secret` and without a certificate, any",
        ),
        Setting("secret", TEXT_SECRET, "The preshared key.", FormField(30)),
        Setting(
            "certificate",
            PEM_CERTIFICATES,
            "The certificate of the checks in PEM form, and those between it and the authority.",
            FormField(40),
        ),
        Setting("key", PEM_SECRET, "The private key of this certificate, in PEM form.", FormField(50)),
        Setting(
            "eap_user",
            IDENTITY,
            "The user for EAP-MSCHAPv2.",
            FormField(60, example="e.g. monitor"),
            is_local=True,
        ),
        Setting("eap_password", TEXT_SECRET, "The password of this user.", FormField(70)),
        Setting(
            "ca",
            PEM_CERTIFICATES,
            "The authorities that may have issued the server's certificate, in PEM form.",
            FormField(80),
            default="those of the system",
        ),
        Setting(
            "crl",
            PEM_CERTIFICATES,
            "The revocation lists of these authorities, in PEM form. None is fetched, and OCSP is not asked.",
            FormField(85, more=True),
            default="none: nothing counts as revoked",
        ),
        Setting(
            "proposals",
            PROPOSALS,
            "The algorithms to offer, such as aes256gcm16-prfsha256-ecp256, the best first. Set what your "
            "clients offer: only then does healthy speak of them.",
            FormField(90, example="e.g. aes256-sha256-modp2048", more=True),
            default="all that wgmon-tui knows and that are still good",
        ),
        Setting(
            "esp_proposals",
            ESP_PROPOSALS,
            "The algorithms to offer for the tunnel, such as aes256gcm16 or aes256-sha256, the best first.",
            FormField(95, example="e.g. aes256gcm16", more=True),
            default="all that wgmon-tui knows and that are still good",
        ),
        Setting(
            "dedicated",
            BOOLEAN,
            "Whether no real client uses this identity. Only then do checks authenticate: some servers end "
            "the session that an identity has already.",
            FormField(100),
            is_local=True,
        ),
    ),
)

_METHODS = (("secret",), ("certificate", "key"), ("eap_user", "eap_password"))
"""The ways to authenticate: of each, all keys or none."""

_IN_FILES = {each.key for each in SECTION.settings if len(each.keys) > 1}


def read_settings(table: TomlTable) -> Ikev2Settings:
    """Read the table of a server. Raises ConfigurationError."""
    settings = Ikev2Settings(**read_valid_settings(table, SECTION.settings))
    if not table.rejected and not table.lacks_secrets:
        _check_method(table, settings)
    table.require_valid()
    return settings


def _check_method(table: TomlTable, settings: Ikev2Settings) -> None:
    """Refuse half a way to authenticate, and two of them."""
    chosen = [keys for keys in _METHODS if any(getattr(settings, key) for key in keys)]
    if len(chosen) > 1:
        listed = format_list(_written(table, keys) for keys in chosen)
        phrase = f"keep one way to authenticate of {listed}"
        table.reject(table.error(_written(table, chosen[1]), phrase))
        return
    for key in chosen[0] if chosen else ():
        if not getattr(settings, key):
            other = next(each for each in chosen[0] if each != key)
            missing = f"{key}_file" if key in _IN_FILES else key
            phrase = f'{_written(table, (other,))} needs it; add {missing} = "…"'
            table.reject(table.error(missing, phrase))
    if settings.secret and not settings.local_id:
        phrase = 'a preshared key needs it; add local_id = "monitor@example.net", as the server knows it'
        table.reject(table.error("local_id", phrase))
    if settings.dedicated and not chosen:
        phrase = "there is no identity; add secret_file, certificate_file and key_file, or eap_user"
        table.reject(table.error("dedicated", phrase))


def _written(table: TomlTable, keys: tuple[str, ...]) -> str:
    """The first of these keys that the table has, as it is written there."""
    names = [each for setting in SECTION.settings if setting.key in keys for each in setting.keys]
    return next((each for each in names if each in table.raw), names[0])


def read_import(text: str, name: str, read_beside: ReadBeside) -> Sequence[Imported]:
    """The servers in a configuration of an IKEv2 client. Raises ConfigurationError."""
    from wgmon_tui.protocols.ikev2.imports.reading import read_import

    return read_import(text, name, read_beside)


SETTINGS = ProtocolSettings(
    section=SECTION,
    read=read_settings,
    read_import_with_files=read_import,
    usual_port=500,
    more_keys=frozenset({"tunnel", "tunnel_ping", "tunnel_every", "explain", "explain_every"}),
)
