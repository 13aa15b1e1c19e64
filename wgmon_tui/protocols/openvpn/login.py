"""The stages between the reset and the pushed options: TLS, key exchange, authentication and push reply."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from wgmon_tui.checks.stage import AUTHENTICATE, KEY_EXCHANGE, PUSH_REPLY, TLS, Stage, StageOutcome
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.certificates import (
    DATE_CODES,
    LAST_DAY,
    DateProblem,
    describe_server,
    end_of_server,
    find_chain_problems,
    find_date_problems,
    find_mismatch,
    look_up,
)
from wgmon_tui.protocols.openvpn.client import Login
from wgmon_tui.protocols.openvpn.control_messages import PushReply
from wgmon_tui.protocols.openvpn.events import (
    AuthFailed,
    AuthPending,
    Event,
    KeysExchanged,
    OptionsPushed,
    ResetAnswered,
    SessionEnded,
    TlsEstablished,
    TlsFailed,
)
from wgmon_tui.protocols.openvpn.key_exchange import options_of_client, peer_info
from wgmon_tui.protocols.openvpn.observations import find, observe
from wgmon_tui.protocols.openvpn.profile import Compression, Profile
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget
from wgmon_tui.protocols.openvpn.tls_context import TlsSettingsError, make_context

_VERSION = "2.6.0"
"""The release of OpenVPN whose protocol this client speaks: servers decide by it what they push."""

_LONGEST_SCRIPT_S = 10.0
"""How long a script of a server may keep it from answering anybody, beyond the timeout."""

_AFTER_RESET_S = 0.5
"""A server that answers a reset has sent what it decided before."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class LoginOutcome:
    """How far a login came. `reply` is None if it failed; `failed_stage` is then its stage."""

    stages: tuple[Stage, ...]
    reply: PushReply | None = None
    failed_stage: str = ""


class _Steps:
    """The stages as they end, and their times."""

    def __init__(self, began: float, target: OpenVpnTarget) -> None:
        self.stages: list[Stage] = []
        self.sends_password = target.credentials is not None
        self.missing = "" if self.sends_password else observations.WITHOUT_PASSWORD
        self._last = began

    def passed(self, name: str, at: float, detail: str = "") -> None:
        self.stages.append(Stage(name, StageOutcome.PASSED, max(at - self._last, 0.0), detail))
        self._last = max(at, self._last)

    def failed(self, name: str, detail: str = "") -> LoginOutcome:
        self.stages.append(Stage(name, StageOutcome.FAILED, None, detail))
        return LoginOutcome(tuple(self.stages), None, name)


async def log_in(
    session: ControlSession,
    target: OpenVpnTarget,
    version: int,
    key_log_path: str,
    is_answering: Callable[[], Awaitable[bool]],
) -> LoginOutcome:
    """Run the stages, and record what they show. Raises OSError if this machine cannot send.

    `is_answering` asks whether the server answers another reset.
    """
    steps = _Steps(session.now, target)
    _note_dates(session, find_date_problems(target.profile, datetime.now(UTC)))
    _note_dates(session, problems_at_server(session.events, target.profile))
    if not target.profile.has_client_certificate:
        _note(session, observations.NO_CERTIFICATE)
    tried = find(observations.OFFER_ANSWERED, session.log.evidence)
    if untested := [each for each in target.profile.untested if tried is None or each not in tried.values]:
        _note(session, observations.UNTESTED, *untested)
    if refused := find(observations.OFFER_REFUSED, session.log.evidence):
        return steps.failed(TLS, observations.describe(refused))
    try:
        context = await asyncio.to_thread(make_context, target.profile, target.key_password, key_log_path)
    except TlsSettingsError as error:
        _note(session, observations.SETTINGS, str(error))
        return steps.failed(TLS, str(error))
    login = Login(
        context,
        _message(target, version),
        lambda chain: _is_accepted(target.profile, chain),
        Path(key_log_path).read_text,
    )
    session.events += session.client.log_in(login, session.now)
    established = await _await(session, target, TlsEstablished)
    if established is None:
        return _fail(session, steps, TLS)
    if refusal := _note_certificate(session, target, established):
        return steps.failed(TLS, refusal)
    steps.passed(TLS, established.at, f"{established.version}, {established.cipher}")
    exchanged = await _await_decision(session, target, KeysExchanged, is_answering)
    if exchanged is None:
        return _fail(session, steps, KEY_EXCHANGE)
    _note(session, observations.KEYS, exchanged.options, at=exchanged.at)
    steps.passed(KEY_EXCHANGE, exchanged.at)
    return await _await_options(session, target, steps, is_answering)


async def _await_options(
    session: ControlSession,
    target: OpenVpnTarget,
    steps: _Steps,
    is_answering: Callable[[], Awaitable[bool]],
) -> LoginOutcome:
    pushed = await _await_decision(session, target, OptionsPushed, is_answering)
    for pending in (each for each in session.events if isinstance(each, AuthPending)):
        _note(session, observations.AUTH_PENDING, pending.text, at=pending.at)
    if pushed is None:
        refused = any(isinstance(each, AuthFailed | AuthPending) for each in session.events)
        if refused:
            return _fail(session, steps, AUTHENTICATE)
        steps.stages.append(
            Stage(AUTHENTICATE, StageOutcome.NOT_KNOWN, None, "the server said neither yes nor no")
        )
        return _fail(session, steps, PUSH_REPLY)
    reply = pushed.reply
    # A server answers no request before it has decided: what it took until the last one is the decision.
    steps.passed(AUTHENTICATE, pushed.asked_at)
    address = str(reply.address or reply.address_v6 or "no address")
    cipher = reply.cipher or target.profile.data_ciphers_fallback or target.profile.cipher
    _note(session, observations.PUSHED, address, cipher, str(len(reply.options)), at=pushed.at)
    if reply.cipher and reply.cipher.upper() not in (each.upper() for each in target.profile.data_ciphers):
        allowed = " or ".join(target.profile.data_ciphers)
        _note(session, observations.MISMATCH, "data-ciphers", allowed, reply.cipher)
        return steps.failed(PUSH_REPLY, "the profile does not allow the cipher")
    if reply.address is None and reply.address_v6 is None:
        return steps.failed(PUSH_REPLY, "the server assigned no address")
    steps.passed(PUSH_REPLY, pushed.at, f"{address}, {cipher}")
    return LoginOutcome(tuple(steps.stages), reply)


async def _await(session: ControlSession, target: OpenVpnTarget, kind: type[Kind]) -> Kind | None:
    """Run the session until an event of a kind came; None if it fails or none comes in time."""
    return await _await_for(session, kind, target.server.timeout)


async def _await_decision(
    session: ControlSession,
    target: OpenVpnTarget,
    kind: type[Kind],
    is_answering: Callable[[], Awaitable[bool]],
) -> Kind | None:
    """As `_await`, and longer where a script of the server decides: OpenVPN answers nobody meanwhile."""
    found = await _await(session, target, kind)
    if found is not None or session.client.is_over or session.is_closed:
        return found
    return await _await_for(session, kind, _AFTER_RESET_S if await is_answering() else _LONGEST_SCRIPT_S)


async def _await_for(session: ControlSession, kind: type[Kind], timeout_s: float) -> Kind | None:
    def find() -> Kind | None:
        return next((each for each in session.events if isinstance(each, kind)), None)

    await session.run(lambda: find() is not None, timeout_s)
    return find()


def problems_at_server(events: Sequence[Event], profile: Profile) -> Sequence[DateProblem]:
    """What of the client is not valid by the clock of the server, if that is another one and it told."""
    told = next((each for each in events if isinstance(each, ResetAnswered)), None)
    if told is None or told.server_time is None:
        return ()
    if abs(told.server_time - time.time()) <= observations.CLOCK_TOLERANCE_S:
        return ()
    found = find_date_problems(profile, datetime.fromtimestamp(told.server_time, UTC))
    return [replace(each, what="client at the server") for each in found if each.what.startswith("client")]


def _note_dates(session: ControlSession, problems: Sequence[DateProblem]) -> None:
    for each in problems:
        word = "expired" if each.is_expired else "early"
        _note(session, observations.DATES, each.what, each.subject, word, each.at.strftime(LAST_DAY))


def _fail(session: ControlSession, steps: _Steps, stage: str) -> LoginOutcome:
    """Record why a stage failed: what the server said, or that it fell silent."""
    hello = "hello" if session.client.has_begun_tls else ""
    for event in session.events:
        match event:
            case TlsFailed(at, reason, is_from_server, code, text):
                who = "server" if is_from_server else "client"
                _note(session, observations.TLS_FAILED, reason, who, str(code or ""), text, hello, at=at)
                if code in DATE_CODES:
                    _note_dates(session, find_chain_problems(session.client.chain, datetime.now(UTC)))
                return steps.failed(stage, text or reason.replace("_", " "))
            case AuthFailed(at, failure):
                _note(
                    session,
                    observations.AUTH_FAILED,
                    failure.kind.value,
                    failure.reason,
                    steps.missing,
                    at=at,
                )
                return steps.failed(stage, "AUTH_FAILED")
            case SessionEnded(at, kind, text):
                _note(session, observations.ENDED, kind.value, text, at=at)
                return steps.failed(stage, kind.value)
    password = "password" if steps.sends_password else ""
    if session.is_closed:
        _note(session, observations.TCP_CLOSED, stage, "", password, hello, at=session.now)
        return steps.failed(stage, "the server closed the connection")
    heard = "acknowledged" if session.client.is_all_acknowledged else ""
    _note(session, observations.SILENT_IN, stage, heard, password, hello)
    return steps.failed(stage, "the server fell silent")


def _is_accepted(profile: Profile, chain: Sequence[bytes]) -> bool:
    """Whether the profile accepts a server whose chain OpenSSL has verified."""
    own = chain[0] if chain else b""
    return find_mismatch(profile, own) is None and look_up(profile, chain, datetime.now(UTC)).refusal is None


def _note_certificate(session: ControlSession, target: OpenVpnTarget, established: TlsEstablished) -> str:
    """Record the server's certificate, and return why the profile does not accept it; "" if it does."""
    if found := describe_server(established.certificate):
        _note(
            session,
            observations.TLS,
            established.version,
            established.cipher,
            found.subject,
            found.issuer,
            found.expires.strftime(LAST_DAY),
            at=established.at,
        )
    if end := end_of_server(established.certificate):
        session.log.evidence.append(end)
    answer = look_up(target.profile, established.chain, datetime.now(UTC))
    for subject, issuer in answer.not_looked_up:
        _note(session, observations.NOT_LOOKED_UP, subject, issuer)
    if revoked := answer.refusal:
        code, text = str(revoked.code), f"{revoked.text}: {revoked.name}"
        _note(session, observations.TLS_FAILED, observations.REVOCATION, "client", code, text, "hello")
        return text
    if mismatch := find_mismatch(target.profile, established.certificate):
        _note(session, observations.MISMATCH, mismatch.kind, mismatch.expected, mismatch.found)
        return f"{mismatch.kind} does not fit"
    return ""


def _note(session: ControlSession, kind: str, *values: str, at: float | None = None) -> None:
    session.log.evidence.append(observe(kind, *values, at=at))


def _message(target: OpenVpnTarget, version: int) -> tuple[str, str, str, str]:
    """Options, user, password and peer information."""
    profile, remote = target.profile, target.remote
    options = options_of_client(
        profile.auth,
        profile.cipher or profile.data_ciphers_fallback or profile.data_ciphers[0],
        remote.transport.value,
        version,
        device=profile.device[:3],
        mtu=profile.tun_mtu,
        is_compressing=profile.compression is not Compression.NONE,
        is_fragmenting=bool(profile.fragment_size),
    )
    info = peer_info(_VERSION, profile.data_ciphers, profile.peer_variables)
    return options, target.credentials.username if target.credentials else "", _password(target), info


def _password(target: OpenVpnTarget) -> str:
    """The password, with the answer to the static challenge where there is one (management-notes.txt)."""
    word = (target.credentials.password if target.credentials else None) or ""
    challenge = target.profile.challenge
    if challenge is None or target.challenge_response is None:
        return word
    if challenge.is_concatenated:
        return word + target.challenge_response
    encoded = [base64.b64encode(each.encode()).decode() for each in (word, target.challenge_response)]
    return f"SCRV1:{encoded[0]}:{encoded[1]}"
