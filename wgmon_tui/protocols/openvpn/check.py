"""The prober of OpenVPN: a reset at each check, and all stages now and then.

A login with a certificate that somebody uses ends the session of that user. So it needs the word of the
settings that nobody does, and no openvpn of this machine may run with the profile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Handshake, Tunnel
from wgmon_tui.checks.check_log import CheckLog
from wgmon_tui.checks.evidence import Evidence, IcmpError, ProtocolEvidence, Silence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import KEEPALIVE, REACH, RESET, TLS, TUNNEL, Stage, StageOutcome
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.udp_socket import QueuedError
from wgmon_tui.protocols.openvpn import observations
from wgmon_tui.protocols.openvpn.certificates import SERVER_CERTIFICATE, end_of_server, find_ends
from wgmon_tui.protocols.openvpn.control_messages import PushReply
from wgmon_tui.protocols.openvpn.data_channel import UnknownCipherError
from wgmon_tui.protocols.openvpn.earlier_checks import EarlierChecks, FullCheck, lasting, with_earlier
from wgmon_tui.protocols.openvpn.events import Rejected, ResetAnswered, SessionEnded
from wgmon_tui.protocols.openvpn.experiments import (
    make_client,
    open_link,
    read_certificate,
    try_any_tls,
    try_offer,
    try_other_remotes,
    try_resets,
    try_variations,
)
from wgmon_tui.protocols.openvpn.local_clients import LocalClients
from wgmon_tui.protocols.openvpn.login import log_in
from wgmon_tui.protocols.openvpn.observations import find, observe
from wgmon_tui.protocols.openvpn.packet_fields import PacketLayout
from wgmon_tui.protocols.openvpn.profile import RemoteProto
from wgmon_tui.protocols.openvpn.session import ControlSession
from wgmon_tui.protocols.openvpn.targets import OpenVpnTarget
from wgmon_tui.protocols.openvpn.tls_context import readable_path
from wgmon_tui.protocols.openvpn.tunnel_stage import (
    DataChannelStage,
    leave_without_data,
    make_data_channel,
)

NO_NOTES: Mapping[int, str] = MappingProxyType({})


@dataclass(slots=True)
class _Found:
    """What a check found so far."""

    stages: list[Stage] = field(default_factory=list)
    handshake: Handshake | None = None
    tunnel: Tunnel | None = None
    resets: int = 1
    """How many first packets were sent."""
    connected_after: float | None = None
    """Seconds that the TCP connection took; None over UDP."""

    def add(self, name: str, outcome: StageOutcome, seconds: float | None = None, detail: str = "") -> None:
        """Add a stage."""
        self.stages.append(Stage(name, outcome, seconds, detail))


class OpenVpnProber(AddressProber[OpenVpnTarget]):
    """Each check has a session of its own. `note_secret` gets the TLS secrets of the full checks."""

    def __init__(self, vantage: str = "local", note_secret: Callable[[str], None] | None = None) -> None:
        super().__init__(vantage)
        self._note_secret = note_secret
        self._earlier = EarlierChecks()
        self._local_clients = LocalClients()
        self._turns: dict[tuple[str, Address], asyncio.Lock] = {}

    def is_checked(self, target: OpenVpnTarget, address: Address) -> bool:
        """Whether the profile allows this IP version: `proto udp4` and alike."""
        return target.remote.version in (None, address.version)

    def restore(self, server: Server, checks: Sequence[Check]) -> None:
        """Remember what the last run found behind the reset."""
        self._earlier.restore(server, checks)

    async def check_address(self, asked: AddressCheck[OpenVpnTarget]) -> Check:
        """Send a reset, and go on where that is due and harms nobody."""
        target = asked.target
        log, found = CheckLog(), _Found()
        earlier = self._earlier.find(asked.server, asked.address, target.agreed_values)
        is_due = asked.is_deep or earlier is None
        obstacle = await self._find_obstacle(target, is_due=is_due)
        if is_due and (obstacle is None or obstacle.kind != observations.IN_USE):
            log.evidence += find_ends(target.profile)
        began = time.monotonic()
        try:
            link = await open_link(target.remote, asked.address, asked.server.timeout)
        except (ConnectionError, TimeoutError) as error:
            word = "refused" if isinstance(error, ConnectionRefusedError) else "silent"
            return await self._finish_unconnected(asked, log, found, word)
        if target.remote.transport is RemoteProto.TCP:
            found.connected_after = time.monotonic() - began
            log.evidence.append(observe(observations.TCP, observations.CONNECTED))
        session = ControlSession(make_client(target.remote), link, log)
        try:
            if await self._reset(session, asked, found) and is_due:
                if obstacle:
                    self._note_obstacle(asked, log, obstacle)
                else:
                    async with self._turn_of(target, asked.address):
                        await self._run_login(session, asked, found)
        finally:
            link.close()
        check = self._make(asked, log, found, session.notes)
        if found.handshake and obstacle is None and earlier and not is_due:
            return with_earlier(check, earlier)
        return check

    def _turn_of(self, target: OpenVpnTarget, address: Address) -> asyncio.Lock:
        """The turn of a certificate at one address: two logins at once would end each other's session."""
        user = target.credentials.username if target.credentials else ""
        return self._turns.setdefault((target.profile.certificate or user, address), asyncio.Lock())

    async def _find_obstacle(self, target: OpenVpnTarget, *, is_due: bool) -> ProtocolEvidence | None:
        """Why the check must end after the reset; None if it need not."""
        if not target.may_log_in:
            return observe(observations.NOT_DEDICATED)
        if target.lacks_password:
            return observe(observations.NO_PASSWORD)
        if target.lacks_answer:
            return observe(observations.NO_ANSWER)
        if not is_due:
            return None
        name = target.credentials.username if target.credentials else ""
        user = await asyncio.to_thread(self._local_clients.find_user_of, target.profile, name)
        return observe(observations.IN_USE, str(user)) if user else None

    def _note_obstacle(
        self, asked: AddressCheck[OpenVpnTarget], log: CheckLog, obstacle: ProtocolEvidence
    ) -> None:
        """Record why no login was made. A user of the profile is remembered until the next check looks."""
        log.evidence.append(obstacle)
        if obstacle.kind == observations.IN_USE:
            seen = FullCheck(time.time(), (obstacle,), (), agreed=asked.target.agreed_values)
            self._earlier.remember(asked.server, asked.address, seen)

    async def _reset(
        self, session: ControlSession, asked: AddressCheck[OpenVpnTarget], found: _Found
    ) -> bool:
        """The stages reach and reset; returns whether the server answered."""
        timeout_s, remote = asked.server.timeout, asked.target.remote
        answered = await session.run(lambda: bool(session.client.remote_session_id), timeout_s)
        found.resets += session.client.retransmits
        errors = [_icmp_evidence(each, asked.address, session) for each in session.link.errors]
        for error in errors[:4]:
            session.log.add_evidence(error)
        rejected = [each for each in session.events if isinstance(each, Rejected)]
        for each in rejected[:4]:
            session.log.evidence.append(
                observe(observations.REJECTED, each.reason, str(each.length), at=each.at)
            )
        if answered:
            event = next(each for each in session.events if isinstance(each, ResetAnswered))
            at, kind = event.at, remote.wrapper.kind.value
            ahead = [] if event.server_time is None else [str(event.server_time - int(time.time()))]
            session.log.evidence.append(
                observe(observations.ANSWERED, kind, remote.transport.value, *ahead, at=at)
            )
            found.handshake = Handshake(at, session.client.retransmits)
            found.add(REACH, StageOutcome.PASSED, found.connected_after)
            found.add(RESET, StageOutcome.PASSED, at, kind)
            return True
        if session.is_closed and not rejected:
            session.log.evidence.append(observe(observations.TCP_CLOSED, RESET, at=session.now))
        if not errors:
            session.log.add_evidence(Silence(min(timeout_s, session.now)))
        is_connected = find(observations.TCP, session.log.evidence) is not None
        is_reached = bool(errors or rejected or is_connected)
        reached = StageOutcome.PASSED if is_reached else StageOutcome.NOT_KNOWN
        found.add(REACH, reached, found.connected_after, "" if is_reached else "nothing came back")
        found.add(RESET, StageOutcome.FAILED)
        if asked.may_experiment:
            await _experiment(asked, session.log)
        return False

    async def _run_login(
        self, session: ControlSession, asked: AddressCheck[OpenVpnTarget], found: _Found
    ) -> None:
        """The stages behind the reset, and the end of the session."""
        target = asked.target
        before, began, keeps_secret = len(found.stages), time.monotonic(), self._note_secret
        offer = await try_offer(target.profile, target.remote, asked.address, asked.server.timeout)
        session.log.evidence += offer
        resets: list[ProtocolEvidence] = []

        async def is_answering() -> bool:
            resets[:] = await try_resets(target.remote, asked.address, asked.server.timeout)
            return bool(resets)

        with readable_path() as key_log:
            try:
                outcome = await log_in(session, target, asked.address.version, key_log, is_answering)
                found.stages += outcome.stages
                if keeps_secret:
                    keeps_secret(await asyncio.to_thread(Path(key_log).read_text))
                if outcome.reply:
                    await _run_tunnel(session, target, outcome.reply, found)
            finally:
                session.leave()  # whatever happened: a session that is left alone keeps its address
        is_silent = outcome.failed_stage and find(observations.SILENT_IN, session.log.evidence)
        if is_silent or find(observations.DATA_STOPPED, session.log.evidence):
            session.log.evidence += resets or await try_resets(
                target.remote, asked.address, asked.server.timeout
            )
        if _ended_at_hello(session, outcome.failed_stage):
            session.log.evidence += await try_any_tls(target.remote, asked.address, asked.server.timeout)
        if outcome.failed_stage == TLS and not _has_end_of_server(session.log.evidence):
            session.log.evidence += _passed_end(session) or self._known_end_of_server(asked)
            if _refused_certificate(session.log.evidence):
                shown = await read_certificate(target.remote, asked.address, asked.server.timeout)
                session.log.evidence += shown
        full = FullCheck(
            time.time(),
            lasting(session.log.evidence),
            tuple(found.stages[before:]),
            found.tunnel,
            target.agreed_values,
        )
        if full.has_passed or not self._is_starved(began):
            self._earlier.remember(asked.server, asked.address, full)

    def _known_end_of_server(self, asked: AddressCheck[OpenVpnTarget]) -> list[Expires]:
        """When the server's certificate ends, as an earlier check saw."""
        earlier = self._earlier.find(asked.server, asked.address, asked.target.agreed_values)
        ends = [each for each in (earlier.evidence if earlier else ()) if isinstance(each, Expires)]
        return [each for each in ends if each.what == SERVER_CERTIFICATE]

    async def _finish_unconnected(
        self, asked: AddressCheck[OpenVpnTarget], log: CheckLog, found: _Found, word: str
    ) -> Check:
        """A check whose TCP connection failed."""
        log.evidence.append(observe(observations.TCP, word))
        outcome = StageOutcome.FAILED if word == "refused" else StageOutcome.NOT_KNOWN
        found.add(REACH, outcome)
        if word != "refused":
            found.add(RESET, StageOutcome.FAILED)
            log.add_evidence(Silence(asked.server.timeout))
        if asked.may_experiment:
            await _experiment(asked, log)
        return self._make(asked, log, found)

    def _make(
        self,
        asked: AddressCheck[OpenVpnTarget],
        log: CheckLog,
        found: _Found,
        notes: Mapping[int, str] = NO_NOTES,
    ) -> Check:
        target = asked.target
        pushed = find(observations.PUSHED, log.evidence)
        layout = PacketLayout.of(
            target.remote.wrapper,
            pushed.values[1] if pushed else "",
            target.profile.auth,
            is_tcp=target.remote.transport is RemoteProto.TCP,
        )
        return replace(
            self.make_check(asked.server, asked.address, *log.evidence),
            started_at=log.started_at_unix,
            handshake=found.handshake,
            exchange=tuple(log.exchange),
            sent=found.resets,
            tunnel=found.tunnel,
            stages=tuple(found.stages),
            framing=str(replace(layout, notes=dict(notes))),
        )


_EXPIRED = "10"
"""X509_V_ERR_CERT_HAS_EXPIRED."""


def _ended_at_hello(session: ControlSession, failed_stage: str) -> bool:
    """Whether the server is there, and left the first message of TLS without a word."""
    if failed_stage != TLS or session.client.has_begun_tls:
        return False
    signs = (observations.STILL_ANSWERS, observations.TCP_CLOSED)
    return any(find(each, session.log.evidence) for each in signs)


def _refused_certificate(evidence: Sequence[Evidence]) -> bool:
    """Whether OpenSSL refused the certificate of the server."""
    failed = find(observations.TLS_FAILED, evidence)
    return failed is not None and bool(failed.values[2])


def _passed_end(session: ControlSession) -> list[Expires]:
    """When the server's certificate ended, if OpenSSL refused it for that."""
    failed = find(observations.TLS_FAILED, session.log.evidence)
    if failed is None or failed.values[2] != _EXPIRED or not session.client.chain:
        return []
    end = end_of_server(session.client.chain[0])
    return [end] if end is not None and end.at < time.time() else []


def _has_end_of_server(evidence: Sequence[Evidence]) -> bool:
    return any(isinstance(each, Expires) and each.what == SERVER_CERTIFICATE for each in evidence)


async def _experiment(asked: AddressCheck[OpenVpnTarget], log: CheckLog) -> None:
    """Try what could explain that no answer came."""
    target = asked.target
    tried, others = await asyncio.gather(
        try_variations(target.remote, asked.address, asked.server.timeout),
        try_other_remotes(target.profile, target.remote, asked.server.timeout),
    )
    log.evidence += [*tried, *others]


async def _run_tunnel(
    session: ControlSession, target: OpenVpnTarget, reply: PushReply, found: _Found
) -> None:
    """The stages inside the tunnel, and the notice that the session ends."""
    try:
        channel = make_data_channel(session.client, target.profile)
    except UnknownCipherError as error:
        session.log.evidence.append(observe(observations.UNKNOWN_CIPHER, str(error)))
        await leave_without_data(session, reply)
        found.add(TUNNEL, StageOutcome.NOT_RUN, None, f"a check does not have {error}")
        return
    if channel is None:
        found.add(TUNNEL, StageOutcome.FAILED, None, "no keys for the data channel")
        return
    is_bridge = target.profile.device == "tap"
    if is_bridge:
        session.log.evidence.append(observe(observations.BRIDGE))
    stage = DataChannelStage(session, channel, target, reply)
    try:
        result = await stage.run()
    finally:
        stage.announce_end()
    await stage.await_end()
    for each in result.evidence:
        session.log.add_evidence(each)
    if ended := next((each for each in session.events if isinstance(each, SessionEnded)), None):
        session.log.evidence.append(observe(observations.ENDED, ended.kind.value, ended.text, at=ended.at))
    tunnel = found.tunnel = result.tunnel
    if result.has_stopped:
        session.log.evidence.append(observe(observations.DATA_STOPPED))
        found.add(TUNNEL, StageOutcome.FAILED, None, "data came back first, and nothing later")
        return
    if tunnel is None or tunnel.passive:
        why = "no echo passes a bridge" if is_bridge else "no address inside is known; set tunnel_ping"
        found.add(TUNNEL, StageOutcome.NOT_RUN, None, why)
    else:
        outcome = StageOutcome.PASSED if tunnel.received else StageOutcome.FAILED
        found.add(TUNNEL, outcome, tunnel.rtt)
    if result.keepalive_after is not None:
        found.add(KEEPALIVE, StageOutcome.PASSED, result.keepalive_after)
    elif result.keepalive_waited:
        found.add(KEEPALIVE, StageOutcome.FAILED, None, "none came")
    else:
        found.add(KEEPALIVE, StageOutcome.NOT_RUN, None, "echoes already came back")


def _icmp_evidence(error: QueuedError, address: Address, session: ControlSession) -> IcmpError:
    return IcmpError(
        session.log.seconds_since_start(error.received_ns or time.time_ns()),
        error.version,
        error.type,
        error.code,
        error.offender,
        from_target=error.offender == str(address),
        quotes_packet=session.client.session_id in error.quoted,
    )
