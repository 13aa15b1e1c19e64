"""URLs to fetch, and what a fetch has to find there."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.net.addresses import Address
from wgmon_tui.records import dataclass


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL. `host` is the name in TLS and in the Host header; `path` begins with a slash."""

    host: str
    port: int
    path: str = "/"
    is_tls: bool = False

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.authority}{self.path}"


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A URL to fetch through a tunnel. `address` is where its host is; None to look it up.

    The response must have `status`, or any from 200 to 399 without one, and `text` in its first 64 KB.
    """

    url: Url
    status: int | None = None
    text: str = ""
    address: Address | None = None

    @property
    def known_address(self) -> Address | None:
        """The address that needs no look-up."""
        if self.address:
            return self.address
        try:
            return ip_address(self.url.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        options = (("status", self.status), ("address", self.address), ("text", self.text))
        return " ".join((str(self.url), *(f"{key}={value}" for key, value in options if value)))
