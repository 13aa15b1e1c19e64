"""Messages between a writer and an agent in the golden files, in both directions."""

from __future__ import annotations

from pathlib import Path

from tests.golden import GoldenFile
from tests.store.golden.examples import SERVERS
from tests.store.golden.rounds import AT, ROUNDS
from wgmon_tui.store.formats.server_entry import server_to_entry
from wgmon_tui.vantages.messages import (
    Ack,
    AgentHello,
    AgentStatus,
    Bye,
    CheckReport,
    RecheckRequest,
    ServerChanges,
    ServerEntry,
    ServerProblem,
    ToAgent,
    ToWriter,
    WriterHello,
)
from wgmon_tui.vantages.protocol import PROTOCOL, encode_message, parse_to_agent, parse_to_writer

HERE = Path(__file__).parent

TO_AGENT: tuple[ToAgent, ...] = (
    WriterHello(PROTOCOL, "0.1.0", "fra"),
    WriterHello(PROTOCOL, "0.1.0"),
    ServerChanges(
        tuple(ServerEntry(server.name, server_to_entry(server)) for server in SERVERS),
        ("old",),
        begin=True,
        more=True,
    ),
    ServerChanges(),
    RecheckRequest(("fra1", "ams1")),
    Ack(7),
)

TO_WRITER: tuple[ToWriter, ...] = (
    AgentHello(PROTOCOL, "0.1.0", "9f00000000000001", "a key", 7, AT),
    AgentHello(PROTOCOL, "0.1.0"),
    *(CheckReport(number, "fra1", outcome) for number, outcome in enumerate(ROUNDS[:3], 1)),
    AgentStatus(
        4.5, 3, 1, "no identity", (ServerProblem("fra1", "no key"), ServerProblem("ams1", "no route")), AT
    ),
    AgentStatus(0.0, 0, 0),
    Bye("another writer came"),
    CheckReport(8, "fra1", ROUNDS[3]),
)


def _write(message: ToAgent | ToWriter) -> str:
    return encode_message(message).decode().removesuffix("\n")


FILES = (
    GoldenFile(HERE / "to_agent.jsonl", TO_AGENT, _write, lambda text: parse_to_agent(text.encode())),
    GoldenFile(HERE / "to_writer.jsonl", TO_WRITER, _write, lambda text: parse_to_writer(text.encode())),
)
