"""The server's own view: what `wg show INTERFACE dump` and its configuration file say, read over there.

Both hold private and preshared keys. The parsers turn each into whether there is one, and nothing else of it
survives them; an error names the line and the field, never what stood there.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from wgmon_tui.fleet.records import Endpoint, Server
from wgmon_tui.fleet.values import InvalidValueError, parse_endpoint, printable, quoted
from wgmon_tui.wireguard.keys import InvalidKeyError, PublicKey, decode_key

Network = IPv4Network | IPv6Network

LIMIT_S = 15.0
"""How long a command may take."""

_LONGEST = 1 << 20
_COMPLAINT_KEPT = 4096
_COMPLAINT_SHOWN = 200

_NONE = "(none)"
_INTERFACE_FIELDS = ("private-key", "public-key", "listen-port", "fwmark")
_PEER_FIELDS = (
    *("public-key", "preshared-key", "endpoint", "allowed-ips"),
    *("latest-handshake", "transfer-rx", "transfer-tx", "persistent-keepalive"),
)

# Half of a key's 44 characters: also what is left of one that was wrapped or cut.
_LIKE_A_KEY = re.compile(r"[A-Za-z0-9+/]{22}")
_FWMARK = re.compile(r"off|0x[0-9a-f]{1,8}")
_DIGITS = re.compile(r"[0-9]{1,20}")


class InspectionError(Exception):
    """The view is not to be had. The message is a phrase to put behind the server and the key."""


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """A peer as the server has it. Only a running one has an endpoint and a latest handshake (Unix time)."""

    public_key: PublicKey
    has_preshared_key: bool
    allowed_ips: frozenset[Network]
    endpoint: Endpoint | None = None
    latest_handshake: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """The interface as it runs. It has a public key where it has a private one."""

    has_private_key: bool
    public_key: PublicKey | None
    listen_port: int
    peers: tuple[PeerEntry, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """The interface as its file on the server describes it; a port that the file leaves open is None."""

    has_private_key: bool
    listen_port: int | None
    peers: tuple[PeerEntry, ...]


@dataclass(frozen=True, slots=True)
class Unread:
    """A view that is not to be had, and why: a phrase, printable."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServersView:
    """What the server says of itself; `stored` is None where servers.toml names no `inspect_config`."""

    running: Running | Unread
    stored: Stored | Unread | None


def inspect(server: Server, config_dir: Path, limit_s: float = LIMIT_S) -> ServersView:
    """Ask the server with its commands `inspect` and `inspect_config`. What goes wrong becomes Unread.

    Blocks for up to `limit_s` seconds a command. The commands run without a shell and without a terminal, so
    that ssh asks no questions on a screen of ours.
    """
    running: Running | Unread
    try:
        running = parse_dump(_output(server.inspect, config_dir, limit_s))
    except InspectionError as error:
        running = Unread(f"inspect: {error}")
    if not server.inspect_config:
        return ServersView(running, None)
    try:
        return ServersView(running, parse_file(_output(server.inspect_config, config_dir, limit_s)))
    except InspectionError as error:
        return ServersView(running, Unread(f"inspect_config: {error}"))


# What the running interface says


def parse_dump(text: str) -> Running:
    """The output of `wg show INTERFACE dump` (wg(8)): the interface, then a line for each peer.

    Raises InspectionError.
    """
    lines = [line.removesuffix("\r") for line in text.rstrip("\r\n").split("\n")]
    if lines == [""]:
        raise InspectionError("printed nothing; expected what `wg show INTERFACE dump` prints")
    if lines[0].count("\t") == len(_INTERFACE_FIELDS):
        raise InspectionError("line 1: one field too many; name an interface in place of `all`")
    private_key, public_key, port, fwmark = _fields(lines[0], 1, _INTERFACE_FIELDS)
    if not _FWMARK.fullmatch(fwmark):
        raise InspectionError("line 1: fwmark: expected off or a hexadecimal number")
    return Running(
        has_private_key=_is_set(private_key, "line 1: private-key"),
        public_key=None if public_key == _NONE else _public_key(public_key, "line 1: public-key"),
        listen_port=_number(port, 65535, "line 1: listen-port"),
        peers=tuple(_running_peer(line, number) for number, line in enumerate(lines[1:], start=2)),
    )


def _running_peer(line: str, number: int) -> PeerEntry:
    where = f"line {number}"
    public_key, preshared_key, endpoint, allowed_ips, handshake, rx, tx, keepalive = _fields(
        line, number, _PEER_FIELDS
    )
    _number(rx, 2**64, f"{where}: transfer-rx")
    _number(tx, 2**64, f"{where}: transfer-tx")
    if keepalive != "off":
        _number(keepalive, 65535, f"{where}: persistent-keepalive")
    return PeerEntry(
        public_key=_public_key(public_key, f"{where}: public-key"),
        has_preshared_key=_is_set(preshared_key, f"{where}: preshared-key"),
        allowed_ips=frozenset() if allowed_ips == _NONE else _networks(allowed_ips, f"{where}: allowed-ips"),
        endpoint=None if endpoint == _NONE else _endpoint(endpoint, f"{where}: endpoint"),
        latest_handshake=_number(handshake, 2**63, f"{where}: latest-handshake") or None,
    )


def _fields(line: str, number: int, names: Sequence[str]) -> list[str]:
    found = line.split("\t")
    if len(found) != len(names):
        raise InspectionError(
            f"line {number}: expected {len(names)} fields with tabs between them, got {len(found)}; "
            "the command must print `wg show INTERFACE dump` and nothing else"
        )
    return found


# What the file says


@dataclass(slots=True)
class _Section:
    """A section while its lines are read."""

    line: int
    is_peer: bool
    public_key: PublicKey | None = None
    has_secret: bool = False
    listen_port: int | None = None
    allowed_ips: set[Network] = field(default_factory=set)

    def take(self, key: str, value: str, where: str) -> None:
        """Take a value over, as far as it is compared with anything. Raises InspectionError."""
        match self.is_peer, key:
            case False, "privatekey":
                self.has_secret = _is_set(value, f"{where}: PrivateKey")
            case False, "listenport":
                self.listen_port = _number(value, 65535, f"{where}: ListenPort") or None
            case True, "publickey":
                self.public_key = _public_key(value, f"{where}: PublicKey")
            case True, "presharedkey":
                self.has_secret = _is_set(value, f"{where}: PresharedKey")
            case True, "allowedips" if value:
                self.allowed_ips |= _networks(value, f"{where}: AllowedIPs")

    def peer(self) -> PeerEntry:
        """The finished section of a peer. Raises InspectionError."""
        if self.public_key is None:
            raise InspectionError(f"line {self.line}: this [Peer] has no PublicKey")
        return PeerEntry(self.public_key, self.has_secret, frozenset(self.allowed_ips))


def parse_file(text: str) -> Stored:
    """A configuration file of wg(8) or wg-quick(8). Raises InspectionError."""
    sections: list[_Section] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        where = f"line {number}"
        line = raw.partition("#")[0].strip()
        if line.lower() in ("[interface]", "[peer]"):
            sections.append(_Section(number, is_peer=line.lower() == "[peer]"))
        elif line:
            name, equals, value = line.partition("=")
            if not equals or not sections:
                raise InspectionError(f"{where}: expected [Interface], [Peer] or Key = value")
            sections[-1].take(name.strip().lower(), value.strip(), where)
    interfaces = [section for section in sections if not section.is_peer]
    if not interfaces:
        raise InspectionError("there is no [Interface] in what it printed")
    # Where something stands twice wg takes the later one.
    ports = [section.listen_port for section in interfaces if section.listen_port]
    peers = {entry.public_key: entry for entry in (each.peer() for each in sections if each.is_peer)}
    return Stored(
        has_private_key=any(section.has_secret for section in interfaces),
        listen_port=ports[-1] if ports else None,
        peers=tuple(peers.values()),
    )


# Values. No error repeats one: it may be a key that slipped into the wrong field.


def _is_set(text: str, where: str) -> bool:
    """Whether a secret stands there; all zeros are none."""
    if text == _NONE:
        return False
    try:
        return any(decode_key(text))
    except InvalidKeyError as error:
        raise InspectionError(f"{where}: {error}") from None


def _public_key(text: str, where: str) -> PublicKey:
    try:
        return PublicKey.from_text(text)
    except InvalidKeyError as error:
        raise InspectionError(f"{where}: {error}") from None


def _number(text: str, most: int, where: str) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > most:
        raise InspectionError(f"{where}: expected a number from 0 to {most}")
    return int(text)


def _endpoint(text: str, where: str) -> Endpoint:
    try:
        return parse_endpoint(text)
    except InvalidValueError:
        raise InspectionError(f"{where}: expected an address and a port") from None


def _networks(text: str, where: str) -> frozenset[Network]:
    try:
        if "%" in text:
            raise ValueError
        # Host bits may be set in a file; wg clears them.
        return frozenset(ip_network(part.strip(), strict=False) for part in text.split(","))
    except ValueError:
        raise InspectionError(f"{where}: expected networks such as 10.8.0.2/32") from None


# Running the commands


def _output(words: tuple[str, ...], directory: Path, limit_s: float) -> str:
    """What a command prints, once it has ended well. Raises InspectionError."""
    program = quoted(words[0])
    try:
        process = subprocess.Popen(  # noqa: S603  the operator's own command, and no shell
            words,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise InspectionError(f"there is no program {program}; install it, or give its path") from None
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "not a command"
        raise InspectionError(f"cannot start {program}: {reason}") from None
    try:
        output, complaint = _communicate(process, time.monotonic() + limit_s)
    except TimeoutError:
        raise InspectionError(f"{program} did not end within {limit_s:g} s") from None
    finally:
        _end(process)
    if process.returncode != 0:
        code = process.returncode
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        said = _last_line(complaint) or "run it by hand to see why"
        raise InspectionError(f"{program} ended with {ending}: {said}")
    return output.decode("utf-8", errors="replace")


def _communicate(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """All of its output and the end of its complaints. Raises TimeoutError, InspectionError.

    Unlike Popen.communicate it keeps a bound, and does not wait for the end of stderr: the connection that an
    ssh leaves behind for the next one (ControlPersist) holds that open.
    """
    output, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, gathered in ((process.stdout, output), (process.stderr, complaint)):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, gathered)
        while process.stdout in selector.get_map():
            for key, _ in selector.select(_left(deadline)):
                chunk = os.read(key.fd, 1 << 16)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if len(output) > _LONGEST:
                raise InspectionError("printed more than 1 MiB; expected one interface")
            del complaint[:-_COMPLAINT_KEPT]
    try:
        process.wait(_left(deadline))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    if process.stderr is not None:
        with suppress(BlockingIOError):
            complaint += os.read(process.stderr.fileno(), 1 << 16)
    return bytes(output), bytes(complaint[-_COMPLAINT_KEPT:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let go of the command, and end it with its children where it has not ended itself."""
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    if process.returncode is None:
        # What runs as root under a sudo is not ours to kill; it ends when it next writes to us.
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(1.0)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _last_line(complaint: bytes) -> str:
    """The last thing that a command said, where that is short and holds nothing like a key."""
    lines = [line.strip() for line in complaint.decode("utf-8", errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    if len(last) > _COMPLAINT_SHOWN or _LIKE_A_KEY.search(last):
        return ""
    return printable(last)
