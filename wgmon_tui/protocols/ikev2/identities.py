"""Identities of IKEv2: as text in servers.toml, and as payloads (RFC 7296 §3.5)."""

from __future__ import annotations

from ipaddress import ip_address

from cryptography import x509

from wgmon_tui.protocols.ikev2.iana_numbers import IdType
from wgmon_tui.protocols.ikev2.wire import Identification
from wgmon_tui.text import printable


class InvalidIdentityError(Exception):
    """A text that is no identity. The message is a phrase."""


def parse_identity(text: str) -> Identification:
    """Read an identity: a name, an address, an e-mail address or a distinguished name such as CN=gate,O=Org.

    As in strongSwan, @ before a name makes it a name, and @# before hexadecimal digits a key ID. Raises
    InvalidIdentityError.
    """
    try:
        address = ip_address(text)
        return Identification(IdType.IPV4 if address.version == 4 else IdType.IPV6, address.packed)
    except ValueError:
        pass
    if text.startswith("@#"):
        try:
            return Identification(IdType.KEY_ID, bytes.fromhex(text[2:]))
        except ValueError:
            raise InvalidIdentityError("expected hexadecimal digits after @#") from None
    if text.startswith("@"):
        return Identification(IdType.FQDN, text[1:].encode())
    if "=" in text:
        return Identification(IdType.DISTINGUISHED_NAME, parse_name(text).public_bytes())
    return Identification(IdType.EMAIL if "@" in text else IdType.FQDN, text.encode())


def parse_name(text: str) -> x509.Name:
    """Read a distinguished name, its parts in the order of the certificate. Raises InvalidIdentityError."""
    parts = [part.strip() for part in text.replace("/", ",").split(",") if part.strip()]
    try:
        # RFC 4514 writes the last part of the name first; people and strongSwan write them in order.
        return x509.Name.from_rfc4514_string(",".join(reversed(parts)), {"E": x509.NameOID.EMAIL_ADDRESS})
    except ValueError:
        raise InvalidIdentityError("expected a distinguished name such as CN=gate,O=Org") from None


def format_identity(identity: Identification) -> str:
    """An identity as text, safe to show."""
    if identity.kind in (IdType.IPV4, IdType.IPV6) and len(identity.data) in (4, 16):
        return str(ip_address(identity.data))
    if identity.kind == IdType.DISTINGUISHED_NAME:
        name = read_name(identity.data)
        return printable(format_name(name)) if name else f"a distinguished name {identity.data[:32].hex()}"
    if identity.kind in (IdType.FQDN, IdType.EMAIL):
        return printable(identity.data.decode("utf-8", "replace"))
    return f"key ID {identity.data[:32].hex()}"


def format_name(name: x509.Name) -> str:
    """A distinguished name, its parts in the order of the certificate."""
    return ", ".join(part.rfc4514_string() for part in name.rdns)


def read_name(data: bytes) -> x509.Name | None:
    """Read a distinguished name in DER; None if it is none."""
    # The library has no parser for a bare name: an empty certificate request around it has one.
    try:
        return x509.load_der_x509_csr(_request_around(data)).subject
    except ValueError:
        return None


def _request_around(name: bytes) -> bytes:
    key = bytes.fromhex("302a300506032b6570032100") + bytes(32)
    info = _der(0x30, b"\x02\x01\x00" + name + key + b"\xa0\x00")
    return _der(0x30, info + bytes.fromhex("300506032b6570") + _der(0x03, bytes(65)))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def is_same(one: Identification, other: Identification) -> bool:
    """Whether two identities are the same; case does not count in names."""
    if one.kind != other.kind:
        return False
    if one.kind in (IdType.FQDN, IdType.EMAIL):
        return one.data.lower() == other.data.lower()
    if one.kind == IdType.DISTINGUISHED_NAME and one.data != other.data:
        names = read_name(one.data), read_name(other.data)
        return None not in names and names[0] == names[1]
    return one.data == other.data


def is_named_by(certificate: x509.Certificate, identity: Identification) -> bool:
    """Whether a certificate was issued for an identity: its subject, or one of its alternative names."""
    if identity.kind == IdType.DISTINGUISHED_NAME:
        return certificate.subject.public_bytes() == identity.data or certificate.subject == read_name(
            identity.data
        )
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return False
    names = extension.value
    text = identity.data.decode("utf-8", "replace").lower()
    if identity.kind == IdType.FQDN:
        return text in {each.lower() for each in names.get_values_for_type(x509.DNSName)}
    if identity.kind == IdType.EMAIL:
        return text in {each.lower() for each in names.get_values_for_type(x509.RFC822Name)}
    if identity.kind in (IdType.IPV4, IdType.IPV6) and len(identity.data) in (4, 16):
        return ip_address(identity.data) in names.get_values_for_type(x509.IPAddress)
    return False
