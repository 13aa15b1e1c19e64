"""Text of an import preview. Pure functions: a preview in, Rich text out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from wgmon_tui.checks.verdict import Severity
from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.imports.wg_quick_import import Preview
from wgmon_tui.config.models import Fleet, Server
from wgmon_tui.config.protocol_settings import needs_identity
from wgmon_tui.text import format_count, format_list
from wgmon_tui.tui.keys.action import Action
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import key_of
from wgmon_tui.tui.theme.glyphs import Glyphs
from wgmon_tui.tui.theme.palette import Palette

_MAX_LINES = 200
_MANY = 8
_MAX_NAMES = 12
_WIDEST_NAME = 24
_NO_PING = (
    "The config names no address to ping inside the tunnel. The check tests the first hop in the tunnel, not "
    "what is behind it. To add an address later, press {edit} on the server."
)
_NO_ADDRESS = "The identity has no tunnel address, so only the handshake can be checked."
_USAGE = (
    "Type the path of a client config: [Peer] PublicKey, Endpoint.\n"
    "Press {complete} to complete a path.\n"
    "Several paths, patterns, directories and zip archives work too."
)


def preview_lines(
    found: Preview | None,
    fleet: Fleet,
    palette: Palette,
    glyphs: Glyphs,
    actions: Sequence[Action] = ACTIONS,
) -> Text:
    """What would be added to this fleet, what exists, what is missing, and the warning about a shared key."""
    if found is None:
        return Text(_USAGE.format(complete=key_of("complete_path", actions)), palette.muted)
    text = _added_lines(found, palette, glyphs)
    if found.existing:
        there = format_list(map(glyphs.clean, dict.fromkeys(found.existing)), most=_MAX_NAMES)
        text.append(f"= already there: {there} (same key and endpoint)\n", palette.muted)
    for fault in found.faults[:_MAX_LINES]:
        text.append(f"{glyphs.of(Severity.DOWN)} {glyphs.clean(fault)}\n", palette.severity[Severity.DOWN])
    if len(found.faults) > _MAX_LINES:
        text.append(f"  and {len(found.faults) - _MAX_LINES} more\n", palette.muted)
    text.append("\n")
    for notice in found.notices[:_MAX_LINES]:
        text.append(f"{glyphs.clean(notice)}\n", palette.severity[Severity.DEGRADED])
    text.append("\n" if found.notices else "")
    if found.servers:
        if what := _what_is_checked(found, fleet, actions):
            text.append(f"{what}\n\n", palette.text)
        text.append("\n".join(map(glyphs.clean, found.next_steps)), palette.text)
    if found.servers and found.uses_file_keys:
        text.append(_warning(fleet), palette.severity[Severity.DEGRADED])
    return text


def _warning(fleet: Fleet) -> str:
    """The warning about a shared key; its last sentence says what to do."""
    if not fleet.identities:
        return SHARED_KEY_WARNING
    return f"{SHARED_KEY_WARNING.rpartition('. ')[0]}. If that may be, choose another identity above."


def _added_lines(found: Preview, palette: Palette, glyphs: Glyphs) -> Text:
    text = Text()
    new, muted, bold = palette.severity[Severity.UP], palette.muted, palette.text + Style(bold=True)
    names = [each.name for each in found.servers] + [each.name for each in found.identities]
    width = min(_WIDEST_NAME, max(map(cell_len, names), default=0))
    if len(found.servers) > _MANY:
        text.append(f"+ {format_count(len(found.servers), 'server')}\n", new)
    for server in found.servers[:_MAX_LINES]:
        text.append("+ server    ", new)
        text.append(f"{glyphs.clean(server.name):<{width}}", bold)
        text.append(f"  {glyphs.clean(str(server.endpoint))}\n", palette.text)
        text.append(f"{'':12}{glyphs.clean(_checked_as(server))}\n", muted)
    if len(found.servers) > _MAX_LINES:
        text.append(f"  and {len(found.servers) - _MAX_LINES} more\n", muted)
    for identity in found.identities[:_MAX_LINES]:
        addresses = ", ".join(map(str, identity.addresses))
        text.append("+ identity  ", new)
        text.append(f"{glyphs.clean(identity.name):<{width}}", bold)
        text.append(f"  {addresses or 'no tunnel address'}", palette.text)
        text.append(f"  public key\n{'':12}{found.public_keys[identity.name]}\n", muted)
    return text


def _checked_as(server: Server) -> str:
    """The identity of a server; of a protocol without identities, the protocol."""
    if not needs_identity(server):
        return f"protocol {server.protocol}"
    return f"with identity {server.identity}{', preshared key' if server.preshared_key else ''}"


def _what_is_checked(found: Preview, fleet: Fleet, actions: Sequence[Action]) -> str:
    used = {server.identity for server in found.servers if needs_identity(server)}
    if not used:
        return ""
    identities = [each for each in (*fleet.identities, *found.identities) if each.name in used]
    if not any(each.addresses for each in identities):
        return _NO_ADDRESS
    return _NO_PING.format(edit=key_of("edit", actions))


def refusal_lines(reason: str, completions: Sequence[str], palette: Palette, glyphs: Glyphs) -> Text:
    """The reason why nothing can be imported, or the completions of a partly typed path."""
    if completions:
        return Text("\n".join(map(glyphs.clean, completions)), palette.muted)
    return Text(f"{glyphs.of(Severity.DOWN)} {glyphs.clean(reason)}", palette.severity[Severity.DOWN])
