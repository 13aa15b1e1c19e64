"""Downloads of lists: limits, redirects, and a token that goes nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from tests.subscriptions.list_server import ListServer, list_server
from wgmon_tui.subscriptions.download import DownloadError, _follow, download


@pytest.fixture
def provider() -> Iterator[ListServer]:
    with list_server() as server:
        yield server


def refusal(url: str, **limits: float | int) -> str:
    with pytest.raises(DownloadError) as raised:
        download(url, **limits)  # type: ignore[arg-type]
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None
    return str(raised.value)


def test_a_list_is_fetched_with_its_token(provider: ListServer) -> None:
    provider.body = b"ss://x"
    assert download(provider.url) == b"ss://x"
    assert provider.asked == [("/list?token=SECRETTOKEN", None)]


def test_a_login_in_the_address_becomes_a_header(provider: ListServer) -> None:
    download(provider.url.replace("127.0.0.1", "user:SECRET@127.0.0.1"))
    assert provider.asked[0][1] == "Basic dXNlcjpTRUNSRVQ="


@pytest.mark.parametrize("status", [403, 404, 500, 204])
def test_another_status_than_200_is_no_list(provider: ListServer, status: int) -> None:
    provider.status = status
    assert refusal(provider.url) == f"HTTP {status}; check the token in the address"


def test_a_list_that_is_too_large_is_refused(provider: ListServer) -> None:
    provider.body = b"x" * 5000
    assert refusal(provider.url, most_bytes=4999) == "the list is larger than 4.9 KiB"


def test_a_list_that_comes_incomplete_is_none(provider: ListServer) -> None:
    provider.body, provider.is_cut = b"ss://x", True
    assert "closed before" in refusal(provider.url)


def test_a_provider_that_stalls_is_given_up(provider: ListServer) -> None:
    ended = Event()

    def stall() -> None:
        ended.wait(30)

    provider.before_body = stall
    provider.body = b"x"
    try:
        assert refusal(provider.url, limit_s=0.3) == "no answer within 300 ms"
    finally:
        ended.set()


def test_a_redirect_on_the_same_host_is_followed(provider: ListServer) -> None:
    provider.status, provider.location = 302, "/new"

    def end() -> None:
        provider.status, provider.location = 200, ""

    provider.before_body = end
    assert download(provider.url) == b""
    assert [path for path, _ in provider.asked] == ["/list?token=SECRETTOKEN", "/new"]


def test_a_redirect_to_another_host_is_not_followed(provider: ListServer) -> None:
    with list_server() as other:
        provider.status, provider.location = 302, other.url
        assert "another host" in refusal(provider.url)
        assert other.asked == []


@pytest.mark.parametrize(
    "location", ["", "https://127.0.0.1/x", "file:///etc/passwd", "http://[", "//127.0.0.2/x"]
)
def test_a_redirect_elsewhere_is_refused(provider: ListServer, location: str) -> None:
    provider.status, provider.location = 307, location
    assert "another host" in refusal(provider.url)
    assert len(provider.asked) == 1


def test_redirects_have_an_end(provider: ListServer) -> None:
    provider.status, provider.location = 302, "/again"
    assert "more than 5 times" in refusal(provider.url)


@pytest.mark.parametrize(
    "url", ["SECRET", "file:///etc/SECRET", "ftp://SECRET/x", "http://", "http://127.0.0.1:1/SECRET"]
)
def test_an_address_that_cannot_be_fetched_is_not_repeated(url: str) -> None:
    assert refusal(url)


def test_a_usual_port_may_be_written_or_not() -> None:
    assert _follow("https://p.example/a?t=1", "https://p.example:443/b") == "https://p.example:443/b"
    assert _follow("http://u:p@p.example:80/a", "http://p.example/b") == "http://u:p@p.example:80/b"
