"""Host names with letters beyond ASCII, in the form that DNS knows: IDNA 2008, mapped by UTS 46."""

from __future__ import annotations

from functools import lru_cache

_LONGEST_LABEL = 63


class InvalidHostNameError(ValueError):
    """A name that has no form for DNS. The message is a phrase to put after the name."""


@lru_cache(65536)
def encode_host(host: str) -> str:
    """The name that `getent` looks up for a host: glibc's libidn2, UTS 46 without transitional mapping.

    A name in ASCII stays as it is, as in glibc. `socket.getaddrinfo` alone encodes by IDNA 2003, where
    `faß.example` is another host, `fass.example`. Raises InvalidHostNameError.
    """
    if host.isascii():
        return host
    import idna  # most fleets have no such name: they start without its tables

    try:
        labels = idna.uts46_remap(host, std3_rules=False, transitional=False).split(".")
        return ".".join(label if label.isascii() else _encode_label(label) for label in labels)
    except idna.IDNAError as error:
        raise InvalidHostNameError(f"not a name by IDNA 2008: {ascii(str(error))[1:-1]}") from None


def _encode_label(label: str) -> str:
    """The `xn--` form of a label.

    Not `idna.alabel`: libidn2 also accepts an underscore, and the characters of CONTEXTO (RFC 5892) anywhere.
    """
    import idna
    from idna.core import check_bidi, check_hyphen_ok, check_initial_combiner, check_nfc, valid_contextj
    from idna.idnadata import codepoint_classes
    from idna.intranges import intranges_contain

    check_nfc(label)
    check_hyphen_ok(label)
    check_initial_combiner(label)
    for position, character in enumerate(label):
        point = ord(character)
        if intranges_contain(point, codepoint_classes["CONTEXTJ"]):
            valid = valid_contextj(label, position)
        else:
            valid = character == "_" or any(
                intranges_contain(point, codepoint_classes[kind]) for kind in ("PVALID", "CONTEXTO")
            )
        if not valid:
            raise idna.IDNAError(f"U+{point:04X} is not allowed at position {position + 1}")
    check_bidi(label)
    encoded = "xn--" + label.encode("punycode").decode("ascii")
    if len(encoded) > _LONGEST_LABEL:
        raise idna.IDNAError("a label is too long")
    return encoded
