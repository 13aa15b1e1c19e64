"""The secrets of an exchange, in the form in which Wireshark reads them to decrypt it."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn


class KeyLogFormat(Enum):
    """Where Wireshark looks for the secrets.

    `code` is that of the decryption secrets block of pcapng (draft-ietf-opsawg-pcapng §4.7). The other
    formats have none: `table` names the file in Wireshark's personal configuration directory.
    """

    WIREGUARD = (0x57474B4C, "")
    TLS = (0x544C534B, "")
    IKEV2 = (0, "ikev2_decryption_table")
    ESP = (0, "esp_sa")

    def __init__(self, code: int, table: str) -> None:
        self.code = code
        self.table = table


class KeyLog:
    """Secrets of one format. Only `lines` reveals them, never the repr."""

    __slots__ = ("_lines", "format")

    def __init__(self, form: KeyLogFormat, lines: str) -> None:
        self.format = form
        self._lines = lines

    def __repr__(self) -> str:
        return f"KeyLog({self.format.name}, hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key log is neither pickled nor copied: a pickle holds its secrets in the clear")

    def lines(self) -> str:
        """Return the secrets. Use them only for a file that the operator has requested and confirmed."""
        return self._lines
