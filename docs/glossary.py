"""The glossary: the project's terms, and where the code defines each of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from wgmon_tui.alerts.delivery_log import Delivery
from wgmon_tui.alerts.models import Announcement
from wgmon_tui.checks.check import Check, Handshake, Packet, Tunnel
from wgmon_tui.checks.path_trace import PathTrace
from wgmon_tui.checks.registry import find_protocol, protocol_names
from wgmon_tui.checks.stage import Stage
from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
from wgmon_tui.config.alerting import Maintenance, Rule, Sink
from wgmon_tui.config.models import Fleet, Identity, Server
from wgmon_tui.config.subscriptions_toml import Subscription
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.monitor.damping import Damping
from wgmon_tui.monitor.incidents import Incident
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.quorum import QuorumResult
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.protocols.wireguard.targets import Target
from wgmon_tui.vantages.agent.daemon import AgentDaemon


@dataclass(frozen=True, slots=True)
class Term:
    """A term, its meaning, and the class that it names; `attribute` where it is a part of that class."""

    term: str
    meaning: str
    home: type
    attribute: str = ""


TERMS = (
    Term("server", "One monitored endpoint: a `[[server]]` of servers.toml.", Server),
    Term(
        "subscription",
        "A list of servers at an address, which a provider keeps: a `[[subscription]]` of config.toml. Its "
        "servers have its tag.",
        Subscription,
    ),
    Term(
        "identity",
        "The key pair, with its tunnel addresses, that a check uses. One for each vantage, created for "
        "monitoring. A real client never uses it.",
        Identity,
    ),
    Term(
        "check",
        "One run of all stages against one address of one server, from one vantage: resolve, reach, "
        "handshake, authenticate, tunnel, fetch.",
        Check,
    ),
    Term(
        "stage",
        "A step of a check, with its time and whether it passed, failed, is not known or did not run.",
        Stage,
    ),
    Term("round", "One scheduled check of a server: a check of each of its addresses.", Round),
    Term(
        "trace",
        "The hops between this machine and a server, found with initiations whose hop limit grows. It runs "
        "only on request.",
        PathTrace,
    ),
    Term("exchange", "The packets of a check, as sent and received, with their times.", Check, "exchange"),
    Term(
        "evidence",
        "What a check observed: a packet, an ICMP error, a socket error, silence. Facts, no opinion.",
        Check,
        "evidence",
    ),
    Term("verdict", "What the evidence means: one slug of the list below, with a severity.", Verdict),
    Term(
        "diagnosis",
        "A verdict with its evidence in words, the possible causes in order of likelihood, and what to do "
        "next. Silence alone gets no cause that is not called a guess.",
        Diagnosis,
    ),
    Term(
        "damping",
        "The rule that turns verdicts into a state: some checks must agree before the state changes.",
        Damping,
    ),
    Term(
        "incident",
        "A period in which a server was not up. The damping rule opens and closes it.",
        Incident,
    ),
    Term(
        "vantage",
        "A machine that runs checks: this one, or another one that is reached over SSH.",
        Vantage,
    ),
    Term(
        "quorum",
        "How many vantages must agree before a server counts as down. The result is one state.",
        QuorumResult,
    ),
    Term(
        "writer",
        "The one process that holds the lock on a state directory. It checks, stores and alerts.",
        Writer,
    ),
    Term(
        "viewer",
        "Any other wgmon-tui on that state directory. It reads the store and sends requests to the writer.",
        Viewer,
    ),
    Term(
        "agent",
        "The process that checks on another vantage and reports to the writer.",
        AgentDaemon,
    ),
)
"""In the order in which a newcomer needs them."""

RECORDS = (
    Fleet,
    Target,
    Packet,
    Handshake,
    Tunnel,
    Cause,
    ServerState,
    Sink,
    Rule,
    Maintenance,
    Announcement,
    Delivery,
)
"""Records that the terms above lead to. Their meaning is the first sentence of their docstring."""


def glossary() -> str:
    """The project's terms, severities, verdicts and most important records."""
    return "\n".join(_glossary())


def _glossary() -> Iterator[str]:
    yield "# Glossary\n"
    yield "The terms of wgmon-tui. Screens, documentation, JSON and code use the same ones."
    yield "\n## Terms\n"
    yield "| term | meaning | in the code |"
    yield "|---|---|---|"
    for each in TERMS:
        yield f"| **{each.term}** | {each.meaning} | {_place(each.home, each.attribute)} |"
    yield from _protocol_terms()
    yield "\n## Severities\n"
    yield "Each verdict has one. Screens show the word, the glyph and a colour together. `--ascii` shows the"
    yield "character of the last column in place of the glyph.\n"
    yield "| severity | glyph | ASCII |"
    yield "|---|:---:|:---:|"
    for severity in sorted(Severity, key=lambda severity: severity.rank):
        yield f"| {severity.word} | {severity.glyph} | `{severity.ascii_glyph}` |"
    yield "\n## Verdicts\n"
    yield "[verdicts.md](verdicts.md) adds how each is decided, and what to do first.\n"
    yield "| severity | verdicts |"
    yield "|---|---|"
    for severity in sorted({each.severity for each in Verdict}, key=lambda severity: severity.rank):
        slugs = " · ".join(f"`{each.slug}`" for each in Verdict if each.severity is severity)
        yield f"| {severity.word} | {slugs} |"
    yield "\n## Records\n"
    yield "Data classes that the packages pass to each other.\n"
    yield "| record | meaning | in the code |"
    yield "|---|---|---|"
    for record in RECORDS:
        yield f"| {record.__name__} | {_first_sentence(record)} | {_place(record)} |"
    yield ""


def _protocol_terms() -> Iterator[str]:
    """The terms of each protocol that has some."""
    for protocol in map(find_protocol, protocol_names()):
        if protocol.glossary:
            yield f"\n## {protocol.title}\n"
            yield "| term | meaning | source |"
            yield "|---|---|---|"
            for each in protocol.glossary:
                yield f"| **{each.term}** | {each.meaning} | {each.source} |"


def _place(home: type, attribute: str = "") -> str:
    """The module and the name, such as `checks/check.py: Check.exchange`."""
    if attribute and attribute not in inspect.get_annotations(home):
        raise LookupError(f"{home.__name__} has no {attribute}")
    module = home.__module__.removeprefix("wgmon_tui.").replace(".", "/")
    return f"`{module}.py`: `{'.'.join(filter(None, (home.__name__, attribute)))}`"


def _first_sentence(record: type) -> str:
    text = " ".join((inspect.getdoc(record) or "").partition("\n\n")[0].split())
    return f"{text.partition('. ')[0].rstrip('.')}."
