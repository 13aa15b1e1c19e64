"""Opens the archive of `pkcs12`, so that later steps find certificates and key as in every other profile."""

from __future__ import annotations

from dataclasses import replace

from wgmon_tui.protocols.openvpn.profile import Profile
from wgmon_tui.protocols.openvpn.profile_syntax import ProfileError

_FIX = "set key_password_file, or askpass in the profile"


def with_archive_opened(profile: Profile, password: str | None) -> Profile:
    """The profile with what its archive holds. `ca` of the profile wins. Raises ProfileError."""
    if not profile.pkcs12:
        return profile
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        pkcs12,
    )

    try:
        secret = password.encode() if password else None
        key, certificate, others = pkcs12.load_key_and_certificates(profile.pkcs12, secret)
    except ValueError:
        raise ProfileError(f"pkcs12: the archive is damaged, or has another password; {_FIX}") from None
    if key is None or certificate is None:
        raise ProfileError("pkcs12: the archive has no key or no certificate")
    more = "".join(each.public_bytes(Encoding.PEM).decode() for each in others)
    if not (profile.ca or more or profile.peer_fingerprints):
        raise ProfileError(
            "pkcs12: the archive has no certificate authority; write it between <ca> and </ca>"
        )
    return replace(
        profile,
        ca=profile.ca or more,
        certificate=certificate.public_bytes(Encoding.PEM).decode() + more,
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )
