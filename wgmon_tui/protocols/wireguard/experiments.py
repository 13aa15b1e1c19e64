"""Experiments that turn silence into proof: what does answer, where our check was not answered?

Each asks the server once more with one thing changed. What they find is proof because an answer
authenticates: only the holder of the key that was asked can have made it. Finding nothing proves nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice

from wgmon_tui.checks.evidence import (
    Evidence,
    FreshPortAnswered,
    IdentityAnswered,
    KnownKeyAnswered,
    PresharedKeyFound,
)
from wgmon_tui.protocols.wireguard.handshake import Attempt
from wgmon_tui.protocols.wireguard.keys import NO_PRESHARED_KEY
from wgmon_tui.protocols.wireguard.targets import OtherSecrets, Target

CompletesHandshake = Callable[[Target], Awaitable[bool]]
"""Whether a handshake with a target completes."""

MAX_WAIT_S = 1.5
"""How long an experiment waits at most: it repeats what was already waited for in full."""

_MAX_KEYS = 8
_MAX_IDENTITIES = 8
_CANDIDATES_PER_TURN = 64  # preshared keys between two turns of the event loop


async def find_preshared_key(
    attempt: Attempt, response: bytes, other_secrets: OtherSecrets
) -> tuple[Evidence, ...]:
    """With which preshared key of ours, if any, a response opens that the right one does not open."""
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
    """Ask a silent server again: under its other known keys, from a fresh source port, as another identity.

    `answers_usual_port` asks from our usual source port, `answers_fresh_port` from one that no middlebox has seen. Ends with the first
    proof. A server that answers the unchanged question meanwhile was only away: that explains itself.
    """
    server = replace(target.server, timeout=min(target.server.timeout, MAX_WAIT_S), tunnel=False)
    same = replace(target, server=server)
    for known in server.known_keys[:_MAX_KEYS]:
        if await answers_usual_port(replace(same, server=replace(server, public_key=known))):
            return (KnownKeyAnswered(known),)
    if await answers_fresh_port(same):
        # Chance must be out of it: silent to the usual port once more, and answering the fresh one again.
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
