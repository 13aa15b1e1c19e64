"""Values of directives: words, numbers, protocols and PEM, each with one line for what is not valid."""

from __future__ import annotations

import re

from wgmon_tui.protocols.openvpn.profile import RemoteProto
from wgmon_tui.protocols.openvpn.profile_syntax import Directive
from wgmon_tui.text import quoted

_PROTOS = re.compile(r"(?P<transport>udp|tcp)(?P<version>[46]?)(?P<role>-client|-server)?")


def first_word(each: Directive) -> str:
    """The first word after the name. Raises ProfileError."""
    if not each.words or not each.words[0]:
        raise each.error("expected a value after it")
    return each.words[0]


def number(each: Directive, least: int, most: int) -> int:
    """The first word as a number. Raises ProfileError."""
    written = each.words[0] if each.words else ""
    if written.isascii() and written.isdecimal() and len(written) < 12 and least <= int(written) <= most:
        return int(written)
    raise each.error(f"expected a number from {least} to {most}, got {quoted(written[:40])}")


def protocol_of(each: Directive, written: str) -> tuple[RemoteProto, int | None]:
    """The transport and the IP version that a word such as tcp6-client means. Raises ProfileError."""
    match = _PROTOS.fullmatch(written.lower())
    if match is None or match["role"] == "-server":
        raise each.error(
            f"expected udp, tcp, udp4, udp6, tcp4 or tcp6 as protocol, got {quoted(written[:40])}"
        )
    return RemoteProto(match["transport"]), int(match["version"]) if match["version"] else None


def is_host(written: str) -> bool:
    """Whether a word can be a host."""
    return (
        bool(written) and len(written) < 256 and written.isprintable() and not any(map(str.isspace, written))
    )


def block_of(each: Directive) -> str:
    """The content of the block. Raises ProfileError."""
    if each.block is None:
        raise each.error(explain_missing_file(each))
    return each.block


def explain_missing_file(each: Directive) -> str:
    """The phrase for a file that is not in the profile."""
    return (
        f"the file {quoted(each.words[0][:80]) if each.words else ''} is not beside the profile; "
        f"write its content between <{each.name}> and </{each.name}>"
    )


def pem_of(each: Directive) -> str:
    """The content of a block in PEM. Raises ProfileError."""
    block = block_of(each)
    if "-----BEGIN " not in block or "-----END " not in block:
        raise each.error("expected PEM: lines from -----BEGIN to -----END")
    return block
