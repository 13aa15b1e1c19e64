"""Reads Apple's .mobileconfig (developer.apple.com, "VPN: IKEv2")."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers.expat import ExpatError

from wgmon_tui.protocols.ikev2.imports.certificate_files import as_pem, open_pkcs12
from wgmon_tui.protocols.ikev2.imports.connection import ConnectionImportError, ForeignConnection

_AUTHORITIES = ("com.apple.security.root", "com.apple.security.pem", "com.apple.security.pkcs1")
_ENCRYPTION = {
    "DES": "des",
    "3DES": "3des",
    "AES-128": "aes128",
    "AES-256": "aes256",
    "AES-128-GCM": "aes128gcm16",
    "AES-256-GCM": "aes256gcm16",
    "ChaCha20Poly1305": "chacha20poly1305",
}
_INTEGRITY = {
    "SHA1-96": "sha1",
    "SHA1-160": "sha1",
    "SHA2-256": "sha256",
    "SHA2-384": "sha384",
    "SHA2-512": "sha512",
}
_GROUPS = {
    2: "modp1024",
    5: "modp1536",
    14: "modp2048",
    15: "modp3072",
    16: "modp4096",
    17: "modp6144",
    18: "modp8192",
    19: "ecp256",
    20: "ecp384",
    21: "ecp521",
    31: "curve25519",
}
_MOST_PAYLOADS = 1000


def read_connections(text: str) -> Iterator[ForeignConnection | ConnectionImportError]:
    """The IKEv2 connections of a profile. Raises ConnectionImportError."""
    payloads = [each for each in _payloads(_parse(text)) if isinstance(each, Mapping)]
    found = [each for each in payloads if isinstance(each.get("IKEv2"), Mapping)]
    if not found:
        raise ConnectionImportError("a .mobileconfig without an IKEv2 connection")
    for each in found:
        yield _read_connection(each, payloads)


def _parse(text: str) -> Mapping[str, Any]:
    """Raises ConnectionImportError."""
    start = text.find("<plist")
    if start < 0:
        raise ConnectionImportError(
            "not an XML property list; if the profile is signed, type: "
            "openssl smime -verify -noverify -inform der -in FILE -out NEW"
        )
    try:
        found = plistlib.loads(text.strip().encode(), fmt=plistlib.FMT_XML)
    except ExpatError as error:
        raise ConnectionImportError("damaged XML", error.lineno) from None
    except Exception:  # noqa: BLE001  plistlib raises many types for what is XML, but no property list
        raise ConnectionImportError("not a property list") from None
    if not isinstance(found, Mapping):
        raise ConnectionImportError("not a configuration profile")
    return found


def _payloads(profile: Mapping[str, Any]) -> list[Any]:
    content = profile.get("PayloadContent")
    return [profile, *content[:_MOST_PAYLOADS]] if isinstance(content, list) else [profile]


def _read_connection(
    payload: Mapping[str, Any], payloads: list[Mapping[str, Any]]
) -> ForeignConnection | ConnectionImportError:
    settings = payload["IKEv2"]
    host = _text(settings, "RemoteAddress")
    name = _text(payload, "UserDefinedName") or _text(payload, "PayloadDisplayName") or host
    if not host:
        return ConnectionImportError("has no RemoteAddress", name=name or "IKEv2")
    secrets: dict[str, str] = {}
    if secret := _secret(settings, "SharedSecret"):
        secrets["secret"] = secret
    elif _text(settings, "AuthenticationMethod") == "Certificate":
        secrets |= _certificate(_text(settings, "PayloadCertificateUUID"), payloads)
    elif password := _secret(settings, "AuthPassword"):
        secrets["eap_password"] = password
    authorities = [as_pem(data) for each in payloads if (data := _authority(each))]
    if authorities:
        secrets["ca"] = "\n".join(authorities)
    return ForeignConnection(
        name,
        host,
        local_id=_text(settings, "LocalIdentifier"),
        remote_id=_text(settings, "RemoteIdentifier"),
        eap_user=_text(settings, "AuthName"),
        proposals=_proposals(settings.get("IKESecurityAssociationParameters")),
        esp_proposals=_proposals(settings.get("ChildSecurityAssociationParameters")),
        secrets=secrets,
    )


def _certificate(uuid: str, payloads: list[Mapping[str, Any]]) -> Mapping[str, str]:
    for each in payloads:
        data = each.get("PayloadContent")
        if each.get("PayloadUUID") == uuid and isinstance(data, bytes):
            return open_pkcs12(data, _text(each, "Password"))
    return {}


def _authority(payload: Mapping[str, Any]) -> bytes:
    data = payload.get("PayloadContent")
    return data if payload.get("PayloadType") in _AUTHORITIES and isinstance(data, bytes) else b""


def _proposals(parameters: object) -> tuple[str, ...]:
    """The proposal of the parameters; none without them."""
    if not isinstance(parameters, Mapping):
        return ()
    encryption = _ENCRYPTION.get(_text(parameters, "EncryptionAlgorithm") or "AES-256")
    integrity = _INTEGRITY.get(_text(parameters, "IntegrityAlgorithm") or "SHA2-256")
    number = parameters.get("DiffieHellmanGroup", 14)
    group = _GROUPS.get(number) if isinstance(number, int) else None
    return (f"{encryption}-{integrity}-{group}",) if encryption and integrity and group else ()


def _text(payload: Mapping[str, Any], key: str) -> str:
    found = payload.get(key)
    return found.strip() if isinstance(found, str) else ""


def _secret(payload: Mapping[str, Any], key: str) -> str:
    """A secret that is one line of text; "" if there is none. Raises ConnectionImportError."""
    found = payload.get(key)
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    if not isinstance(text, str) or not text:
        return ""
    if not text.isprintable() or "�" in text:
        raise ConnectionImportError(f"{key} is not one line of text")
    return text
