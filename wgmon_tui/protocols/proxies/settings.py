"""The settings that all proxy protocols share, in the table `[server.PROTOCOL]` of servers.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.models import SecretSource
from wgmon_tui.config.protocol_settings import ProtocolSettings
from wgmon_tui.config.setting import FormField, Section, Setting
from wgmon_tui.config.value_parsers import InvalidValueError, parse_text
from wgmon_tui.config.value_types import (
    CERTIFICATES,
    NAME_SERVERS,
    TEXT_SECRET,
    ValueType,
    integer,
    text_type,
)
from wgmon_tui.net.addresses import NameServer
from wgmon_tui.net.http_target import HttpTarget, Url

DEFAULT_URL = Url("www.gstatic.com", 80, "/generate_204")
DEFAULT_SECOND = HttpTarget(Url("cp.cloudflare.com", 80, "/generate_204"), 204)
"""Pages without content that proxy clients fetch by default; two operators, so that one may be down."""

MORE_KEYS = frozenset(("tunnel_every", "tunnel_soak", "explain", "explain_every"))
"""Keys of WireGuard that all proxies have: when slow tests, soaks and experiments run."""

_LONGEST_TEXT = 200
_NONE = "none"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """How a proxy server is checked. `link` is the source of its share link, None if the file names none.

    `exit_address` is a URL that answers with the caller's address, `speed` one whose body is large. `dns`
    are name servers that are asked through the proxy, over UDP. `ca` are the only certificates that the
    check trusts for the proxy's own TLS.
    """

    link: SecretSource | None = None
    fetch: Url = DEFAULT_URL
    fetch_status: int = 204
    fetch_text: str = ""
    fetch_second: HttpTarget | None = DEFAULT_SECOND
    exit_address: Url | None = None
    speed: Url | None = None
    dns: tuple[NameServer, ...] = ()
    ca: tuple[str, ...] = ()

    @property
    def first_target(self) -> HttpTarget:
        """The page that must answer, and how."""
        return HttpTarget(self.fetch, self.fetch_status, self.fetch_text)

    @property
    def targets(self) -> tuple[HttpTarget, ...]:
        """The pages to fetch, the first one first."""
        return (self.first_target, self.fetch_second) if self.fetch_second else (self.first_target,)


def _parse_url(text: str) -> Url:
    """A URL alone; what a fetch has to find has keys of its own."""
    if re.search(r"\s", text):
        raise InvalidValueError("expected a URL alone; set fetch_status and fetch_text for what it answers")
    return parse_http_target(text).url


def _parse_optional_url(text: str) -> Url | None:
    return _parse_url(text) if text else None


def _parse_second(text: str) -> HttpTarget | None:
    return None if text in ("", _NONE) else parse_http_target(text)


def _parse_wanted_text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise InvalidValueError(f"expected at most {_LONGEST_TEXT} characters")
    return parse_text(text)


def _write_second(page: HttpTarget | None) -> object:
    """The page, or a word for none, because there is one by default."""
    return _NONE if page is None else str(page)


def _write_optional(url: Url | None) -> object:
    return None if url is None else str(url)


_URL = text_type("URL", _parse_url, pattern=r"^https?://[^ ]+$")
_OPTIONAL_URL: ValueType = text_type(
    "URL", _parse_optional_url, pattern=r"^(https?://[^ ]+)?$", write=_write_optional
)
_SECOND = text_type(
    "URL",
    _parse_second,
    pattern=rf"^({_NONE}|https?://[^ ]+( .*)?)?$",
    limits=f'"URL", "URL status=204", "URL text=ready", or "{_NONE}"',
    write=_write_second,
)


SHARED_BY_PROXIES: tuple[Setting, ...] = (
    Setting(
        "link",
        TEXT_SECRET,
        "The share link of the server, such as ss://… or vless://…. It holds the password.",
        FormField(10),
    ),
    Setting("fetch", _URL, "The page to fetch through the proxy.", FormField(20)),
    Setting(
        "fetch_status", integer(100, 599), "The HTTP status with which that page answers.", FormField(30)
    ),
    Setting(
        "fetch_text",
        text_type("text", _parse_wanted_text),
        "A text that the page contains, in its first 64 KB.",
        FormField(40),
    ),
    Setting(
        "fetch_second",
        _SECOND,
        "A page of another operator. If only it answers through the proxy, the first page is down.",
        FormField(50),
    ),
    Setting(
        "exit_address",
        _OPTIONAL_URL,
        "A page that answers with the address of its caller: the address from which the proxy sends.",
        FormField(60, example="e.g. http://ip.example.net/"),
    ),
    Setting(
        "speed",
        _OPTIONAL_URL,
        "A page of 1 MB or more. Slow tests fetch it through the proxy and report bytes per second.",
        FormField(70, more=True),
    ),
    Setting(
        "dns",
        NAME_SERVERS,
        "Name servers to ask through the proxy over UDP. NAME@ADDRESS asks for that name.",
        FormField(80, example="e.g. example.org@9.9.9.9", more=True),
    ),
    Setting(
        "ca",
        CERTIFICATES,
        "PEM certificates of the proxy's own TLS, or of their authorities.",
        FormField(90, example="-----BEGIN CERTIFICATE----- …", more=True),
        default="those of the system",
    ),
)
"""The settings of `ProxySettings`."""


def make_settings(name: str, title: str) -> ProtocolSettings:
    """The settings of one proxy protocol: `name` in servers.toml, `title` for people."""
    return ProtocolSettings(
        section=Section(
            name,
            f"A {title} server. The check connects to `endpoint`, and takes everything else from the link.",
            ProxySettings,
            SHARED_BY_PROXIES,
        ),
        more_keys=MORE_KEYS,
        usual_port=443,
    )
