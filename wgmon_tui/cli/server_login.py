"""Typing a command on a server with the user's ssh: shown first, asked first, without a local shell."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from wgmon_tui.child_processes import child_environment, describe_ending
from wgmon_tui.cli.terminal import ask, can_ask
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.new_server import AddedServer
from wgmon_tui.config.peer_command import PeerCommand
from wgmon_tui.config.secrets.private_files import PrivateFileError, read_private
from wgmon_tui.text import quoted

_ROOT = "root@"


class LoginResult(Enum):
    """What became of the commands."""

    TYPED = auto()
    DECLINED = auto()
    FAILED = auto()
    FAILED_UNATTENDED = auto()


@dataclass(frozen=True, slots=True)
class ServerLogin:
    """A host that ssh knows, and whether the user already agreed to the commands."""

    host: str
    has_consent: bool = False

    @classmethod
    def of(cls, host: str, *, has_consent: bool) -> ServerLogin:
        """The login for a host. Raises ConfigurationError for a host that ssh could take for an option.

        Without a terminal nobody can be asked, so the user must have agreed before anything is written.
        """
        if not host or host.startswith("-") or not host.isprintable() or any(map(str.isspace, host)):
            raise ConfigurationError(
                f"add: --ssh: expected a host such as fra1 or root@fra1, got {quoted(host)}"
            )
        if not has_consent and not can_ask():
            raise ConfigurationError("add: --ssh asks before it types; without a terminal, add --yes")
        return cls(host, has_consent)

    def command(self, peer: PeerCommand) -> tuple[str, ...]:
        """The ssh command. A terminal is requested for the password of sudo, if standard input is free."""
        remote = peer.line if self.host.startswith(_ROOT) else f"sudo {peer.line}"
        if peer.has_preshared_key:
            # sshd may connect standard input to a socket, which /dev/stdin cannot open; a pipe works always.
            return ("ssh", "--", self.host, f"cat | {remote}")
        return ("ssh", *(("-t",) if can_ask() else ()), "--", self.host, remote)

    def run_all(self, peers: Sequence[PeerCommand], servers: Sequence[AddedServer]) -> LoginResult:
        """Show and type each command, if the user agrees."""
        results = [self._run(peer, _preshared_key_of(peer, servers)) for peer in peers]
        return max(results, key=lambda each: each.value, default=LoginResult.TYPED)

    def _run(self, peer: PeerCommand, preshared_key: bytes | None) -> LoginResult:
        command = self.command(peer)
        print(f"\nOr let wgmon-tui type it:\n\n{shlex.join(command)}\n", file=sys.stderr, flush=True)
        if not self.has_consent and not ask("Run this command?"):
            return LoginResult.DECLINED
        try:
            # In the session of this terminal, so that ssh can ask for passwords.
            done = subprocess.run(command, input=preshared_key, env=child_environment(), check=False)  # noqa: S603
            problem = f"ssh: {describe_ending(done.returncode)}" if done.returncode else ""
        except OSError as error:
            problem = f"cannot start ssh: {error.strerror}"
        if not problem:
            return LoginResult.TYPED
        print(f"wgmon-tui: {problem}; type the line above on the server", file=sys.stderr, flush=True)
        return LoginResult.FAILED if can_ask() else LoginResult.FAILED_UNATTENDED


def _preshared_key_of(peer: PeerCommand, servers: Sequence[AddedServer]) -> bytes | None:
    """The preshared key that the command reads. Raises ConfigurationError."""
    if not peer.has_preshared_key:
        return None
    for each in servers:
        if each.preshared_key_file:
            try:
                return read_private(each.preshared_key_file)
            except PrivateFileError as error:
                raise ConfigurationError(f"add: {error}") from None
    raise ConfigurationError("add: --ssh needs the preshared key in a file")
