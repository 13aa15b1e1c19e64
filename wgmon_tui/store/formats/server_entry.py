"""What viewers may know of a server's entry in servers.toml, as the store has it.

Other accounts read it: it says where a server is and how it is checked, not where our secrets lie nor what
commands ask the server itself.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import get_type_hints

from wgmon_tui.config.models import Server
from wgmon_tui.store.formats.record_codec import UnreadableValueError, check_names, codec_of
from wgmon_tui.store.formats.stored_names import SERVER_ENTRY

_HIDDEN = {"name", "preshared_key", "inspect", "inspect_config"}

_HINTS = get_type_hints(Server)
_STORED = {field.name for field in fields(Server)} - _HIDDEN
check_names(Server, SERVER_ENTRY, _STORED)
_FORMS = [(name, key, codec_of(_HINTS[name])) for name, key in SERVER_ENTRY.items()]


def server_to_entry(server: Server) -> str:
    """The entry as JSON."""
    entry = {key: write(getattr(server, name)) for name, key, (write, _) in _FORMS}
    return json.dumps(entry, separators=(",", ":"))


def server_from_entry(name: str, entry: str) -> Server | None:
    """The server of a stored entry, without what is hidden; None where it says too little or was damaged.

    Keys of another version are left out.
    """
    try:
        stored = json.loads(entry)
        return Server(name, **{field: read(stored[key]) for field, key, (_, read) in _FORMS if key in stored})
    except (ValueError, TypeError, AttributeError, UnreadableValueError, RecursionError):
        return None
