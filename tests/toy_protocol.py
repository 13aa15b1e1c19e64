"""A made-up protocol: a message of two fields, number and word. The server turns the word round."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wgmon_tui.checks.address_prober import AddressCheck, AddressProber
from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.common_faults import diagnose_common_fault
from wgmon_tui.checks.evidence import Evidence, ProtocolEvidence, Silence
from wgmon_tui.checks.evidence_text import describe_evidence
from wgmon_tui.checks.protocol import GlossaryTerm, ProbeServices, Protocol, ProtocolProber
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.stage import HANDSHAKE, Stage, StageOutcome
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.protocol_settings import ImportedServer, ProtocolSettings
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_types import TEXT
from wgmon_tui.net.packet_fields import PacketField


@dataclass(frozen=True, slots=True)
class EchoSettings:
    word: str = "hello"


def read_link(text: str, _: str) -> Sequence[ImportedServer]:
    """Read a link such as echo://192.0.2.7:7/moon."""
    place, _, word = text.strip().removeprefix("echo://").partition("/")
    return [ImportedServer("echo", place, {"word": word})] if text.startswith("echo://") else []


WORD = Setting("word", TEXT, "The word to send.", FormField(10))


class EchoProber(AddressProber[ServerTarget]):
    async def check_address(self, asked: AddressCheck[ServerTarget]) -> Check:
        word = asked.server.protocol_settings.word
        question, loop, began = os.urandom(4) + word.encode(), asyncio.get_running_loop(), time.monotonic()
        sent, check = Packet(0.0, Direction.SENT, question), self.make_check(asked.server, asked.address)
        failed = replace(check, exchange=(sent,), sent=1, stages=(Stage(HANDSHAKE, StageOutcome.FAILED),))
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((str(asked.address), asked.server.endpoint.port))
            try:
                await loop.sock_sendall(sock, question)
                async with asyncio.timeout(asked.server.timeout):
                    answer = await loop.sock_recv(sock, 1500)
            except (TimeoutError, ConnectionRefusedError):
                return replace(failed, evidence=(Silence(asked.server.timeout),))
        took, turned = time.monotonic() - began, answer[4:].decode("ascii", "replace")
        exchange = (sent, Packet(took, Direction.RECEIVED, answer))
        if turned == word[::-1]:
            passed = (Stage(HANDSHAKE, StageOutcome.PASSED, took),)
            return replace(check, handshake=Handshake(took), exchange=exchange, sent=1, stages=passed)
        other = ProtocolEvidence("echo", "other word", (turned,), took)
        return replace(failed, exchange=exchange, evidence=(other,))


class Echo(Protocol):
    name, title = "echo", "Echo"
    settings = ProtocolSettings(
        Section("echo", "An echo server.", EchoSettings, (WORD,)),
        read_import=read_link,
    )
    glossary = (GlossaryTerm("turned word", "The word of the question, read backwards."),)

    def make_prober(self, services: ProbeServices) -> ProtocolProber:
        return EchoProber(services.vantage)

    def diagnose(
        self,
        check: Check,
        server: Server,
        recent: Sequence[float | None] = (),
        standing: Sequence[Evidence] = (),
        *,
        is_explained_by_loss: bool = False,
    ) -> Diagnosis:
        if fault := diagnose_common_fault(check, server, standing):
            return fault
        texts = tuple(map(describe_evidence, (*check.evidence, *standing)))
        if check.handshake:
            return Diagnosis(Verdict.HEALTHY, "The word came back turned round.", texts)
        stopped = Cause("the echo server is stopped", "its word did not come back", "systemctl status echo")
        return Diagnosis(Verdict.SILENT, "No echo of the word.", texts, (stopped,), HANDSHAKE)

    def describe_evidence(self, evidence: ProtocolEvidence) -> str:
        return f"the server sent back {evidence.values[0]}"

    def label_of(self, packet: bytes, framing: str = "") -> str:
        return "echo message"

    def fields_of(self, packet: bytes, framing: str = "") -> tuple[PacketField, ...]:
        word = PacketField("word", 4, len(packet) - 4, "the word of the settings")
        return (PacketField("number", 0, 4, "four random bytes"), word)

    def value_of(self, check: Check, number: int, field: PacketField) -> str | None:
        data = check.exchange[number].data
        return data[4:].decode("ascii", "replace") if field.name == "word" else None
