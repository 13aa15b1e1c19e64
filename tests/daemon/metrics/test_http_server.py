"""Tests of the HTTP server of the metrics, with hostile clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.daemon.raw_http_client import Client, get
from wgmon_tui.daemon.metrics import http_server
from wgmon_tui.daemon.metrics.http_server import (
    MAX_CLIENTS,
    MAX_HEAD_BYTES,
    HttpRequest,
    HttpResponse,
    HttpServer,
    text_response,
)
from wgmon_tui.daemon.metrics.listen import ListenAddress, listen, parse_listen_address


async def echo(request: HttpRequest) -> HttpResponse:
    return text_response(HTTPStatus.OK, f"{request.path} {dict(request.parameters)}")


@asynccontextmanager
async def serving(
    handle: Callable[[HttpRequest], Awaitable[HttpResponse]] = echo, faults: list[str] | None = None
) -> AsyncIterator[ListenAddress]:
    listening = listen(parse_listen_address("127.0.0.1:0"))
    told = [] if faults is None else faults
    running = asyncio.create_task(HttpServer(listening.socket, handle, told.append).run())
    try:
        yield listening.listen_address
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_path_and_its_parameters_are_read_as_they_are_meant() -> None:
    async with serving() as listen_address:
        answer = await get(listen_address, "/a%20b?target=fra%C3%A41&module=x&target=second&empty=")
    assert answer.status == 200
    assert answer.text == "/a b {'target': 'fraä1', 'module': 'x', 'empty': ''}\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_one_connection_is_used_again_and_again() -> None:
    async with serving() as listen_address:
        client = await Client.to(listen_address)
        assert [(await client.get(path)).text for path in ("/1", "/2", "/3")] == [
            "/1 {}\n",
            "/2 {}\n",
            "/3 {}\n",
        ]
        client.send(b"GET /4 HTTP/1.1\r\nHost: a\r\n\r\nGET /5 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [(await client.answer()).text for _ in range(2)] == ["/4 {}\n", "/5 {}\n"], "pipelined"
        client.writer.close()


async def test_head_is_get_without_the_body() -> None:
    async with serving() as listen_address:
        client = await Client.to(listen_address)
        answer = await client.get("/abc", method="HEAD")
        assert (answer.status, answer.headers["content-length"]) == (200, "8")
        assert (await client.get("/next")).text == "/next {}\n"
        client.writer.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
async def test_other_methods_are_refused(method: str) -> None:
    async with serving() as listen_address:
        answer = await get(listen_address, "/", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "get, head")


async def test_a_body_is_not_read_and_ends_the_connection() -> None:
    async with serving() as listen_address:
        client = await Client.to(listen_address)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nxxx")
        assert (await client.answer()).status == 200
        assert await client.read_until_closed() == b""


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 421),
        (b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /?%s HTTP/1.1\r\nHost: a\r\n\r\n" % b"&".join([b"a=1"] * 100), 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * (MAX_HEAD_BYTES + 10_000), 431),
    ],
)
async def test_nonsense_gets_its_status(raw: bytes, status: int) -> None:
    async with serving() as listen_address:
        client = await Client.to(listen_address)
        client.send(raw)
        assert (await client.answer()).status == status
        client.writer.close()
        assert (await get(listen_address, "/")).status == 200


async def test_what_follows_a_request_with_two_lengths_is_not_read_as_a_request() -> None:
    async with serving() as listen_address:
        client = await Client.to(listen_address)
        client.send(
            b"GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        assert (await client.answer()).status == 400
        assert await client.read_until_closed() == b""


async def test_who_asks_too_slowly_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_REQUEST_TIMEOUT_S", 0.2)
    async with serving() as listen_address:
        client = await Client.to(listen_address)

        async def drip() -> None:
            for byte in b"GET / HTTP/1.1\r\nHost: " + b"a" * 1000:
                client.send(bytes([byte]))
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert await client.read_until_closed() == b""
        dripping.cancel()


async def test_who_does_not_take_the_answer_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_SEND_TIMEOUT_S", 0.2)

    async def much(_: HttpRequest) -> HttpResponse:
        return HttpResponse(HTTPStatus.OK, (bytes(30_000_000),))

    async with serving(much) as listen_address:
        client = await Client.to(listen_address)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.4)
        assert len(await client.read_until_closed()) < 30_000_000


async def test_where_too_many_say_nothing_who_asks_is_answered_all_the_same() -> None:
    async with serving() as listen_address:
        silent = [await Client.to(listen_address) for _ in range(MAX_CLIENTS)]
        assert (await get(listen_address, "/")).status == 200
        assert await silent[0].read_until_closed() == b"", (
            "the one that has said nothing for longest makes room"
        )
        assert (await silent[-1].get("/")).status == 200
        for client in silent:
            client.writer.close()


async def test_who_was_answered_last_makes_room_after_those_who_never_asked() -> None:
    async with serving() as listen_address:
        first = await Client.to(listen_address)
        silent = [await Client.to(listen_address) for _ in range(MAX_CLIENTS - 1)]
        assert (await first.get("/")).status == 200
        assert (await get(listen_address, "/")).status == 200
        assert await silent[0].read_until_closed() == b""
        assert (await first.get("/again")).text == "/again {}\n"
        for client in (first, *silent):
            client.writer.close()


async def test_who_waits_for_an_answer_makes_room_for_nobody() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: HttpRequest) -> HttpResponse:
        if request.path == "/slow":
            asked.set()
            await go_on.wait()
        return await echo(request)

    async with serving(slow) as listen_address:
        answer = asyncio.create_task(get(listen_address, "/slow"))
        await asked.wait()
        silent = [await Client.to(listen_address) for _ in range(MAX_CLIENTS - 1)]
        assert (await get(listen_address, "/")).status == 200
        go_on.set()
        assert (await answer).text == "/slow {}\n"
        assert await silent[0].read_until_closed() == b""
        for client in silent:
            client.writer.close()


async def test_where_all_are_being_answered_one_more_is_hung_up_on() -> None:
    asked, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(request: HttpRequest) -> HttpResponse:
        asked.release()
        await go_on.wait()
        return await echo(request)

    async with serving(slow) as listen_address:
        answers = [asyncio.create_task(get(listen_address, "/")) for _ in range(MAX_CLIENTS)]
        for _ in answers:
            await asked.acquire()
        assert await (await Client.to(listen_address)).read_until_closed() == b""
        go_on.set()
        assert {(await answer).status for answer in answers} == {200}


async def test_a_fault_of_ours_is_said_and_the_next_one_is_answered() -> None:
    async def faulty(_: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    faults: list[str] = []
    async with serving(faulty, faults) as listen_address:
        assert [(await get(listen_address, "/")).status for _ in range(2)] == [500, 500]
    assert faults == ["metrics: internal error: ZeroDivisionError()"] * 2


_BITS = st.sampled_from(
    (
        *(b"GET / HTTP/1.1\r\n", b"HEAD /x HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"\r\n"),
        *(b"Host: a\r\n", b"Expect: 100-continue\r\n", b"Upgrade: x\r\nConnection: upgrade\r\n"),
        *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
        *(b"3\r\nabc\r\n", b"0\r\n\r\n", b"\x00", b":"),
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_BITS | st.binary(max_size=20), max_size=12).map(b"".join), min_size=1, max_size=8))
async def test_whatever_is_sent_ends_nothing(said: list[bytes]) -> None:
    async with serving() as listen_address:
        for raw in said:
            client = await Client.to(listen_address)
            client.send(raw)
            client.writer.write_eof()
            await client.read_until_closed()
        assert (await get(listen_address, "/")).status == 200
