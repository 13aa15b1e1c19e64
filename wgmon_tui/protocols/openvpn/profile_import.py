"""Servers of a client profile that somebody imports: one for each remote, with the profile as secret."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.protocol_settings import ImportedServer, ReadBeside, SecretText
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.openvpn.profile import Profile, Remote
from wgmon_tui.protocols.openvpn.profile_files import complete
from wgmon_tui.protocols.openvpn.profile_parser import decode_profile, parse_profile
from wgmon_tui.protocols.openvpn.profile_syntax import ProfileError

RESET_ONLY = (
    "checks end after the reset, because a login would disconnect the user of the profile; for a profile "
    "that nobody else uses, add dedicated = true to [server.openvpn]"
)
_ASKS = "the profile asks for a user and a password; add username and password_file to [server.openvpn]"


def import_profile(text: str, name: str, read_beside: ReadBeside) -> tuple[ImportedServer, ...]:
    """The servers of a profile, with the files beside it in it. Raises ConfigurationError, one phrase."""

    def read(wanted: str, _: bool) -> bytes:
        try:
            return read_beside(wanted)
        except ConfigurationError as error:
            raise ProfileError(str(error)) from None

    try:
        completed = complete(text.encode(), read)
        profile = parse_profile(completed)
    except ProfileError as error:
        raise ConfigurationError(str(error)) from None
    secret = SecretText(decode_profile(completed))
    places = Counter((each.host, each.port) for each in profile.remotes)
    # Without a file, such as from standard input, the host is the better name.
    stem = PurePath(name).stem if PurePath(name).suffix else profile.remotes[0].host
    return tuple(
        ImportedServer(
            stem if len(profile.remotes) == 1 else f"{stem}-{each.host}",
            str(Endpoint(each.host, each.port)),
            {"proto": each.transport.value} if places[each.host, each.port] > 1 else {},
            {"profile": secret},
            _notices(profile, each),
        )
        for each in profile.remotes
    )


def _notices(profile: Profile, remote: Remote) -> tuple[str, ...]:
    """Lines to print. Those of the whole profile stand with its first server."""
    if remote is not profile.remotes[0]:
        return ()
    asks = profile.needs_credentials and (profile.credentials is None or profile.credentials.password is None)
    return (*profile.notices, RESET_ONLY, *((_ASKS,) if asks else ()))
