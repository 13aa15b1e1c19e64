"""An SMTP server of the test, with TLS and a login, and the sink that sends to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.alerts.certificates import Certificates
from wgmon_tui.config.alerting import Email, Sink

PASSWORD = "s3cr3t-p4ssw0rd"


class Postbox:
    """Received messages, and refusals: an SMTP code for a recipient or for the whole message."""

    def __init__(self, refused: dict[str, str] | None = None, answer: str = "250 taken") -> None:
        self.letters: list[EmailMessage] = []
        self.under_tls: list[bool] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self._refused, self._answer = refused or {}, answer

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._refused:
            return self._refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._answer.startswith("250"):
            content = envelope.original_content or b""
            letter = message_from_bytes(content, policy=policy.SMTP)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            assert server.transport
            self.under_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return self._answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@contextmanager
def post_office(
    postbox: Postbox, tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> Iterator[int]:
    """Return a mail server with STARTTLS or implicit TLS, and its port."""
    loop = asyncio.new_event_loop()
    running = Thread(target=loop.run_forever, daemon=True)
    running.start()

    def connected() -> SMTP:
        return SMTP(
            postbox,
            hostname="post.example.net",
            tls_context=None if at_once else tls,
            require_starttls=tls is not None and not at_once,
            authenticator=postbox.authenticate if tls else None,
            auth_require_tls=not at_once,
            loop=loop,
        )

    async def opened() -> asyncio.Server:
        return await loop.create_server(connected, "127.0.0.1", 0, ssl=tls if at_once else None)

    async def closed() -> None:
        office.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    office = asyncio.run_coroutine_threadsafe(opened(), loop).result(30)
    try:
        yield office.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(closed(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        running.join(30)
        loop.close()


def to(port: int, certificates: Certificates | None = None, **other: object) -> Sink:
    options = Email(
        "127.0.0.1", "wgmon-tui <wgmon@example.net>", ("ada@example.net",), port,
        ca_file=str(certificates.authority) if certificates else "",
    )  # fmt: skip
    return Sink("mail", replace(options, **other), timeout=5)  # type: ignore[arg-type]  # by name
