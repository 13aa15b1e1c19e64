"""What a check offers to a server."""

from __future__ import annotations

import secrets

from wgmon_tui.protocols.ikev2.child_payloads import ChildRequest
from wgmon_tui.protocols.ikev2.iana_numbers import ProtocolId
from wgmon_tui.protocols.ikev2.proposals import (
    Transform,
    TransformType,
    parse_esp_proposal,
    parse_proposal,
)
from wgmon_tui.protocols.ikev2.security_association import SaProposal, offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings

_GROUPS = "curve25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096"
_PRFS = "prfsha256-prfsha384-prfsha512"
_DEFAULTS = (
    f"aes256gcm16-aes128gcm16-chacha20poly1305-{_PRFS}-{_GROUPS}",
    f"aes256-aes128-sha256-sha384-sha512-{_PRFS}-{_GROUPS}",
)
"""All that this client can do and that is still good (RFC 8247), the cheapest group first."""

_CHILD_DEFAULTS = (_DEFAULTS[0], f"{_DEFAULTS[1]}-sha1")
"""Some servers allow HMAC-SHA-1 alone for ESP, and clients still offer it (RFC 8221 §6)."""

_NO_ESN = Transform(TransformType.SEQUENCE_NUMBERS, 0)
_LEAST_SPI = 256


def ike_offer(settings: Ikev2Settings) -> tuple[SaProposal, ...]:
    """The proposals for the IKE SA: those of servers.toml, else all good ones."""
    return offer(settings.proposals or tuple(map(parse_proposal, _DEFAULTS)))


def child_request(settings: Ikev2Settings) -> ChildRequest:
    """The CHILD_SA that a check asks for, without a key exchange of its own.

    Its algorithms are those of servers.toml, else all good ones.
    """
    spi = secrets.randbelow(2**32 - _LEAST_SPI) + _LEAST_SPI
    offered = settings.esp_proposals or tuple(map(parse_esp_proposal, _CHILD_DEFAULTS))
    proposals = tuple(
        SaProposal((*each.transforms, _NO_ESN), ProtocolId.ESP, spi.to_bytes(4, "big"), number)
        for number, each in enumerate(offered, 1)
    )
    return ChildRequest(spi.to_bytes(4, "big"), proposals)
