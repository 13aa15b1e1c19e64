"""Email sink, against a real SMTP server: aiosmtpd, with a TLS certificate of the test CA."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.alerts.certificates import Certificates
from tests.alerts.http_receiver import HANG, Receiver
from tests.alerts.sample_announcements import announcement, incident, recovered, snapshot
from tests.alerts.sinks.mail_server import PASSWORD, Postbox, post_office, to
from wgmon_tui.alerts.models import AnnouncementKind, GiveUpError, RetryError
from wgmon_tui.alerts.sinks.email import compose, send
from wgmon_tui.config.alerting import Email, Sink

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def refused(error: type[RetryError | GiveUpError], sink: Sink, password: str = PASSWORD) -> str:
    """Return the refusal's reason, after checking that it contains no part of the password."""
    with pytest.raises(error) as raised:
        send(sink, announcement(), {"password": password})
    assert "s3cr3t" not in repr(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


def test_a_letter_goes_out_under_starttls_with_user_and_password(certificates: Certificates) -> None:
    postbox = Postbox()
    with post_office(postbox, certificates.server()) as port:
        send(to(port, certificates, username="wgmon"), announcement(), {"password": PASSWORD})
    [letter] = postbox.letters
    assert postbox.under_tls == [True]
    assert postbox.logins == [(b"wgmon", PASSWORD.encode())]
    assert letter["From"] == "wgmon-tui <wgmon@example.net>"
    assert letter["To"] == "ada@example.net"
    assert letter["Subject"] == "✖ fra1 is down: silent"
    assert letter["Message-ID"] == "<announcement-1@example.net>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "on the server:\r\nwg show wg0 peers\r\n" in letter.get_content()


def test_a_letter_goes_out_under_tls_from_the_first_byte(certificates: Certificates) -> None:
    postbox = Postbox()
    with post_office(postbox, certificates.server(), at_once=True) as port:
        sink = to(port, certificates, security="tls", username="wgmon")
        send(sink, announcement(), {"password": PASSWORD})
    assert postbox.under_tls == [True]
    assert len(postbox.letters) == 1


def test_a_letter_to_ones_own_machine_may_go_without_tls() -> None:
    postbox = Postbox()
    with post_office(postbox) as port:
        send(to(port, security="none"), announcement(), {})
    assert postbox.under_tls == [False]


def test_the_same_announcement_has_the_same_message_id_and_others_have_others() -> None:
    options = to(25).options
    assert isinstance(options, Email)
    first, again = (compose(options, announcement(), NOW)["Message-ID"] for _ in range(2))
    other = compose(options, announcement(id="announcement-9"), NOW)["Message-ID"]
    assert first == again != other


def test_opening_reminder_and_recovery_of_an_incident_are_one_thread() -> None:
    options = to(25).options
    assert isinstance(options, Email)
    letters = [
        compose(options, each, NOW)
        for each in (announcement(), announcement(AnnouncementKind.REMINDER), recovered())
    ]
    assert {letter["References"] for letter in letters} == {"<incident-id-of-fra1@example.net>"}
    assert {letter["In-Reply-To"] for letter in letters} == {"<incident-id-of-fra1@example.net>"}


def test_what_is_about_several_incidents_belongs_to_the_thread_of_each() -> None:
    options = to(25).options
    assert isinstance(options, Email)
    both = announcement(AnnouncementKind.OPENED, snapshot("a"), snapshot("b"))
    references = compose(options, both, NOW)["References"]
    assert references == "<incident-id-of-a@example.net> <incident-id-of-b@example.net>"


def test_no_text_can_add_a_header() -> None:
    options = to(25).options
    assert isinstance(options, Email)
    evil = announcement(
        AnnouncementKind.OPENED, snapshot(incident=incident(server="x\r\nBcc: eve@example.net", id="1"))
    )
    letter = compose(options, evil, NOW)
    assert "Bcc" not in letter
    assert b"\nBcc" not in letter.as_bytes()


def test_a_server_without_starttls_gets_nothing() -> None:
    postbox = Postbox()
    with post_office(postbox) as port:
        reason = refused(RetryError, to(port, username="wgmon"))
    assert reason == 'the server offers no STARTTLS on this port; for implicit TLS, set security = "tls"'
    assert postbox.logins == []
    assert postbox.letters == []


def test_a_certificate_that_is_not_trusted_gets_no_password(certificates: Certificates) -> None:
    postbox = Postbox()
    with post_office(postbox, certificates.server()) as port:
        reason = refused(RetryError, to(port, username="wgmon"))
    assert reason.startswith("the certificate is not trusted: ")
    assert postbox.logins == []


def test_a_wrong_password_is_said_to_be_one(certificates: Certificates) -> None:
    with post_office(Postbox(), certificates.server()) as port:
        reason = refused(RetryError, to(port, certificates, username="wgmon"), "s3cr3t-but-wrong")
    assert reason == "SMTP 535: user and password were refused"


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        ("451 later", RetryError, "SMTP 451"),
        ("554 spam", GiveUpError, "SMTP 554: the message was refused"),
    ],
)
def test_a_refusal_of_the_message_is_for_good_where_its_code_says_so(
    answer: str, error: type[RetryError | GiveUpError], reason: str
) -> None:
    with post_office(Postbox(answer=answer)) as port:
        assert refused(error, to(port, security="none")) == reason


def test_a_letter_that_nobody_may_get_is_tried_again() -> None:
    with post_office(Postbox({"ada@example.net": "550 who?"})) as port:
        reason = refused(RetryError, to(port, security="none"))
    assert reason == "SMTP 550: every recipient was refused"


@pytest.mark.parametrize(("code", "error"), [("450 later", RetryError), ("550 who?", GiveUpError)])
def test_one_of_two_that_is_refused_is_told_though_the_other_has_it(
    code: str, error: type[RetryError | GiveUpError]
) -> None:
    postbox = Postbox({"bob@example.net": code})
    with post_office(postbox) as port:
        sink = to(port, security="none", to=("ada@example.net", "bob@example.net"))
        assert refused(error, sink) == f"SMTP {code[:3]}: 1 of 2 recipients were refused"
    assert len(postbox.letters) == 1


def test_a_server_that_says_nothing_is_left_at_the_time_limit() -> None:
    with Receiver(HANG) as receiver:
        sink = replace(to(receiver.port, security="none"), timeout=0.3)
        assert refused(RetryError, sink) == "no answer within 300 ms"


def test_a_port_at_which_nobody_listens_is_said_to() -> None:
    with Receiver() as receiver:
        port = receiver.port
    assert refused(RetryError, to(port)) == "the connection was refused"
