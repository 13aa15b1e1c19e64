"""Stored names of the members of enums, under the rule of stored_names.py: the right side never changes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from wgmon_tui.checks.check import Direction
from wgmon_tui.checks.rejection import Reason
from wgmon_tui.checks.stage import StageOutcome
from wgmon_tui.checks.verdict import Severity, Verdict

ENUM_NAMES: Mapping[type[Enum], Mapping[Any, str]] = {
    Severity: {
        Severity.UP: "UP",
        Severity.DEGRADED: "DEGRADED",
        Severity.DOWN: "DOWN",
        Severity.UNKNOWN: "UNKNOWN",
        Severity.PAUSED: "PAUSED",
    },
    Verdict: {
        Verdict.HEALTHY: "HEALTHY",
        Verdict.UNDER_LOAD: "UNDER_LOAD",
        Verdict.SLOW: "SLOW",
        Verdict.LOSSY: "LOSSY",
        Verdict.UNPROVEN: "UNPROVEN",
        Verdict.INNER_DEAD: "INNER_DEAD",
        Verdict.MTU_BLACKHOLE: "MTU_BLACKHOLE",
        Verdict.STUCK_FLOW: "STUCK_FLOW",
        Verdict.DATA_DEAD: "DATA_DEAD",
        Verdict.WRONG_SERVER_KEY: "WRONG_SERVER_KEY",
        Verdict.PEER_MISSING: "PEER_MISSING",
        Verdict.PSK_MISMATCH: "PSK_MISMATCH",
        Verdict.PORT_CLOSED: "PORT_CLOSED",
        Verdict.UNREACHABLE: "UNREACHABLE",
        Verdict.SILENT: "SILENT",
        Verdict.REGIONAL: "REGIONAL",
        Verdict.NOT_WIREGUARD: "NOT_WIREGUARD",
        Verdict.DNS_FAILURE: "DNS_FAILURE",
        Verdict.LOCAL_FAULT: "LOCAL_FAULT",
        Verdict.MISCONFIGURED: "MISCONFIGURED",
        Verdict.DIES_AFTER: "DIES_AFTER",
        Verdict.ADDRESS_DEAD: "ADDRESS_DEAD",
        Verdict.TCP_STALLS: "TCP_STALLS",
        Verdict.AUTH_FAILED: "AUTH_FAILED",
        Verdict.BAD_CERTIFICATE: "BAD_CERTIFICATE",
        Verdict.CIPHER_MISMATCH: "CIPHER_MISMATCH",
        Verdict.SESSION_REFUSED: "SESSION_REFUSED",
        Verdict.PROXY_DOWN: "PROXY_DOWN",
        Verdict.TARGET_DOWN: "TARGET_DOWN",
        Verdict.WRONG_PROTOCOL: "WRONG_PROTOCOL",
        Verdict.WRONG_PARAMETERS: "WRONG_PARAMETERS",
        Verdict.API_FAILED: "API_FAILED",
        Verdict.BACKEND_DOWN: "BACKEND_DOWN",
        Verdict.SAYS_CONNECTED: "SAYS_CONNECTED",
        Verdict.FORGOTTEN: "FORGOTTEN",
    },
    Reason: {
        Reason.NOT_WIREGUARD: "NOT_WIREGUARD",
        Reason.UNEXPECTED_TYPE: "UNEXPECTED_TYPE",
        Reason.OTHER_INDEX: "OTHER_INDEX",
        Reason.OTHER_SESSION: "OTHER_SESSION",
        Reason.BAD_MAC1: "BAD_MAC1",
        Reason.BAD_STATIC: "BAD_STATIC",
        Reason.BAD_TIMESTAMP: "BAD_TIMESTAMP",
        Reason.BAD_EMPTY: "BAD_EMPTY",
        Reason.BAD_COOKIE: "BAD_COOKIE",
        Reason.LOW_ORDER: "LOW_ORDER",
    },
    Direction: {Direction.SENT: "SENT", Direction.RECEIVED: "RECEIVED"},
    StageOutcome: {
        StageOutcome.PASSED: "PASSED",
        StageOutcome.FAILED: "FAILED",
        StageOutcome.NOT_KNOWN: "NOT_KNOWN",
        StageOutcome.NOT_RUN: "NOT_RUN",
    },
}
