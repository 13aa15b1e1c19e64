"""Faults of the API of a control plane, and the verdict on each."""

from __future__ import annotations

import re

import pytest

from tests.busy_machine import repeated_if_starved
from tests.control_planes.check_harness import WHOLE, check, diagnose, prober_of, target
from tests.control_planes.responder import Answer, responding
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.control_planes.json_fields import LARGEST_BODY


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer({"message": "no"}, 401), Verdict.AUTH_FAILED),
        (Answer({"message": "no"}, 403), Verdict.AUTH_FAILED),
        (Answer({}, 500), Verdict.API_FAILED),
        (Answer({}, 302, {"Location": "http://127.0.0.1:1/"}), Verdict.API_FAILED),
        (Answer(b"<html>"), Verdict.API_FAILED),
        (Answer(b'{"nodes": ['), Verdict.API_FAILED),
        (Answer(b"[" * 200_000), Verdict.API_FAILED),
        (Answer({"nodes": []}, cut=True), Verdict.API_FAILED),
        (Answer(b"x" * (LARGEST_BODY + 1)), Verdict.API_FAILED),
        (Answer({"nodes": "none"}), Verdict.UNPROVEN),
        (Answer({"nodes": [5]}), Verdict.UNPROVEN),
        (Answer({}, 429, {"Retry-After": "30"}), Verdict.UNPROVEN),
    ],
    ids=lambda each: "" if isinstance(each, Answer) else each.slug,
)
async def test_a_fault_of_the_api_is_the_verdict(answer: Answer, verdict: Verdict) -> None:
    assert (await diagnose(node=answer)).verdict is verdict


async def test_a_redirect_never_gets_the_token() -> None:
    async with responding({}) as other:
        away = {**WHOLE, "/api/v1/node": Answer({}, 302, {"Location": f"{other.url}/api/v1/node"})}
        async with responding(away) as responder:
            await check(target(responder))
    assert other.heard == []


async def test_a_broken_database_is_named_whatever_the_status_of_the_health_page() -> None:
    async with responding({**WHOLE, "/health": Answer({"status": "fail"}, 500)}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.BACKEND_DOWN
    assert diagnosis.causes[0].proven


@pytest.mark.parametrize("health", [None, Answer(b"<html>"), Answer({}, 302), Answer(b"", 500)])
async def test_a_health_page_that_is_no_health_page_says_nothing_of_the_database(
    health: Answer | None,
) -> None:
    answers = {path: health if path == "/health" else each for path, each in WHOLE.items()}
    async with responding({path: each for path, each in answers.items() if each}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.API_FAILED
    assert "health check" not in " ".join(diagnosis.evidence)


async def test_a_word_of_the_health_page_that_no_release_has_is_drift() -> None:
    async with responding({**WHOLE, "/health": Answer({"status": "warn"})}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert "status" in diagnosis.summary


async def test_a_database_that_the_api_reports_as_broken_is_the_verdict() -> None:
    async with responding({**WHOLE, "/api/v1/health": Answer({"databaseConnectivity": False})}) as responder:
        _, diagnosis = await check(target(responder))
    assert diagnosis.verdict is Verdict.BACKEND_DOWN
    assert "database" in diagnosis.summary
    assert diagnosis.failed_stage == "backend"


async def test_an_api_that_limits_requests_is_not_asked_before_its_time() -> None:
    limited = {**WHOLE, "/api/v1/node": Answer({}, 429, {"Retry-After": "30"})}
    prober = prober_of(find_protocol("headscale"))
    async with responding(limited) as responder:
        await check(target(responder), prober)
        asked = len(responder.heard)
        found, diagnosis = await check(target(responder), prober)
        assert len(responder.heard) == asked
    assert diagnosis.verdict is Verdict.UNPROVEN
    assert re.fullmatch(
        r"It asked for fewer requests: nothing is sent to it for \d+ s more\.", diagnosis.summary
    )
    assert found.sent == 0


async def test_an_answer_that_ends_early_is_named_as_such() -> None:
    summary = (await diagnose(node=Answer({"nodes": []}, cut=True))).summary
    assert "the connection ends in the midst of the answer" in summary


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer({}, 502), "headscale does not run, or the proxy in front of it does not reach it"),
        (Answer({}, 504), "headscale does not run, or the proxy in front of it does not reach it"),
        (Answer({}, 500), "a fault inside of headscale"),
        (Answer({"nodes": []}, cut=True), "headscale, or a proxy in front of it, ends connections"),
    ],
)
async def test_the_first_cause_tells_a_proxy_from_the_control_plane(answer: Answer, cause: str) -> None:
    assert (await diagnose(node=answer)).causes[0].cause == cause


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({}, 500), "an error of the control plane (HTTP 500), so they are not known"),
        (Answer({}, 403), "lacks a right (HTTP 403), so they are not known"),
        (Answer({"apiKeys": []}, cut=True), "in the midst of the answer, so they are not known"),
    ],
)
async def test_a_list_of_keys_that_cannot_be_read_is_named_and_loses_no_end(
    answer: Answer, words: str
) -> None:
    protocol = find_protocol("headscale")
    async with responding(WHOLE) as responder:
        whole, _ = await check(target(responder))
        responder.answers["/api/v1/apikey"] = answer
        found, diagnosis = await check(target(responder))
    assert protocol.has_seen_all_ends(whole)
    assert not protocol.has_seen_all_ends(found)
    assert diagnosis.verdict is Verdict.HEALTHY
    said = [each for each in diagnosis.evidence if each.startswith("the request for api keys")]
    assert [each.endswith(words) for each in said] == [True]


async def test_a_request_that_a_release_does_not_have_is_no_news() -> None:
    without = {path: answer for path, answer in WHOLE.items() if path != "/api/v1/apikey"}
    async with responding(without) as responder:
        found, diagnosis = await check(target(responder))
    assert not [each for each in diagnosis.evidence if "api keys" in each]
    assert find_protocol("headscale").has_seen_all_ends(found)


@repeated_if_starved(0.1)
async def test_an_api_that_hangs_is_silent_and_the_request_is_named() -> None:
    async with responding({**WHOLE, "/api/v1/node": Answer(hang=True)}) as responder:
        _, diagnosis = await check(target(responder, timeout=0.3))
    assert diagnosis.verdict is Verdict.SILENT
    assert "The request for nodes is not answered in time" in diagnosis.summary
    assert diagnosis.failed_stage == "api"


async def test_a_closed_port_is_port_closed() -> None:
    async with responding(WHOLE) as responder:
        checked = target(responder)
    _, diagnosis = await check(checked)
    assert diagnosis.verdict is Verdict.PORT_CLOSED
    assert diagnosis.failed_stage == "reach"


async def test_a_token_that_expires_at_run_time_turns_the_verdict() -> None:
    async with responding(WHOLE) as responder:
        assert (await check(target(responder)))[1].verdict is Verdict.HEALTHY
        responder.answers["/api/v1/node"] = Answer({"message": "expired"}, 401)
        assert (await check(target(responder)))[1].verdict is Verdict.AUTH_FAILED
