"""HTTP client, against loopback servers that answer correctly, wrongly, or not at all."""

from __future__ import annotations

import re
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Timer
from threading import enumerate as threads

import pytest

from tests.alerts.certificates import Certificates
from tests.alerts.http_receiver import CLOSE, HANG, OK, Receiver, answer
from wgmon_tui.alerts.http_client import SinkResponse, post, refusal, service_reason
from wgmon_tui.alerts.models import GiveUpError, RetryError

SECRET = "/services/T0000/s3cr3t-t0k3n"


def post_to(url: str, limit_s: float = 5.0, ca_file: Path | None = None, body: bytes = b"{}") -> SinkResponse:
    return post(url, body, {}, limit_s=limit_s, ca_file=str(ca_file) if ca_file else None)


def reason_of(url: str, limit_s: float = 5.0, ca_file: Path | None = None) -> str:
    """Return the failure's reason: one line without any part of the URL's path."""
    with pytest.raises(RetryError) as raised:
        post_to(url, limit_s, ca_file)
    assert "s3cr3t" not in repr(raised.value)
    assert raised.value.__suppress_context__, "a traceback would show the URL"
    assert "\n" not in raised.value.reason
    return raised.value.reason


def test_an_answer_is_its_status_and_the_begin_of_its_body() -> None:
    with Receiver(answer(200, "x" * 100_000)) as receiver:
        given = post_to(receiver.url + "/path?query=1", body=b'{"a":1}')
    assert given.is_accepted
    assert given.body == b"x" * 8192
    [heard] = receiver.heard
    assert (heard.method, heard.path, heard.body) == ("POST", "/path?query=1", b'{"a":1}')
    assert re.fullmatch(r"wgmon-tui/[0-9.]+", heard.headers["user-agent"])


def test_an_answer_never_shows_its_body_in_a_repr() -> None:
    assert "t0k3n" not in repr(SinkResponse(500, None, b"t0k3n"))


def test_user_and_password_of_a_url_go_into_a_header_and_not_into_the_path() -> None:
    with Receiver() as receiver:
        post_to(receiver.url.replace("//", "//ada:p%40ss@"))
    assert receiver.heard[0].headers["authorization"] == "Basic YWRhOnBAc3M="
    assert receiver.heard[0].headers["host"] == f"127.0.0.1:{receiver.port}"


def test_a_server_that_hangs_is_left_at_the_time_limit() -> None:
    with Receiver(HANG) as receiver:
        begun = time.monotonic()
        assert reason_of(receiver.url + SECRET, 0.3) == "no answer within 300 ms"
        assert time.monotonic() - begun < 9
        assert receiver.gone.wait(30), "the connection stays open"


def test_a_server_that_sends_a_byte_at_a_time_is_left_at_the_time_limit_too() -> None:
    with Receiver(OK[:9] + b"x" * 1000, drip=True) as receiver:
        begun = time.monotonic()
        assert reason_of(receiver.url + SECRET, 0.3) == "no answer within 300 ms"
        assert time.monotonic() - begun < 9
        assert receiver.gone.wait(30)


def test_what_trickles_behind_a_status_does_not_hold_us_up() -> None:
    with Receiver(answer(200, "x" * 1000), drip=True) as receiver:
        begun = time.monotonic()
        assert post_to(receiver.url, limit_s=1.0).is_accepted
        assert time.monotonic() - begun < 9
        assert receiver.gone.wait(30)


def test_a_time_limit_ends_with_its_request() -> None:
    with Receiver() as receiver:
        post_to(receiver.url, limit_s=3600)
    for each in threads():
        if isinstance(each, Timer):
            each.join(30)
            assert not each.is_alive()


def test_a_connection_that_closes_without_an_answer_is_said_to() -> None:
    with Receiver(CLOSE) as receiver:
        assert reason_of(receiver.url + SECRET) == "the connection was closed before an answer came"


def test_a_status_is_an_answer_though_the_connection_closes_in_the_middle_of_the_body() -> None:
    with Receiver(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of") as receiver:
        assert post_to(receiver.url).is_accepted
    with Receiver(b"HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nhalf of") as receiver:
        assert not post_to(receiver.url).is_accepted


def test_a_connection_that_closes_in_the_middle_of_the_headers_is_no_answer() -> None:
    with Receiver(b"HTTP/1.1 2") as receiver:
        assert reason_of(receiver.url + SECRET) == "the connection was closed before an answer came"


def test_something_that_speaks_no_http_is_no_answer() -> None:
    with Receiver(b"SSH-2.0-OpenSSH_9.2\r\n") as receiver:
        assert reason_of(receiver.url + SECRET) == "the connection was closed before an answer came"


def test_a_port_at_which_nobody_listens_is_said_to() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        assert reason_of(f"http://127.0.0.1:{port}{SECRET}") == "the connection was refused"


def test_a_name_that_does_not_resolve_is_said_to() -> None:
    assert reason_of(f"http://no-such-host.invalid{SECRET}") == "the host name does not resolve"


@pytest.mark.parametrize(
    "url", ["", "hooks.slack.com/s3cr3t", "ftp://127.0.0.1/s3cr3t", "file:///etc/passwd", "http://[s3cr3t",
            "http://127.0.0.1:s3cr3t/", "http://a b/s3cr3t", "http://127.0.0.1:1/s3cr3t\r\nX: y"],
)  # fmt: skip
def test_what_is_no_url_is_not_asked_and_not_repeated(url: str) -> None:
    assert reason_of(url) == "url is not a valid URL; expected https://…"


def test_a_redirect_is_not_followed() -> None:
    with Receiver() as elsewhere:
        moved = answer(307, Location=elsewhere.url + SECRET)
        with Receiver(moved) as receiver:
            given = post_to(receiver.url)
        assert elsewhere.heard == []
    refused = refusal(given)
    assert isinstance(refused, RetryError)
    assert refused.reason == (
        "HTTP 307 Temporary Redirect; redirects are not followed; set url to the final URL"
    )


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_message_that_will_never_be_taken_is_given_up(status: int) -> None:
    refused = refusal(SinkResponse(status))
    assert isinstance(refused, GiveUpError)
    assert refused.reason.startswith(f"HTTP {status} ")


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 410, 425, 429, 500, 502, 503, 504, 799])
def test_what_somebody_may_mend_is_tried_again(status: int) -> None:
    assert isinstance(refusal(SinkResponse(status)), RetryError)


def test_the_servers_own_words_are_not_in_the_reason() -> None:
    with Receiver(answer(503, "do not show s3cr3t")) as receiver:
        refused = refusal(post_to(receiver.url))
    assert refused.reason == "HTTP 503 Service Unavailable"


@pytest.mark.parametrize(
    ("said", "wait"),
    [("7", 7), ("0.25", 0.25), ("Mon, 01 Jan 2001 00:00:00 GMT", 0), ("999999", 3600)],
)
def test_the_wait_that_the_server_asks_for_is_passed_on(said: str, wait: float) -> None:
    with Receiver(answer(429, Retry_After=said)) as receiver:
        refused = refusal(post_to(receiver.url))
    assert isinstance(refused, RetryError)
    assert refused.after == wait


def test_a_wait_until_a_date_is_one_from_now() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    with Receiver(answer(429, Retry_After=in_a_minute)) as receiver:
        refused = refusal(post_to(receiver.url))
    assert isinstance(refused, RetryError)
    assert refused.after is not None
    assert 30 < refused.after <= 60


@pytest.mark.parametrize("said", ["soon", "-5", "nan", "1e9", "²", ""])
def test_a_wait_that_is_nonsense_is_none(said: str) -> None:
    with Receiver(answer(503, Retry_After=said)) as receiver:
        refused = refusal(post_to(receiver.url))
    assert isinstance(refused, RetryError)
    assert refused.after is None


def test_a_certificate_of_our_own_authority_is_trusted_where_ca_file_names_it(
    certificates: Certificates,
) -> None:
    with Receiver(tls=certificates.server()) as receiver:
        assert post_to(receiver.url, ca_file=certificates.authority).is_accepted


def test_a_certificate_that_nobody_we_trust_has_signed_is_refused(certificates: Certificates) -> None:
    with Receiver(tls=certificates.server()) as receiver:
        reason = reason_of(receiver.url + SECRET)
        assert receiver.heard == []
    assert reason.startswith("the certificate is not trusted: ")
    assert reason.endswith("; for a private CA, set ca_file")


def test_a_port_that_speaks_no_tls_is_said_to() -> None:
    with Receiver() as receiver:
        reason = reason_of(receiver.url.replace("http:", "https:") + SECRET, 1.0)
    assert reason in (
        "the TLS handshake failed; check that the port uses TLS",
        "the connection was closed before an answer came",
    )


def test_a_ca_file_that_is_not_there_is_said_to(certificates: Certificates, tmp_path: Path) -> None:
    with Receiver(tls=certificates.server()) as receiver:
        reason = reason_of(receiver.url, ca_file=tmp_path / "none.pem")
    assert reason == "cannot read ca_file: No such file or directory"


def test_what_a_service_says_is_one_short_printable_line_without_secrets() -> None:
    assert service_reason("chat\nnot \x1b[31mfound") == "chat not \\x1b[31mfound"
    assert service_reason("no route for bot123456:ABCDEFG", "123456", "ABCDEFG") == ""
    assert service_reason(["no", "text"]) == ""
    assert len(service_reason("x" * 1000)) == 120


def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert post_to("http://hooks.example.invalid/path").is_accepted
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with Receiver() as receiver:
            assert post_to(receiver.url).is_accepted
    assert [heard.path for heard in proxy.heard] == ["http://hooks.example.invalid/path"]


def test_a_proxy_that_is_not_there_does_not_show_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://ada:s3cr3t@127.0.0.1:1")
    assert reason_of(f"https://hooks.example.invalid{SECRET}") == "the connection was refused"


@pytest.fixture(autouse=True)
def no_proxy_of_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
