"""The rows of the failure matrix for what a program speaks: Hysteria 2, TUIC and AnyTLS.

Servers of sing-box and mihomo, each checked through both programs with the right link and a wrong password.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.busy_machine import REPETITIONS
from tests.protocols.proxies.proxy_command.check_harness import check, page
from tests.real.proxies.rows import RIGHT
from tests.real.proxies.test_proxy_command import (
    ANYTLS,
    COMMANDS,
    HYSTERIA2,
    OBFUSCATED,
    TUIC,
    server,
    target,
)
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.starvation import find_starvation
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.protocols.proxies.links.records import CommandLink
from wgmon_tui.protocols.proxies.proxy_command.targets import CommandTarget

_LINKS: dict[str, CommandLink] = {
    "hysteria2": HYSTERIA2,
    "hysteria2 obfuscated": OBFUSCATED,
    "tuic": TUIC,
    "anytls": ANYTLS,
}


@dataclass(frozen=True)
class ProgramRow:
    """What was said of a server through a program."""

    fault: str
    server: str
    diagnosis: Diagnosis
    expected: Verdict

    def __str__(self) -> str:
        return f"{self.fault} on {self.server}"

    @property
    def wrong(self) -> list[str]:
        """What is wrong with the diagnosis, one line each."""
        found = self.diagnosis
        lines = [] if found.verdict is self.expected else [f"{found.verdict.slug}: {found.summary}"]
        named = " ".join(each.cause for each in found.causes)
        if self.expected is Verdict.PROXY_DOWN and "a value of the link is wrong" not in named:
            lines.append(f"the true cause is not among: {named}")
        return lines


async def program_rows(words: str) -> AsyncIterator[ProgramRow]:
    """Play the rows of the servers whose name has these words. mihomo alone speaks its own obfuscation."""
    for name, link in _LINKS.items():
        if words not in name:
            continue
        with TemporaryDirectory() as directory:
            async with server(link, Path(directory)) as right, page() as url:
                for program in COMMANDS if link is not OBFUSCATED else ("mihomo",):
                    label = f"{name} through {program}"
                    yield await _row(RIGHT, label, target(program, right, url), Verdict.HEALTHY)
                    wrong = target(program, replace(right, password="other"), url)
                    yield await _row("wrong password", label, wrong, Verdict.PROXY_DOWN)


async def _row(fault: str, label: str, asked: CommandTarget, expected: Verdict) -> ProgramRow:
    """Check a server, and again while this machine spoils the check."""
    for _ in range(REPETITIONS):
        made = await check(asked)
        row = ProgramRow(fault, label, find_protocol("proxy-command").diagnose(made, asked.server), expected)
        if not (row.wrong and find_starvation(made.evidence)):
            break
    return row
