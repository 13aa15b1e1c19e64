"""Evidence of what expires at a known time: certificates, keys, invitations."""

from __future__ import annotations

from wgmon_tui.records import dataclass


def name_with_id(name: str, identifier: str, is_ambiguous: bool = True) -> str:
    """A name that tells a thing from others of its kind: people call several keys alike."""
    return f"{name} ({identifier})" if name and identifier and is_ambiguous else name or identifier


@dataclass(frozen=True, slots=True)
class Expires:
    """Something that ends at `at`, in Unix seconds. `what` is its kind, such as "server certificate".

    `name` tells things of one kind apart, such as the name in a certificate; "" if there is only one. A check
    that reports one thing of a kind reports all of that kind that it knows.
    """

    what: str
    name: str
    at: float
