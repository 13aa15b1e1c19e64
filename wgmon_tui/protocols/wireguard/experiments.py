"""Experiments that find the cause of silence or of an answer that does not authenticate.

Each repeats the check with one thing changed. An answer is proof because it authenticates: only the holder of
the requested key can make it. No answer proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import islice

from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    KnownKeyAnswered,
    PresharedKeyFound,
)
from wgmon_tui.config.keys import NO_PRESHARED_KEY
from wgmon_tui.protocols.wireguard.handshake import Attempt
from wgmon_tui.protocols.wireguard.targets import OtherSecrets, Target

CompletesHandshake = Callable[[Target], Awaitable[bool]]
"""Whether a handshake with a target completes."""

MAX_WAIT_S = 1.5
"""Longest wait of an experiment: the check before it has already waited for the full timeout."""

_MAX_KEYS = 8
_MAX_IDENTITIES = 8
_MAX_FRAMINGS = 12
_LEAST_ECHOES = 2
"""A single lost echo must not look like data that does not pass."""

_CANDIDATES_PER_TURN = 64  # preshared keys between two turns of the event loop


async def find_preshared_key(
    attempt: Attempt, response: bytes, other_secrets: OtherSecrets
) -> tuple[Evidence, ...]:
    """Find another configured preshared key under which a response authenticates, if there is one."""
    if attempt.find_psk(response, [NO_PRESHARED_KEY]):
        return (PresharedKeyFound(None),)
    candidates = iter(other_secrets.preshared_keys.items())
    while batch := dict(islice(candidates, _CANDIDATES_PER_TURN)):
        if found := attempt.find_psk(response, batch.values()):
            return (PresharedKeyFound(next(name for name, psk in batch.items() if psk == found)),)
        await asyncio.sleep(0)
    return ()


async def explain_silence(
    target: Target, answers_usual_port: CompletesHandshake, answers_fresh_port: CompletesHandshake
) -> tuple[Evidence, ...]:
    """Retry a silent server under other conditions.

    These are its other known keys, other framings, a fresh source port and another identity.
    `answers_usual_port` sends from the usual source port, `answers_fresh_port` from one that no middlebox
    has seen. Stops at the first proof. A server that now answers the unchanged check was down only briefly
    and needs no explanation.
    """
    server = replace(target.server, timeout=min(target.server.timeout, MAX_WAIT_S), tunnel=False)
    same = replace(target, server=server)
    for known in server.known_keys[:_MAX_KEYS]:
        if await answers_usual_port(replace(same, server=replace(server, public_key=known))):
            return (KnownKeyAnswered(known),)
    for trial in target.trials.on_silence()[:_MAX_FRAMINGS]:
        if await answers_usual_port(replace(same, framing=trial.framing)):
            return (trial.evidence,)
    if await answers_fresh_port(same):
        # Exclude chance: the usual port must fail once more, and a fresh one succeed again.
        stuck = not await answers_usual_port(same) and await answers_fresh_port(same)
        return (FreshPortAnswered(),) if stuck else ()
    if server.try_identities:
        others = {
            name: key for name, key in target.other_secrets.private_keys.items() if name != server.identity
        }
        for name, key in islice(others.items(), _MAX_IDENTITIES):
            if await answers_usual_port(replace(same, private_key=key)):
                return () if await answers_usual_port(same) else (IdentityAnswered(name),)
    return ()


async def explain_unreadable(
    target: Target, received: Sequence[bytes], answers: CompletesHandshake
) -> tuple[Evidence, ...]:
    """Retry a server whose answer is no message in the usual framing, in those that the answer suggests."""
    server = replace(target.server, timeout=min(target.server.timeout, MAX_WAIT_S), tunnel=False)
    for trial in target.trials.on_unreadable(received):
        if await answers(replace(target, server=server, framing=trial.framing)):
            return (trial.evidence,)
    return ()


async def explain_lost_data(
    target: Target, carries_data: Callable[[Target], Awaitable[bool]]
) -> tuple[Evidence, ...]:
    """Retry a server whose handshake works and whose data is lost, with other framings of data.

    `carries_data` makes a session and tells whether anything comes back through it. To exclude chance, the
    usual framing must fail once more.
    """
    server = target.server
    brief = replace(
        server,
        timeout=min(server.timeout, MAX_WAIT_S),
        tunnel_count=_LEAST_ECHOES,
        tunnel_over=min(server.tunnel_over, MAX_WAIT_S / 2),
    )
    same = replace(target, server=brief)
    for trial in target.trials.on_lost_data():
        if await carries_data(replace(same, framing=trial.framing)):
            return () if await carries_data(same) else (trial.evidence,)
    return ()
