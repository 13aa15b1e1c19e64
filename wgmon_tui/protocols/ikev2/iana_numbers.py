"""Numbers of IKEv2 and their names (IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters")."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class ExchangeType(IntEnum):
    """The exchange that a message belongs to (RFC 7296 §3.1)."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37


class PayloadType(IntEnum):
    """The kind of a payload (RFC 7296 §3.2, RFC 7383 §2.5)."""

    NONE = 0
    SA = 33
    KE = 34
    IDI = 35
    IDR = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR = 43
    TSI = 44
    TSR = 45
    SK = 46
    CP = 47
    EAP = 48
    SKF = 53


PAYLOAD_NAMES: Mapping[int, str] = {
    PayloadType.SA: "security association",
    PayloadType.KE: "key exchange",
    PayloadType.IDI: "initiator's identity",
    PayloadType.IDR: "responder's identity",
    PayloadType.CERT: "certificate",
    PayloadType.CERTREQ: "certificate request",
    PayloadType.AUTH: "authentication",
    PayloadType.NONCE: "nonce",
    PayloadType.NOTIFY: "notify",
    PayloadType.DELETE: "delete",
    PayloadType.VENDOR: "vendor id",
    PayloadType.TSI: "initiator's traffic selectors",
    PayloadType.TSR: "responder's traffic selectors",
    PayloadType.SK: "encrypted payloads",
    PayloadType.CP: "configuration",
    PayloadType.EAP: "EAP message",
    PayloadType.SKF: "encrypted fragment",
}


class Notify(IntEnum):
    """The notifications that this client sends or understands. Those below 16384 are errors."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_IKE_SPI = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INVALID_SELECTORS = 39
    TEMPORARY_FAILURE = 43
    CHILD_SA_NOT_FOUND = 44
    INITIAL_CONTACT = 16384
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    REDIRECT_SUPPORTED = 16406
    REDIRECT = 16407
    REDIRECTED_FROM = 16408
    CHILDLESS_IKEV2_SUPPORTED = 16418
    IKEV2_FRAGMENTATION_SUPPORTED = 16430
    SIGNATURE_HASH_ALGORITHMS = 16431


FIRST_STATUS = 16384
"""The first number of a notification that is no error (RFC 7296 §3.10.1)."""


def notify_name(number: int) -> str:
    """The name of a notification, such as NO_PROPOSAL_CHOSEN; its number if this list lacks it."""
    return Notify(number).name if number in Notify._value2member_map_ else f"notification {number}"


class ProtocolId(IntEnum):
    """What a proposal, a notification or a deletion is about (RFC 7296 §3.3.1)."""

    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3


class IdType(IntEnum):
    """The form of an identity (RFC 7296 §3.5)."""

    IPV4 = 1
    FQDN = 2
    EMAIL = 3
    IPV6 = 5
    DISTINGUISHED_NAME = 9
    KEY_ID = 11


class AuthMethod(IntEnum):
    """How a side proves its identity (RFC 7296 §3.8, RFC 4754 §3, RFC 7427 §3)."""

    RSA_SIGNATURE = 1
    SHARED_KEY = 2
    ECDSA_P256 = 9
    ECDSA_P384 = 10
    ECDSA_P521 = 11
    DIGITAL_SIGNATURE = 14


class HashAlgorithm(IntEnum):
    """The hashes of SIGNATURE_HASH_ALGORITHMS (RFC 7427 §4, RFC 8420 §2)."""

    SHA1 = 1
    SHA2_256 = 2
    SHA2_384 = 3
    SHA2_512 = 4
    IDENTITY = 5
