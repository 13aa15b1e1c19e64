"""Key logs for Wireshark: lines of its tables for IKEv2 and for ESP.

Wireshark reads both from files in its configuration directory (wiki.wireshark.org, "ISAKMP" and "ESP").
Version 4.0 has no ChaCha20-Poly1305, and refuses a table that names it: such packets stay encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wgmon_tui.checks.key_log import KeyLog, KeyLogFormat
from wgmon_tui.checks.protocol import ProtocolTarget
from wgmon_tui.protocols.ikev2.esp import EspAlgorithms, EspDirection
from wgmon_tui.protocols.ikev2.key_derivation import KeyMaterial, Nonces
from wgmon_tui.protocols.ikev2.proposals import Encryption, Integrity, TransformType
from wgmon_tui.protocols.ikev2.security_association import SaProposal
from wgmon_tui.text import printable

_IKE_ENCRYPTION: Mapping[tuple[int, int], str] = {
    **{(Encryption.AES_CBC, bits): f"AES-CBC-{bits} [RFC3602]" for bits in (128, 192, 256)},
    **{
        (Encryption.AES_GCM_16, bits): f"AES-GCM-{bits} with 16 octet ICV [RFC5282]"
        for bits in (128, 192, 256)
    },
}
_IKE_INTEGRITY: Mapping[int, str] = {
    Integrity.HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    Integrity.HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    Integrity.HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    Integrity.HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
}
_NO_INTEGRITY = "NONE [RFC4306]"
_ESP_ENCRYPTION: Mapping[int, str] = {
    Encryption.AES_CBC: "AES-CBC [RFC3602]",
    Encryption.AES_GCM_16: "AES-GCM with 16 octet ICV [RFC4106]",
}
_ESP_INTEGRITY: Mapping[int, str] = {
    Integrity.HMAC_SHA1_96: "HMAC-SHA-1-96 [RFC2404]",
    Integrity.HMAC_SHA2_256_128: "HMAC-SHA-256-128 [RFC4868]",
    Integrity.HMAC_SHA2_384_192: "HMAC-SHA-384-192 [RFC4868]",
    Integrity.HMAC_SHA2_512_256: "HMAC-SHA-512-256 [RFC4868]",
}


def ike_secret(chosen: SaProposal, nonces: Nonces, keys: KeyMaterial) -> str:
    """A line of the table for IKEv2; "" if Wireshark does not know the algorithms."""
    encryption, integrity = (
        chosen.first(TransformType.ENCRYPTION),
        chosen.first(TransformType.INTEGRITY),
    )
    name = _IKE_ENCRYPTION.get((encryption.number, encryption.key_bits)) if encryption else None
    if name is None:
        return ""
    check = _IKE_INTEGRITY[integrity.number] if integrity else _NO_INTEGRITY
    return ",".join(
        (
            nonces.initiator_spi.hex(),
            nonces.responder_spi.hex(),
            keys.encryption_i.hex(),
            keys.encryption_r.hex(),
            f'"{name}"',
            keys.integrity_i.hex() or '""',
            keys.integrity_r.hex() or '""',
            f'"{check}"',
        )
    )


def esp_secret(direction: EspDirection, version: int) -> str:
    """A line of the table for ESP, for one direction over this version of IP; "" if Wireshark lacks it."""
    algorithms, keys = direction.algorithms, direction.keys
    name = _ESP_ENCRYPTION.get(algorithms.encryption)
    if name is None:
        return ""
    fields = (
        f"IPv{version}",
        "*",
        "*",
        f"0x{direction.spi:08x}",
        name,
        f"0x{keys.encryption.hex()}",
        _esp_check(algorithms),
        f"0x{keys.integrity.hex()}" if keys.integrity else "",
    )
    return ",".join(f'"{each}"' for each in fields)


def _esp_check(algorithms: EspAlgorithms) -> str:
    return _ESP_INTEGRITY[algorithms.integrity] if algorithms.integrity else "NULL"


def make_key_logs(secrets: Sequence[str]) -> tuple[KeyLog, ...]:
    """The tables of an exchange. `secrets` are lines of both, as the prober noted them."""
    found = {
        KeyLogFormat.IKEV2: [each for each in secrets if each and not each.startswith('"')],
        KeyLogFormat.ESP: [each for each in secrets if each.startswith('"')],
    }
    return tuple(
        KeyLog(form, "\n".join([*dict.fromkeys(lines), ""])) for form, lines in found.items() if lines
    )


def key_log_warning(target: ProtocolTarget) -> tuple[str, ...]:
    """What to say before the keys are written."""
    name = printable(target.server.name)
    return (
        f'The files will contain, unencrypted, the keys of this session with "{name}". It is over by then.',
        "They contain neither its preshared key nor a private key.",
        "Anyone with the files can read the packets of this check, identities and certificates included.",
    )
