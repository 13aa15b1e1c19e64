"""A connection of another program's configuration, and the entry of servers.toml that it becomes.

What is imported is never marked as `dedicated`: it may be the identity of a real client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from wgmon_tui.config.protocol_settings import ImportedServer, SecretText
from wgmon_tui.config.value_parsers import NAME_LENGTH, InvalidValueError, is_ipv6, parse_endpoint
from wgmon_tui.protocols.ikev2.proposals import (
    Proposal,
    ProposalError,
    parse_esp_proposal,
    parse_proposal,
)
from wgmon_tui.text import format_list, printable

IKE_PORT = 500


class ConnectionImportError(Exception):
    """What is wrong with a file, or with the connection `name` of it.

    The message is a phrase to put after the name of the file.
    """

    def __init__(self, phrase: str, line: int | None = None, name: str = "") -> None:
        self.name = printable(name)
        place = "" if line is None else f"line {line}: "
        self.reason = place + phrase
        super().__init__(f"{place}connection {self.name} {phrase}" if name else self.reason)


@dataclass(frozen=True, slots=True)
class ForeignConnection:
    """A connection. `files` are paths by setting, `secrets` texts by setting; both without the suffix."""

    name: str
    host: str
    port: int = IKE_PORT
    local_id: str = ""
    remote_id: str = ""
    eap_user: str = ""
    proposals: tuple[str, ...] = ()
    esp_proposals: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


_NOT_DEDICATED = (
    "checks end after SA_INIT, because the identity may be that of a real client; make one for monitoring, "
    "then set dedicated = true"
)
_DEFAULT = "default"
"""The word of strongSwan for its own proposals."""

_METHODS = (("secret",), ("certificate", "key"), ("eap_password",))


def make_server(found: ForeignConnection) -> ImportedServer:
    """The entry of a connection. Raises ConnectionImportError.

    Half a way to authenticate is left out, and all but the first: the check then ends after SA_INIT.
    """
    name = printable(found.name).strip()[:NAME_LENGTH].strip() or "ikev2"
    host = f"[{found.host}]" if is_ipv6(found.host) else found.host
    try:
        parse_endpoint(f"{host}:{found.port}")
    except InvalidValueError as error:
        raise ConnectionImportError(f"has no usable address: {error}", name=name) from None
    here = {*found.files, *found.secrets}
    method = next((keys for keys in _METHODS if here.issuperset(keys)), ())
    wanted = {*method, "ca"}
    if "secret" in method and not found.local_id:
        wanted.discard("secret")
    if "eap_password" in method and not found.eap_user:
        wanted.discard("eap_password")
    settings: dict[str, object] = {}
    if found.local_id:
        settings["local_id"] = _one_line(found.local_id)
    if found.remote_id:
        settings["remote_id"] = _one_line(found.remote_id)
    if "eap_password" in wanted and found.eap_user and "eap_password" in here:
        settings["eap_user"] = _one_line(found.eap_user)
    notices = list(found.notices)
    for key, words, parse in (
        ("proposals", found.proposals, parse_proposal),
        ("esp_proposals", found.esp_proposals, parse_esp_proposal),
    ):
        known, left_out = _split_known(words, parse)
        if known:
            settings[key] = list(known)
        if left_out:
            notices.append(_left_out(key, left_out, is_any_known=bool(known)))
    settings |= {f"{key}_file": path for key, path in found.files.items() if key in wanted}
    secrets = {
        key: SecretText(text)
        for key, text in found.secrets.items()
        if key in wanted and key not in found.files
    }
    if method:
        notices.append(_NOT_DEDICATED)
    return ImportedServer(name, f"{host}:{found.port}", settings, secrets, tuple(notices))


def _split_known(
    words: Iterable[str], parse: Callable[[str], Proposal]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The proposals that wgmon-tui can make, as it writes them, and the others."""
    known: dict[str, None] = {}
    left_out: list[str] = []
    for each in words:
        if each.lower() == _DEFAULT:
            return (), ()  # what that is depends on the version of the client
        try:
            known[str(parse(each))] = None
        except ProposalError:
            left_out.append(printable(each))
    return tuple(known), tuple(left_out)


def _left_out(key: str, words: Iterable[str], *, is_any_known: bool) -> str:
    what = f"{key}: {format_list(words)} left out, because wgmon-tui lacks an algorithm"
    return what if is_any_known else f"{what}; checks offer everything else, and clients do not"


def _one_line(text: str) -> str:
    return printable(text).strip()
