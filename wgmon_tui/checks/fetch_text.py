"""Fetches through a tunnel as text."""

from __future__ import annotations

from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.text import format_bytes, format_rtt


def url_of(fetch: InnerFetch) -> str:
    """The URL of a fetch, without what is expected there."""
    return fetch.target.partition(" ")[0]


def describe_fetch(fetch: InnerFetch) -> str:
    """Describe a fetch in one sentence: its fault, or its phases."""
    return f"{url_of(fetch)} {describe_fault(fetch) if fetch.fault else _describe_success(fetch)}"


def describe_fault(fetch: InnerFetch) -> str:
    """Describe what is wrong with a fetch, as a phrase after its URL."""
    match fetch.fault:
        case "unresolved":
            return f"has a name that does not resolve inside: {fetch.reason}"
        case "silent":
            return f"does not answer ({fetch.address})"
        case "refused":
            return f"refuses connections ({fetch.address})"
        case "reset":
            return f"resets the connection{_after_data(fetch)}"
        case "closed":
            return f"closes the connection before the response is whole{_after_data(fetch)}"
        case "tls":
            return f"has a TLS problem: {fetch.reason}"
        case "not-http":
            return f"accepts the connection, but {fetch.reason}"
        case "no-response":
            return "accepts the connection, then sends nothing"
        case "stalled":
            return f"stalls{_after_data(fetch) or ' before the response'}{_describe_experiments(fetch)}"
        case "slow":
            return f"is slow: {format_bytes(fetch.size)} in {format_rtt(fetch.ended or 0.0)}"
        case "status":
            return f"answers {fetch.status}, expected {_expected_status(fetch)}"
        case _:
            return f"answers {fetch.status}, but without the expected text"


def _describe_success(fetch: InnerFetch) -> str:
    phases = [
        ("connected", fetch.connected),
        ("TLS", fetch.encrypted),
        ("first byte", fetch.responded),
        (format_bytes(fetch.size), fetch.ended),
    ]
    times = ", ".join(f"{phase} after {format_rtt(at)}" for phase, at in phases if at is not None)
    return f"answered {fetch.status}: {times}{format_rate(fetch)}"


def format_rate(fetch: InnerFetch) -> str:
    """The rate of a body after a comma; "" for one that is too small to tell."""
    return "" if fetch.rate is None else f", {format_bytes(fetch.rate)}/s"


def _after_data(fetch: InnerFetch) -> str:
    return f" after {format_bytes(fetch.size)}" if fetch.size else ""


def _describe_experiments(fetch: InnerFetch) -> str:
    echoes = {True: ", while echoes pass", False: ", and echoes are lost", None: ""}[fetch.echoes_pass]
    return f"{echoes}; small segments pass" if fetch.small_pass else echoes


def _expected_status(fetch: InnerFetch) -> str:
    _, found, status = fetch.target.partition(" status=")
    return status[:3] if found else "200 to 399"
