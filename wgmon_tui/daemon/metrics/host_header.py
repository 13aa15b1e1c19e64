"""Check of the Host header, against web pages that reach this server by DNS rebinding.

Such a page comes from a name of the attacker's domain, whose address he changes to one of this network. The
browser then sends that name. A literal address or a name without a dot belongs to no domain of an attacker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from socket import gethostname

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.%]+\]|[^\s:/@\[\]]*)(:[0-9]{0,5})?", re.IGNORECASE)


class AllowedHosts:
    """The host names under which clients can use a server."""

    def __init__(self, address: str, names: Iterable[str] = ()) -> None:
        """`address` is the one that the server listens on, `names` are those that the operator allows.

        Without names, a server on loopback allows its own only, and any other server allows all: scrapers
        of another machine use names that this one does not know.
        """
        allowed = [name.lower().rstrip(".") for name in names]
        self._allows_all = not allowed and not ip_address(address).is_loopback
        self._names = {gethostname().lower(), *allowed}

    def allows(self, host: str) -> bool:
        """Whether a server may answer to this value of a Host header."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower().rstrip(".")
        is_local = "." not in name or name.endswith(".localhost") or _is_address(name)
        return is_local or self._allows_all or name in self._names


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
