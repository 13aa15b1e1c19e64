"""Sink for email, by SMTP with TLS. All messages of an incident form one thread.

A message that is sent again keeps its Message-ID, so that mail servers and clients can detect the duplicate.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from threading import Timer
from typing import Any

from wgmon_tui.alerts.certificates import explain_rejection, tls_context
from wgmon_tui.alerts.http_client import phrase
from wgmon_tui.alerts.models import Announcement, GiveUpError, RetryError
from wgmon_tui.alerts.rendering import plain, title
from wgmon_tui.config.alerting import Email, Sink, options_of

_MOST_REFERENCES = 20
_LOCAL_NAME = "wgmon-tui"
_FOR_GOOD = 500


def send(sink: Sink, announcement: Announcement, secrets: Mapping[str, str]) -> None:
    """Send the message. Raises RetryError, GiveUpError."""
    options = options_of(sink, Email)
    message = compose(options, announcement, datetime.now(UTC))
    deadline = time.monotonic() + sink.timeout
    try:
        refused = _deliver(options, message, secrets.get("password", ""), sink.timeout)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise RetryError(phrase(TimeoutError(), sink.timeout)) from None
        if isinstance(error, smtplib.SMTPException):
            raise _refusal(error) from None
        raise RetryError(phrase(error, sink.timeout)) from None
    if refused:
        raise _partly(refused, len(options.to))


def compose(options: Email, announcement: Announcement, now: datetime) -> EmailMessage:
    """Build the message. It refers to one artificial Message-ID per incident.

    Mail clients group all messages that refer to the same id into one thread.
    """
    domain = parseaddr(options.sender)[1].rpartition("@")[2] or _LOCAL_NAME
    message = EmailMessage(policy=SMTP)
    message["From"] = options.sender
    message["To"] = ", ".join(options.to)
    message["Subject"] = title(announcement)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{announcement.id}@{domain}>"
    threads = [f"<incident-{each.incident.id}@{domain}>" for each in announcement.about[:_MOST_REFERENCES]]
    if threads:
        message["In-Reply-To"] = threads[0]
        message["References"] = " ".join(threads)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply to this
    message.set_content(plain(announcement), cte="quoted-printable")
    return message


def _deliver(
    options: Email, message: EmailMessage, password: str, limit_s: float
) -> dict[str, tuple[int, bytes]]:
    """Send a message. Returns the refused recipients if others were accepted.

    Raises SMTPException, OSError, RetryError.
    """
    opened: list[smtplib.SMTP] = []

    def cut() -> None:
        # The socket's own timeout restarts with every byte received.
        for client in opened:
            if client.sock is not None:
                with suppress(OSError):
                    client.sock.shutdown(socket.SHUT_RDWR)

    cutting = Timer(limit_s, cut)
    cutting.daemon = True
    cutting.start()
    try:
        with _connected(options, limit_s, opened) as client:
            if options.username:
                client.login(options.username, password)
            return client.send_message(message)
    except ssl.SSLCertVerificationError as error:
        raise explain_rejection(
            error, options.ca_file or None, lambda tls: _connected(options, limit_s, opened, tls)
        ) from None
    finally:
        cutting.cancel()


def _connected(
    options: Email, limit_s: float, opened: list[smtplib.SMTP], tls: ssl.SSLContext | None = None
) -> smtplib.SMTP:
    """Return a client with TLS, unless `security` is "none". It is added to `opened` before it connects."""

    class _RecordingSmtp(smtplib.SMTP):
        def connect(self, *to: Any, **more: Any) -> tuple[int, bytes]:
            opened.append(self)
            return super().connect(*to, **more)

    class _RecordingSmtpTls(smtplib.SMTP_SSL):
        def connect(self, *to: Any, **more: Any) -> tuple[int, bytes]:
            opened.append(self)
            return super().connect(*to, **more)

    # Set here, because smtplib would ask a name server for the local host name.
    local_name = socket.gethostname() or _LOCAL_NAME
    if options.security == "tls":
        tls = tls or tls_context(options.ca_file or None)
        return _RecordingSmtpTls(options.host, options.port, local_name, timeout=limit_s, context=tls)
    client = _RecordingSmtp(options.host, options.port, local_name, timeout=limit_s)
    if options.security == "starttls":
        client.ehlo()
        if not client.has_extn("starttls"):
            client.close()
            raise RetryError(
                'the server offers no STARTTLS on this port; for implicit TLS, set security = "tls"'
            )
        client.starttls(context=tls or tls_context(options.ca_file or None))
    return client


def _refusal(error: smtplib.SMTPException) -> RetryError | GiveUpError:
    """Convert an SMTP error by its code alone: the server's text may contain anything."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return RetryError(f"SMTP {error.smtp_code}: user and password were refused")
        case smtplib.SMTPNotSupportedError():
            return RetryError("the server accepts no login on this port")
        case smtplib.SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            return RetryError(f"SMTP {', '.join(map(str, codes))}: every recipient was refused")
        case smtplib.SMTPSenderRefused():
            return RetryError(f"SMTP {error.smtp_code}: the sender was refused")
        case smtplib.SMTPDataError(smtp_code=code) if code >= _FOR_GOOD:
            return GiveUpError(f"SMTP {code}: the message was refused")
        case smtplib.SMTPResponseException():
            return RetryError(f"SMTP {error.smtp_code}")
        case _:
            return RetryError("the connection was closed before an answer came")


def _partly(refused: Mapping[str, tuple[int, bytes]], recipients: int) -> RetryError | GiveUpError:
    """Return the error for refused recipients. Retry only if a refusal is temporary: the others have it."""
    codes = sorted({code for code, _ in refused.values()})
    reason = f"SMTP {', '.join(map(str, codes))}: {len(refused)} of {recipients} recipients were refused"
    return GiveUpError(reason) if min(codes) >= _FOR_GOOD else RetryError(reason)
