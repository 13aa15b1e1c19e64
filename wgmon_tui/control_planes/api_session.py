"""One check of a control plane as it goes on: connection, TLS, requests, and what they show."""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
import time
from dataclasses import replace
from typing import Any

from wgmon_tui.checks.check import Direction, Packet
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.stage import API, BACKEND, REACH, TLS, Stage, StageOutcome
from wgmon_tui.config.control_planes import ControlPlaneSettings
from wgmon_tui.control_planes import answers
from wgmon_tui.control_planes.api import DERP_MAP, ApiRequest, ControlPlaneApi
from wgmon_tui.control_planes.exchange_record import record_request, record_response
from wgmon_tui.control_planes.expiries import find_expiries
from wgmon_tui.control_planes.http_connection import (
    ApiResponse,
    CutOffError,
    HttpConnection,
    NoHttpError,
    TooLargeError,
)
from wgmon_tui.control_planes.json_fields import ONLY_FIRST, is_partial
from wgmon_tui.control_planes.relay_stage import RelayFindings
from wgmon_tui.control_planes.targets import ControlPlaneTarget
from wgmon_tui.net.addresses import Address
from wgmon_tui.net.tls_chain import ExpiredCertificateError
from wgmon_tui.net.tls_trust import SYSTEM_AUTHORITIES, explain_untrusted, trusting_context
from wgmon_tui.text import format_utc_time

_NOT_FOUND, _LIMITED, _LEAST_SERVER_ERROR = 404, 429, 500
_NO_ACCESS = (401, 403)
_CONNECTION_ERRORS = {
    errno.ECONNREFUSED: answers.REFUSED,
    errno.ECONNRESET: answers.RESET,
    errno.EHOSTUNREACH: answers.UNREACHABLE,
    errno.EHOSTDOWN: answers.UNREACHABLE,
    errno.ENOENT: answers.NO_SOCKET,
    errno.EACCES: answers.NO_PERMISSION,
}
"""What the path or the host did. Any other error is a fault of this machine."""

_LONGEST_WAIT_S = 3600.0
_USUAL_WAIT_S = 60.0
_MOST_DIGITS = 6
_LARGE = 64 * 1024
"""Bytes of JSON from which on reading takes long enough to do it in a thread."""


class ApiSession:
    """The steps of a check. Each returns whether the next one makes sense; `stages` has one record a step."""

    def __init__(self, name: str, api: ControlPlaneApi, target: ControlPlaneTarget) -> None:
        settings: ControlPlaneSettings = target.server.protocol_settings
        self.evidence: list[Evidence] = []
        self.exchange: list[Packet] = []
        self.stages: list[Stage] = []
        self.rtt: float | None = None
        """Seconds until the first answer that the API gave to the token; None without one."""
        self.report: ControlPlaneReport | None = None
        """What the control plane reported; None unless all requests were answered."""
        self.derp_map: object = None
        """The map of its relays, if the API has it."""
        self.requests = 0
        self.wait_s = 0.0
        """How long the API asked not to be asked again."""
        self._name, self._api, self._target = name, api, target
        self._url, self._socket = settings.url, settings.socket
        self._headers = api.headers(target.token)
        self._connection = HttpConnection(settings.url, self._headers)
        self._began = self._step_began = time.monotonic()
        self._step, self._asked_for = REACH, ""
        self._partial: list[str] = []

    async def run(self, address: Address | None) -> None:
        """Go through all steps as far as they succeed. Raises OSError for a fault of this machine.

        `address` is None for a socket of this machine.
        """
        if not await self._reach(address) or not await self._start_tls():
            return
        self._begin(API)
        found: dict[str, Any] = {}
        for request in self._api.requests:
            if not await self._ask(request, address, found):
                self._take_report(self._api.read(found), only_parts=True)
                return
        self._end(StageOutcome.PASSED)
        self.derp_map = found.pop(DERP_MAP, None)
        self._take_report(await asyncio.to_thread(self._api.read, found))

    def end_in_silence(self) -> None:
        """The time of the check is over."""
        if self._asked_for:
            self._note("answer", self._asked_for, answers.SILENT)
        else:
            self._note("connection", answers.TLS_SILENT if self._step == TLS else answers.SILENT)
        self._end(StageOutcome.FAILED, "no answer in time")

    def add_relays(self, found: RelayFindings) -> None:
        """Add what became of the relays to the check and to the report."""
        self.evidence += found.evidence
        self.stages.append(found.stage)
        if self.report is not None:
            self.report = replace(self.report, relays=found.relays)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _connect(self, address: Address | None) -> None:
        if address is None:
            await self._connection.connect_locally(self._socket)
        else:
            await self._connection.connect(address)

    async def _reach(self, address: Address | None) -> bool:
        try:
            await self._connect(address)
        except OSError as error:
            word = _CONNECTION_ERRORS.get(error.errno or 0)
            if word is None:
                raise
            return self._fail_connection(word)
        self._end(StageOutcome.PASSED)
        return True

    async def _start_tls(self) -> bool:
        if not self._url.is_tls:
            return True
        self._begin(TLS)
        try:
            await self._connection.start_tls(trusting_context(self._target.authorities))
        except ssl.SSLCertVerificationError as error:
            has_own = bool(self._target.authorities)
            what = explain_untrusted(
                error,
                "ca_file" if has_own else SYSTEM_AUTHORITIES,
                "" if has_own else "; set ca_file to a file that holds it",
                "" if has_own else "; for a private CA, set ca_file",
            )
            self._note("certificate", what)
            if isinstance(error, ExpiredCertificateError):
                self.evidence.append(Expires("server certificate", self._url.host, error.ended_at))
            self._end(StageOutcome.FAILED, what)
            return False
        except ssl.SSLError:
            return self._fail_connection(answers.NO_TLS)
        except OSError:
            return self._fail_connection(answers.RESET)
        self._end(StageOutcome.PASSED)
        if (end := self._connection.certificate_end) is not None:
            self.evidence.append(Expires("server certificate", self._url.host, end))
        return True

    async def _ask(self, request: ApiRequest, address: Address | None, found: dict[str, Any]) -> bool:
        """Make one request. Returns whether to go on; an answer is put into `found`."""
        self._asked_for = request.name
        response, value, word = await self._try_paths(request, address)
        detail = f"HTTP {response.status}" if response is not None and word != answers.OK else ""
        if value is not None and (word == answers.OK or not request.optional):
            found[request.name] = value
        if response is not None and response.has_more:
            self._partial.append(f"{request.name}{ONLY_FIRST} page was read")
        if word == answers.OK or (request.optional and word != answers.LIMITED):
            if word == answers.OK:
                self._note("answer", request.name, answers.OK, at=response.seconds if response else None)
            elif response is None or response.status != _NOT_FOUND:
                self._note("unread", request.name, word, detail)
            if word == answers.OK and request.needs_token and self.rtt is None and response:
                self.rtt = response.seconds
            return True
        self._note("answer", request.name, word, detail)
        self._end(StageOutcome.FAILED, f"{request.name}: {detail or word}")
        return False

    async def _try_paths(
        self, request: ApiRequest, address: Address | None
    ) -> tuple[ApiResponse | None, object, str]:
        """The first answer that is not 404: the response, its JSON value, and a word for it."""
        response: ApiResponse | None = None
        for path in request.paths:
            self.requests += 1
            self._record(
                Direction.SENT, record_request(self._url.authority, path, self._sent_headers(request))
            )
            try:
                response = await self._get(path, request, address)
            except (NoHttpError, OSError) as error:
                self._connection.close()
                return None, None, answers.CUT_OFF if isinstance(error, CutOffError) else answers.NO_HTTP
            except TooLargeError:
                self._connection.close()
                return None, None, answers.TOO_LARGE
            value = await _read_json(response.body)
            self._record(Direction.RECEIVED, record_response(response.status, response.body, value))
            if response.status != _NOT_FOUND:
                return response, value, self._judge(response, value)
        return response, None, answers.UNEXPECTED

    async def _get(self, path: str, request: ApiRequest, address: Address | None) -> ApiResponse:
        """Raises NoHttpError, TooLargeError, OSError. A connection that the server closed is opened again."""
        if self._connection.is_open:
            try:
                return await self._connection.get(path, with_token=request.needs_token)
            except (NoHttpError, OSError):
                if self.requests == 1:  # the connection is new: this is the answer
                    raise
        await self._connect(address)
        if self._url.is_tls:
            await self._connection.start_tls(trusting_context(self._target.authorities))
        return await self._connection.get(path, with_token=request.needs_token)

    def _judge(self, response: ApiResponse, value: object) -> str:
        status = response.status
        if status in _NO_ACCESS:
            return answers.TOKEN_REFUSED
        if status == _LIMITED:
            self.wait_s = _read_wait(response.retry_after)
            return answers.LIMITED
        if status >= _LEAST_SERVER_ERROR:
            return answers.SERVER_ERROR
        if 300 <= status < 400:
            return answers.REDIRECTED
        if status != 200:
            return answers.UNEXPECTED
        return answers.OK if value is not None else answers.NO_JSON

    def _take_report(self, report: ControlPlaneReport, *, only_parts: bool = False) -> None:
        """Note what the control plane reports; after a failed request, only of its own parts."""
        for part in report.parts:
            state = answers.WORKS if part.works else answers.BROKEN
            self._note("part", part.name, state, part.detail)
        if report.parts:
            broken = [part.name for part in report.parts if not part.works]
            self._begin(BACKEND)
            self._end(StageOutcome.FAILED if broken else StageOutcome.PASSED, ", ".join(broken))
        if only_parts:
            return
        if self._partial:
            report = replace(report, drift=(*report.drift, *self._partial))
        self.report = report
        online = sum(node.online is True for node in report.nodes)
        unknown = sum(node.online is None for node in report.nodes)
        self._note("nodes", str(len(report.nodes)), str(online), str(unknown))
        times = (
            at for node in report.nodes for at in (node.last_seen, node.last_handshake) if at is not None
        )
        if last := max(times, default=None):
            self._note("last-seen", format_utc_time(last))
        if report.version:
            self._note("version", report.version)
        for warning in report.warnings:
            self._note("warning", warning)
        if changed := [each for each in report.drift if not is_partial(each)]:
            self._note("drift", *changed)
        if partial := [each for each in report.drift if is_partial(each)]:
            self._note("partial", *partial)
        self.evidence += find_expiries(report, time.time())

    def _sent_headers(self, request: ApiRequest) -> dict[str, str]:
        return dict(self._headers) if request.needs_token else {}

    def _fail_connection(self, word: str) -> bool:
        self._note("connection", word, at=time.monotonic() - self._began)
        self._end(StageOutcome.FAILED, word)
        return False

    def _note(self, kind: str, *values: str, at: float | None = None) -> None:
        self.evidence.append(ProtocolEvidence(self._name, kind, values, at))

    def _record(self, direction: Direction, data: bytes) -> None:
        self.exchange.append(Packet(time.monotonic() - self._began, direction, data))

    def _begin(self, step: str) -> None:
        self._step, self._step_began = step, time.monotonic()

    def _end(self, outcome: StageOutcome, detail: str = "") -> None:
        seconds = time.monotonic() - self._step_began if outcome is StageOutcome.PASSED else None
        self.stages.append(Stage(self._step, outcome, seconds, detail))


async def _read_json(body: bytes) -> object:
    """The value of a JSON text; None if it is none."""
    try:
        return json.loads(body) if len(body) < _LARGE else await asyncio.to_thread(json.loads, body)
    except (ValueError, RecursionError):
        return None


def _read_wait(retry_after: str) -> float:
    """The seconds of a Retry-After header (RFC 9110 §10.2.3). A date counts as the usual time."""
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= _MOST_DIGITS:
        return min(float(retry_after), _LONGEST_WAIT_S)
    return _USUAL_WAIT_S
