"""The diagnosis of a server behind a program: the program first, then what came through it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from wgmon_tui.checks.check import Check
from wgmon_tui.checks.evidence import Evidence
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.starvation import doubt_if_starved
from wgmon_tui.checks.verdict import Cause, Diagnosis, Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.protocols.proxies import findings
from wgmon_tui.protocols.proxies.diagnose import diagnose as diagnose_proxy
from wgmon_tui.protocols.proxies.findings import OK, first_of, of_kind
from wgmon_tui.protocols.proxies.proxy_command.check import PROGRAM
from wgmon_tui.protocols.proxies.proxy_command.settings import CommandSettings
from wgmon_tui.protocols.proxies.words import describe, describe_connection


def diagnose(
    check: Check, server: Server, recent: Sequence[float | None], standing: Sequence[Evidence]
) -> Diagnosis:
    """Diagnose a check that this machine could make."""
    evidence = (*check.evidence, *standing)
    if problem := first_of(PROGRAM, check.evidence):
        reason = problem.values[0]
        command = Cause(
            "the command of this server", reason, f"here: command -v {shlex.quote(_program(server))}"
        )
        summary = f"The program of this server does not run: {reason}."
        return Diagnosis(Verdict.MISCONFIGURED, summary, tuple(map(describe, evidence)), (command,))
    fetches = all_of_kind(InnerFetch, check.evidence)
    is_some_page = any(each.fault is None or each.status is not None for each in fetches)
    direct = of_kind(findings.DIRECT, check.evidence)
    if is_some_page or not any(each.values[1] == OK for each in direct):
        return diagnose_proxy(check, server, recent, standing)
    return _judge_silence(check, server, evidence)


def _judge_silence(check: Check, server: Server, evidence: Sequence[Evidence]) -> Diagnosis:
    """The program runs, pages answer directly, and nothing comes through the program."""
    connection = first_of(findings.CONNECTION, check.evidence)
    reason = describe_connection(connection) if connection else "nothing came"
    failed = check.failed_stage.name if check.failed_stage else ""
    summary = f"The page answers directly, but nothing comes through {_program(server)}: {reason}."
    texts = tuple(map(describe, evidence))
    diagnosis = Diagnosis(Verdict.PROXY_DOWN, summary, texts, _causes(server), failed)
    # The program does not say whether its own time ran out.
    return doubt_if_starved(diagnosis, check, server, is_by_time=True)


def _causes(server: Server) -> tuple[Cause, ...]:
    """A program says less than a handshake: all that it leaves open is listed."""
    endpoint = server.endpoint
    return (
        Cause(
            "the server is down, or the path drops its packets",
            "the program got no answer that it accepts",
            f"on the server: ss -lntup | grep {endpoint.port}",
        ),
        Cause(
            "a value of the link is wrong, such as password, name or obfuscation",
            "the program does not say which one",
            f"run {_program(server)} by hand with a log level of debug",
        ),
    )


def _program(server: Server) -> str:
    settings = server.protocol_settings
    return settings.command[0] if isinstance(settings, CommandSettings) else "the program"
