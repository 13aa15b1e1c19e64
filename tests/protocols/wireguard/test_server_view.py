"""Tests of the server view: strict parsing, and no key is ever shown."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from traceback import format_exception

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.alive_pipe import TIME_LIMITS_S, AlivePipe
from wgmon_tui.checks.inspection import ServerView, StoredInterface, ViewUnavailable
from wgmon_tui.config.imports.wg_dump_parser import InspectionError, InterfaceDump, PeerEntry, parse_dump
from wgmon_tui.config.keys import PresharedKey, PrivateKey
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.server_view import inspect, parse_file
from wgmon_tui.text import format_limit

SERVER_KEY = PrivateKey(b"\x05" * 32)
PSK = PresharedKey(b"\x06" * 32)
FIRST, SECOND = (PrivateKey(bytes([number]) * 32).public for number in (1, 2))
SECRETS = (SERVER_KEY.to_text(), PSK.to_text())

HEAD = f"{SERVER_KEY.to_text()}\t{SERVER_KEY.public}\t51820\toff"
PEER = (
    f"{FIRST}\t{PSK.to_text()}\t192.0.2.9:40000\t10.8.0.2/32,fd00::2/128\t1700000000\t148\t92\t25",
    f"{SECOND}\t(none)\t(none)\t(none)\t0\t0\t0\toff",
)
DUMP = "\n".join((HEAD, *PEER)) + "\n"

FILE = f"""\
# the hub
[Interface]
PrivateKey = {SERVER_KEY.to_text()}
Address = 10.8.0.1/24
ListenPort = 51820
PostUp = nft add rule inet filter input udp dport 51820 accept

[Peer] # first
publickey={FIRST}
PresharedKey = {PSK.to_text()}
AllowedIPs = 10.8.0.2/24, fd00::2
AllowedIPs = 10.9.0.0/16

[Peer]
PublicKey = {SECOND}
AllowedIPs =
"""


# `wg show INTERFACE dump`


def test_a_dump_gives_the_interface_and_its_peers() -> None:
    running = parse_dump(DUMP)
    assert running == InterfaceDump(
        has_private_key=True,
        public_key=SERVER_KEY.public,
        listen_port=51820,
        peers=(
            PeerEntry(
                FIRST,
                has_preshared_key=True,
                allowed_ips=frozenset({ip_network("10.8.0.2/32"), ip_network("fd00::2/128")}),
                endpoint=Endpoint("192.0.2.9", 40000),
                latest_handshake=1700000000,
                keepalive_s=25,
            ),
            PeerEntry(SECOND, has_preshared_key=False, allowed_ips=frozenset()),
        ),
    )


def test_an_interface_without_a_key_has_no_public_one_either() -> None:
    running = parse_dump("(none)\t(none)\t0\toff\n")
    assert (running.has_private_key, running.public_key, running.listen_port) == (False, None, 0)


def test_a_preshared_key_of_zeros_is_none() -> None:
    zeros = PresharedKey(bytes(32)).to_text()
    assert not parse_dump(DUMP.replace(PSK.to_text(), zeros)).peers[0].has_preshared_key


def test_lines_that_came_through_a_terminal_are_read_too() -> None:
    assert parse_dump(DUMP.replace("\n", "\r\n")) == parse_dump(DUMP)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "printed nothing"),
        ("\n\n", "printed nothing"),
        ("Welcome to fra1\n" + DUMP, "line 1: expected 4 fields"),
        (f"wg0\t{HEAD}\n", "instead of `all`"),
        (DUMP.replace("51820", "65536"), "line 1: listen-port"),
        (DUMP.replace("51820", "٥١٨٢٠"), "line 1: listen-port"),
        (DUMP.replace("\toff\n", "\tred\n", 1), "line 1: fwmark"),
        (DUMP.replace(SERVER_KEY.to_text(), SERVER_KEY.to_text()[:-2]), "line 1: private-key"),
        (DUMP.replace(PSK.to_text(), PSK.to_text() + "A"), "line 2: preshared-key"),
        (DUMP.replace(str(FIRST), "first"), "line 2: public-key"),
        (DUMP.replace("192.0.2.9:40000", "192.0.2.9"), "line 2: endpoint"),
        (DUMP.replace("10.8.0.2/32", "10.8.0.2/33"), "line 2: allowed-ips"),
        (DUMP.replace("1700000000", "yesterday"), "line 2: latest-handshake"),
        (DUMP.replace("\t148\t", "\t-148\t"), "line 2: transfer-rx"),
        (DUMP.replace("\t92\t", "\t9²\t"), "line 2: transfer-tx"),
        (DUMP.replace("\t25\n", "\t70000\n"), "line 2: persistent-keepalive"),
        (DUMP + "one\tmore\n", "line 4: expected 8 fields"),
    ],
)
def test_what_is_no_dump_is_refused_with_line_and_field(broken: str, said: str) -> None:
    with pytest.raises(InspectionError) as refused:
        parse_dump(broken)
    assert said in str(refused.value)


# The configuration file


def test_a_file_gives_the_interface_and_its_peers() -> None:
    assert parse_file(FILE) == StoredInterface(
        has_private_key=True,
        listen_port=51820,
        peers=(
            PeerEntry(
                FIRST,
                has_preshared_key=True,
                allowed_ips=frozenset(map(ip_network, ("10.8.0.0/24", "fd00::2/128", "10.9.0.0/16"))),
            ),
            PeerEntry(SECOND, has_preshared_key=False, allowed_ips=frozenset()),
        ),
    )


def test_a_file_may_leave_the_port_and_the_key_to_others() -> None:
    assert parse_file("[Interface]\nAddress = 10.8.0.1/24\n") == StoredInterface(False, None, ())


def test_a_peer_that_stands_twice_is_the_later_one_as_wg_takes_it() -> None:
    again = f"[Peer]\nPublicKey = {FIRST}\nAllowedIPs = 10.10.0.0/16\n"
    first = parse_file(FILE + again).peers[0]
    assert first == PeerEntry(FIRST, False, frozenset({ip_network("10.10.0.0/16")}))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("", "no [Interface]"),
        (f"[Peer]\nPublicKey = {FIRST}\n", "no [Interface]"),
        ("cat: permission denied", "line 1: expected [Interface]"),
        ("PrivateKey = x\n" + FILE, "line 1: expected [Interface]"),
        ("[NetDev]\n" + FILE, "line 1: expected [Interface]"),
        ("[Interface]\nnonsense\n", "line 2: expected [Interface]"),
        ("[Interface]\nPrivateKey = $KEY\n", "line 2: PrivateKey"),
        ("[Interface]\nListenPort = high\n", "line 2: ListenPort"),
        ("[Interface]\n[Peer]\nAllowedIPs = 10.0.0.0/8\n", "line 2: this [Peer] has no PublicKey"),
        ("[Interface]\n[Peer]\nPublicKey = x\n", "line 3: PublicKey"),
        ("[Interface]\n[Peer]\nPresharedKey = x\n", "line 3: PresharedKey"),
        ("[Interface]\n[Peer]\nAllowedIPs = everything\n", "line 3: AllowedIPs"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(broken: str, said: str) -> None:
    with pytest.raises(InspectionError) as refused:
        parse_file(broken)
    assert said in str(refused.value)


# No output raises anything else, or shows a key

pieces = st.sampled_from(
    (
        *DUMP.replace("\n", "\t").split("\t"),
        *FILE.split("\n"),
        "\t",
        "\n",
        "\r",
        "=",
        "[Peer]\n",
        "(none)",
        "%",
    )
)
outputs = st.one_of(
    st.text(),
    st.lists(pieces | st.text(max_size=4)).map("".join),
    st.lists(pieces).map("\t".join),
    st.lists(pieces).map("\n".join),
    st.sampled_from((DUMP, FILE)).flatmap(
        lambda text: st.tuples(
            st.integers(0, len(text)), st.integers(0, len(text)), pieces | st.text(max_size=4)
        ).map(lambda cut: text[: cut[0]] + cut[2] + text[cut[1] :])
    ),
)


@given(outputs)
def test_whatever_a_command_prints_is_a_view_or_one_printable_line_and_shows_no_key(text: str) -> None:
    for parse in (parse_dump, parse_file):
        try:
            shown = repr(parse(text))
        except InspectionError as error:
            # As a traceback would show it, with the errors that it came from.
            shown = "".join(format_exception(error))
            line = str(error)
        else:
            line = ""
        assert line.isprintable()
        assert not any(secret in shown for secret in SECRETS)


@given(st.binary(min_size=1, max_size=32), st.binary(min_size=1, max_size=32))
def test_of_two_dumps_that_differ_in_their_secrets_only_the_views_are_the_same(
    one: bytes, two: bytes
) -> None:
    views = [
        parse_dump(DUMP.replace(PSK.to_text(), PresharedKey(raw.ljust(32, b"\x01")).to_text()))
        for raw in (one, two)
    ]
    assert views[0] == views[1]
    assert repr(views[0]) == repr(views[1])


# The commands


@dataclass(frozen=True)
class Commands:
    """Python scripts that simulate the server's commands."""

    directory: Path

    def script(self, code: str) -> tuple[str, ...]:
        return (sys.executable, "-c", code)

    def printing(self, text: str) -> tuple[str, ...]:
        return self.script(f"print({text!r}, end='')")

    def view(self, words: tuple[str, ...], file: tuple[str, ...] = (), timeout_s: float = 15.0) -> ServerView:
        server = Server("fra1", Endpoint("192.0.2.1", 51820), SERVER_KEY.public, "bastion")
        return inspect(replace(server, inspect=words, inspect_config=file), self.directory, timeout_s)

    def reason(self, words: tuple[str, ...], timeout_s: float = 15.0) -> str:
        running = self.view(words, timeout_s=timeout_s).running
        assert isinstance(running, ViewUnavailable)
        assert running.reason.isprintable()
        return running.reason


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def test_both_commands_are_run_and_read(commands: Commands) -> None:
    view = commands.view(commands.printing(DUMP), commands.printing(FILE))
    assert view == ServerView(parse_dump(DUMP), parse_file(FILE))


def test_without_inspect_config_there_is_no_stored_view(commands: Commands) -> None:
    assert commands.view(commands.printing(DUMP)).stored is None


def test_one_view_is_read_where_the_other_is_not_to_be_had(commands: Commands) -> None:
    view = commands.view(("/nonexistent",), commands.printing(FILE))
    assert view.running == ViewUnavailable(
        'inspect: there is no program "/nonexistent"; install it, or give its path'
    )
    assert isinstance(view.stored, StoredInterface)


def test_a_command_runs_where_servers_toml_is_and_without_a_shell(commands: Commands) -> None:
    (commands.directory / "dump").write_text(DUMP)
    assert isinstance(commands.view(("cat", "dump")).running, InterfaceDump)
    assert isinstance(commands.view(("cat", "dump;")).running, ViewUnavailable)


def test_a_command_has_no_input_and_no_terminal_to_ask_on(commands: Commands) -> None:
    code = "import os, sys; sys.exit(bool(sys.stdin.read()) or os.getsid(0) != os.getpid())"
    assert "printed nothing" in commands.reason(commands.script(code))


def test_of_a_command_that_fails_the_last_line_is_told(commands: Commands) -> None:
    said = "Banner\nPermission \x1b[31mdenied (publickey).\n\n"
    reason = commands.reason(commands.script(f"import sys; sys.stderr.write({said!r}); sys.exit(255)"))
    assert reason.endswith("ended with exit code 255: Permission \\x1b[31mdenied (publickey).")


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "bad key {}", "'{}'", "x{}x", "=" * 300 + "{}"])
def test_a_last_line_with_something_like_a_key_is_not_told(
    commands: Commands, secret: str, around: str
) -> None:
    code = f"import sys; sys.stderr.write({around.format(secret)!r}); sys.exit(1)"
    reason = commands.reason(commands.script(code))
    assert reason.endswith("ended with exit code 1: run it by hand to see the error")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.integers(0, 44), st.binary(max_size=40))
def test_whatever_a_failing_command_says_no_key_is_told(
    commands: Commands, before: bytes, wrapped_at: int, after: bytes
) -> None:
    secret = PSK.to_text().encode()
    said = before + secret[:wrapped_at] + b"\n" * (wrapped_at > 0) + secret[wrapped_at:] + after
    # Written by the shell's printf: a Python that starts for every example would take most of the time.
    octal = "".join(f"\\{byte:03o}" for byte in said)
    reason = commands.reason(("sh", "-c", f"printf '{octal}' >&2; exit 1"))
    max_bytes = max(PSK.to_text()[:wrapped_at], PSK.to_text()[wrapped_at:], key=len)
    assert max_bytes not in reason


def test_a_command_that_was_killed_is_told_with_its_signal(commands: Commands) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert "ended with signal 15" in commands.reason(commands.script(code))


def test_a_command_that_does_not_end_is_ended_with_its_children(commands: Commands) -> None:
    with closing(AlivePipe(commands.directory)) as pipe:
        for timeout_s in TIME_LIMITS_S:
            # Both hold the pipe open while they live.
            words = ("sh", "-c", "exec 3>alive; sleep 60 & sleep 60; true")
            reason = commands.reason(words, timeout_s=timeout_s)
            assert f"did not end within {format_limit(timeout_s)}" in reason
            if pipe.has_been_held():
                break
        assert pipe.is_everybody_gone()


def test_what_a_command_leaves_behind_on_stderr_is_not_waited_for(commands: Commands) -> None:
    (commands.directory / "dump").write_text(DUMP)
    began = time.monotonic()
    view = commands.view(("sh", "-c", "sleep 60 >/dev/null & cat dump"))
    assert isinstance(view.running, InterfaceDump)
    assert time.monotonic() - began < 30


def test_output_without_end_is_refused(commands: Commands) -> None:
    assert "more than 1 MiB" in commands.reason(("yes",))
    assert "more than 1 MiB" in commands.reason(("head", "-c", str((1 << 20) + 1), "/dev/zero"))


def test_behind_megabytes_of_complaints_the_last_line_is_found(commands: Commands) -> None:
    words = ("sh", "-c", "yes complaint | head -c 3000000 >&2; echo the last >&2; exit 3")
    assert commands.reason(words).endswith("exit code 3: the last")
