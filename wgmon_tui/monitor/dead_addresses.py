"""Addresses of a name that differ: one is dead or not tested, while others work. Pure functions.

A client uses the one address that its resolver returned first, and WireGuard tries no other. So with a dead
address some clients work and others get nothing: the server is degraded, not down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.verdict import Diagnosis, Severity, Verdict
from wgmon_tui.text import format_list

Diagnosed = tuple[Check, Diagnosis]

_WORKS = (Severity.UP, Severity.DEGRADED)


def degrade_dead_addresses(diagnosed: Sequence[Diagnosed]) -> list[Diagnosed]:
    """Turn "down" into `address-dead` at each address of a round, if another address works."""
    dead = [each for each in diagnosed if each[1].verdict.severity is Severity.DOWN]
    works = [each for each in diagnosed if each[1].verdict.severity in _WORKS]
    if not dead or not works:
        return list(diagnosed)
    summary = _summarise(dead, works)
    return [
        (check, replace(diagnosis, verdict=Verdict.ADDRESS_DEAD, summary=summary))
        if diagnosis.verdict.severity is Severity.DOWN
        else (check, diagnosis)
        for check, diagnosis in diagnosed
    ]


def name_untested_addresses(diagnosed: Sequence[Diagnosed]) -> list[Diagnosed]:
    """Name the addresses of which a round shows nothing beside the verdict on the others.

    A machine without IPv6 cannot test the AAAA record that its server's clients use.
    """
    untested = [
        str(check.address) for check, found in diagnosed if found.verdict.severity is Severity.UNKNOWN
    ]
    if not untested or len(untested) == len(diagnosed):
        return list(diagnosed)
    note = f" Not tested: {format_list(untested)}."
    return [
        (check, found)
        if found.verdict.severity is Severity.UNKNOWN
        else (check, replace(found, summary=found.summary + note))
        for check, found in diagnosed
    ]


def _summarise(dead: Sequence[Diagnosed], works: Sequence[Diagnosed]) -> str:
    total = len(dead) + len(works)
    verb = "is" if len(dead) == 1 else "are"
    return (
        f"{len(dead)} of {total} addresses {verb} dead ({_with_verdicts(dead, ': ')}); "
        f"{_with_verdicts(works, ' is ')}. {_affected_clients(dead, works)}"
    )


def _with_verdicts(diagnosed: Sequence[Diagnosed], joined_by: str) -> str:
    return format_list(
        [f"{check.address}{joined_by}{diagnosis.verdict.slug}" for check, diagnosis in diagnosed]
    )


def _affected_clients(dead: Sequence[Diagnosed], works: Sequence[Diagnosed]) -> str:
    versions = {check.address.version for check, _ in dead if check.address}
    if versions.isdisjoint(check.address.version for check, _ in works if check.address):
        which = " and ".join(f"IPv{version}" for version in sorted(versions))
        first = ", as most systems do if they have it" if versions == {6} else ""
        return f"Clients that use {which} get nothing{first}: WireGuard tries one address only."
    addresses = format_list([str(check.address) for check, _ in dead])
    return f"Clients whose resolver returns {addresses} first get nothing: WireGuard tries one address only."
