"""Why a chain of certificates proves nothing. Viewers diagnose without the package `cryptography`."""

from __future__ import annotations

from enum import Enum


class ChainFault(Enum):
    """Why a chain of certificates proves nothing."""

    UNREADABLE = "unreadable"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    UNTRUSTED = "untrusted"
    NOT_AN_AUTHORITY = "not-an-authority"
    UNKNOWN_LIMIT = "unknown-limit"
    REVOKED = "revoked"
    UNUSABLE_LIST = "unusable-list"
    """A revocation list that is out of its dates, not signed by the authority, or for other certificates."""
