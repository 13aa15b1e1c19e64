"""Possible causes of a certificate of the server that is not accepted, the likeliest first."""

from __future__ import annotations

from collections.abc import Sequence

from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.verdict import Cause
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.observations import describe, find, find_all, values_of

_EXPIRED, _EARLY = ("10", "9")
_REVOKED, _CRL_EXPIRED, _CRL_EARLY, _CRL_FORGED, _WRONG_PURPOSE = "23", "12", "11", "8", "26"
_CRL_UNUSABLE = ("35", "36", "44")
_UNKNOWN_ISSUER = ("18", "19", "20", "21", "2")
_NO_ISSUER = ("20", "21")
"""X509_V_ERR_… of OpenSSL, x509_vfy.h."""

_SHOW = "on the server: openssl x509 -noout -dates -subject -issuer -in server.crt"
_NEW_LIST = "on the machine of the authority: easyrsa gen-crl"

_PROVEN = {
    _REVOKED: ("the certificate of the server, or of an authority above it, is revoked", _SHOW),
    _CRL_EXPIRED: (
        "the revocation list of the profile has expired",
        f"{_NEW_LIST} — put the new list into the profile, then reload wgmon-tui",
    ),
    _CRL_FORGED: (
        "the revocation list of the profile is of another authority",
        f"{_NEW_LIST} — put this list into the profile",
    ),
    **dict.fromkeys(
        _CRL_UNUSABLE,
        (
            "the revocation list of the profile cannot be used",
            f"{_NEW_LIST} — put this full list into the profile",
        ),
    ),
    _WRONG_PURPOSE: ("the server's certificate is not one for a server", _SHOW),
}
"""The only cause of a code of OpenSSL, and what to do."""


def of_server_certificate(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why this side does not accept the server's certificate."""
    if mismatch := find(observations.MISMATCH, evidence):
        return [_of_mismatch(*values_of(mismatch, 3))]
    failed = find(observations.TLS_FAILED, evidence)
    code = values_of(failed, 4)[2] if failed else ""
    shown = find(observations.UNVERIFIED, evidence)
    why = "; ".join(describe(each) for each in (failed, shown) if each)
    if code in (_EXPIRED, _EARLY):
        word = "has expired" if code == _EXPIRED else "is not valid yet"
        dated = _of_dates(evidence) or [Cause(f"the certificate of the server {word}", why, _SHOW)]
        clock = _of_clocks(why, evidence)
        return [*clock, *dated] if is_clock_wrong(evidence) else [*dated, *clock]
    if code == _CRL_EARLY:
        early = Cause("the revocation list of the profile is not valid yet", why, "date -u")
        return [*_of_clocks(why, evidence), early]
    if code in _UNKNOWN_ISSUER:
        return _of_unknown_issuer(code, why)
    if code in _PROVEN:
        cause, fix = _PROVEN[code]
        return [Cause(cause, why, fix, proven=True)]
    return [Cause("the server's certificate, or the ca of the profile, is damaged or too weak", why, _SHOW)]


def _of_unknown_issuer(code: str, why: str) -> list[Cause]:
    """The chain of the server does not end at an authority of the profile."""
    causes = [
        Cause("the server's certificate is from another authority than the profile's", why, _SHOW),
        Cause("another server answers at this address", "it has a certificate of another authority", _SHOW),
    ]
    if code in _NO_ISSUER:
        missing = "the server does not send the certificates between its own and that of the authority"
        fix = "Put them behind the server's own, into the file that cert names on the server."
        causes.append(Cause(missing, why, fix))
    return causes


def _of_dates(evidence: Sequence[Evidence]) -> list[Cause]:
    """What of the server's chain is not valid now. Where that is not known, what of the profile is not."""
    dated = find_all(observations.DATES, evidence)
    authorities = {values_of(each, 2)[1]: each for each in dated if each.values[:1] == ("authority",)}
    shown = [each for each in dated if each.values[:1] in (("server",), ("server chain",))]
    if not shown:
        return [_of_date("authority", each) for each in list(authorities.values())[:1]]
    return [
        _of_date("authority", authorities[subject]) if subject in authorities else _of_date(what, each)
        for each in shown
        for what, subject in (values_of(each, 2),)
    ]


def _of_date(what: str, found: ProtocolEvidence) -> Cause:
    """A certificate that is out of date: that of the authority, of the server, or one between them."""
    word = "has expired" if values_of(found, 3)[2] == "expired" else "is not valid yet"
    if what == "authority":
        fix = "Renew the authority, and put its new certificate into <ca> of every profile."
        return Cause(f"the certificate of the authority {word}", describe(found), fix)
    if what == "server":
        show = "on the server: openssl x509 -noout -dates -subject -issuer -in server.crt"
        return Cause(f"the certificate of the server {word}", describe(found), show)
    fix = "Renew that certificate, and put it behind the server's own, into the file that cert names."
    return Cause(
        f"a certificate between those of the server and of its authority {word}", describe(found), fix
    )


def is_clock_wrong(evidence: Sequence[Evidence]) -> bool:
    """Whether the server told a time that is far from the one here."""
    ahead = _seconds_ahead(evidence)
    return ahead is not None and abs(ahead) > observations.CLOCK_TOLERANCE_S


def tells_clock(evidence: Sequence[Evidence]) -> bool:
    """Whether the server told a time."""
    return _seconds_ahead(evidence) is not None


def is_clock_right(evidence: Sequence[Evidence]) -> bool:
    """Whether the server told the time, and it is the one here."""
    return _seconds_ahead(evidence) is not None and not is_clock_wrong(evidence)


def _seconds_ahead(evidence: Sequence[Evidence]) -> float | None:
    answered = find(observations.ANSWERED, evidence)
    return observations.read_number(values_of(answered, 3)[2]) if answered else None


def _of_clocks(why: str, evidence: Sequence[Evidence]) -> list[Cause]:
    """The clock as a cause. Where both sides tell the same time, it is none."""
    if is_clock_right(evidence):
        return []
    if not is_clock_wrong(evidence):
        return [Cause("the clock of this machine is wrong", why, "timedatectl", "clock")]
    differ = describe(find(observations.ANSWERED, evidence))
    return [Cause("the clock of this machine, or of the server, is wrong", differ, "timedatectl", "clock")]


def _of_mismatch(kind: str, expected: str, found: str) -> Cause:
    why = f"the profile expects {expected}, the server has {found}"
    if kind == "data-ciphers":
        return Cause(
            "the profile does not allow the cipher of the server",
            why,
            "In the profile, add it to data-ciphers.",
        )
    if kind == "verify-x509-name" and found.split(", ")[-1] == f"CN={expected}":
        fix = f'In the profile, write: verify-x509-name "{expected}" name'
        return Cause("verify-x509-name of the profile compares the whole subject", why, fix, proven=True)
    return Cause(
        f"{kind} of the profile does not fit the certificate of the server",
        why,
        "on the server: openssl x509 -noout -subject -ext extendedKeyUsage -in server.crt",
        proven=True,
    )


def of_missing_list(evidence: Sequence[Evidence]) -> list[Cause]:
    """Why it is not known whether a certificate of the server is revoked."""
    return [
        Cause(
            f"crl-verify of the profile has no list of {values_of(each, 2)[1]}",
            "OpenVPN accepts the certificate then, with a VERIFY WARNING in its log",
            f"{_NEW_LIST} — put this list into <crl-verify> too",
            proven=True,
        )
        for each in find_all(observations.NOT_LOOKED_UP, evidence)
    ]
