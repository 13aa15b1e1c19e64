"""What viewers may know of a server's entry in servers.toml, as the store has it.

Other accounts read it: it says where a server is and how it is checked, not where our secrets lie nor what
commands ask the server itself.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import get_type_hints

from wgmon_tui.fleet.records import Server
from wgmon_tui.history.codec import ForeignError, form_of

_HIDDEN = {"name", "preshared_key", "inspect", "inspect_config"}

_HINTS = get_type_hints(Server)
_FORMS = {field.name: form_of(_HINTS[field.name]) for field in fields(Server) if field.name not in _HIDDEN}


def entry_of(server: Server) -> str:
    """The entry as JSON."""
    entry = {name: write(getattr(server, name)) for name, (write, _) in _FORMS.items()}
    return json.dumps(entry, separators=(",", ":"))


def server_of(name: str, entry: str) -> Server | None:
    """The server of a stored entry, without what is hidden; None where it says too little or was damaged.

    Keys of another version are left out.
    """
    try:
        stored = json.loads(entry)
        return Server(name, **{key: _FORMS[key][1](value) for key, value in stored.items() if key in _FORMS})
    except (ValueError, TypeError, AttributeError, ForeignError, RecursionError):
        return None
