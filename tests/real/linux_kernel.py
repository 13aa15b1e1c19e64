"""The Linux kernel's own WireGuard, in a virtual machine on an emulated processor: no KVM needed.

The machine has one network card. It leads to a tap device in a network namespace, which is as good as a
wire and needs root, or to a forwarded port on 127.0.0.1, which needs no rights and passes UDP over IPv4 only.
"""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from tests.real.bound_ports import bound_port
from tests.real.linux_kernel_image import initramfs, kernel_image
from tests.real.namespaces import entered, ip, namespace
from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey
from wgmon_tui.net.addresses import Address

_PORT = 51820
_ANSWER_WITHIN_S = 300.0  # a boot takes ten seconds of processor time, of which a busy machine gives little
# One processor: two emulated ones take longer to boot, and the machines of CI have but two themselves.
_QEMU = (
    *("qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-cpu", "max", "-smp", "1", "-m", "256"),
    *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"),
)
# Without what an emulated processor is slow at: self-tests of ciphers, and ACPI's word on interrupts.
_KERNEL_PARAMETERS = "console=ttyS0 quiet panic=-1 mitigations=off pci=noacpi cryptomgr.notests"


@dataclass(frozen=True, slots=True)
class Link:
    """The network of the guest's card.

    `netdev` is the card's other end in qemu's words, `addresses` are the guest's own, `endpoints` say where a
    prober finds its WireGuard port by IP version, from `namespace` (None: where we are); empty if qemu
    forwards a port of loopback.
    """

    netdev: str
    addresses: tuple[str, ...]
    endpoints: dict[int, tuple[Address, int]]
    namespace: str | None = None

    def vantage(self) -> AbstractContextManager[None]:
        """The namespace for qemu and the prober's sockets."""
        return entered(self.namespace) if self.namespace else nullcontext()


def forwarded_port() -> Link:
    """A UDP port of 127.0.0.1, which qemu chooses. ICMP errors of the guest end in qemu."""
    guest = "10.0.2.15"  # qemu's own network calls it that
    netdev = f"user,ipv6=off,hostfwd=udp:127.0.0.1:0-{guest}:{_PORT}"
    return Link(netdev, (f"{guest}/24",), {})


@contextmanager
def tap() -> Iterator[Link]:
    """A namespace with a tap device connected to the guest's card."""
    with namespace("k") as name:
        ip(name, "tuntap add dev guest mode tap")
        ip(name, "address add 10.78.0.1/24 dev guest\naddress add fd78::1/64 dev guest nodad")
        ip(name, "link set dev guest up")
        yield Link(
            netdev="tap,ifname=guest,script=no,downscript=no",
            addresses=("10.78.0.2/24", "fd78::2/64"),
            endpoints={4: (IPv4Address("10.78.0.2"), _PORT), 6: (IPv6Address("fd78::2"), _PORT)},
            namespace=name,
        )


class Guest:
    """A virtual machine with a shell, ready after construction. The caller must stop it."""

    def __init__(self, link: Link) -> None:
        image = kernel_image()
        self._console = tempfile.TemporaryFile()  # noqa: SIM115 - open until `stop`
        ours, theirs = socket.socketpair()
        with tempfile.TemporaryFile() as initrd, ours, theirs, link.vantage():
            initrd.write(initramfs(image))
            initrd.flush()
            initrd_path = f"/proc/self/fd/{initrd.fileno()}"  # it has no name that could be left behind
            self._process = subprocess.Popen(
                [
                    *_QEMU,
                    *("-kernel", str(image.vmlinuz), "-append", _KERNEL_PARAMETERS, "-initrd", initrd_path),
                    *("-netdev", f"{link.netdev},id=link", "-device", "virtio-net-pci,netdev=link,romfile="),
                    *("-chardev", f"socket,id=shell,fd={theirs.fileno()}", "-device", "virtio-serial-pci"),
                    *("-device", "virtserialport,chardev=shell"),
                ],
                pass_fds=[initrd.fileno(), theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._console,
                stderr=subprocess.STDOUT,
            )
            theirs.close()  # so that we see the end of the stream when qemu ends
            ours.settimeout(_ANSWER_WITHIN_S)
            self._shell = ours.makefile("rwb")
            try:
                self._answer()
            except AssertionError:
                self.stop()
                raise

    def run(self, script: str) -> str:
        """Run a shell script in the guest; returns its output. Raises AssertionError with it on failure.

        The script does not appear there: it may hold keys.
        """
        self._shell.write(base64.b64encode(f"set -e\n{script}".encode()) + b"\n")
        self._shell.flush()
        status, _, encoded = self._answer().partition(" ")
        output = base64.b64decode(encoded).decode()
        assert status == "0", f"the guest's shell ended with {status}: {output}"
        return output

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Pause the whole machine, as a hypervisor does for a snapshot. Packets to it wait."""
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def forwarded_port(self) -> int:
        """The port of loopback that qemu forwards to the guest."""
        return bound_port(self._process, "udp")

    def stop(self) -> None:
        """Kill the machine."""
        self._process.kill()
        self._process.wait()
        self._shell.close()
        self._console.close()

    def _answer(self) -> str:
        try:
            line = self._shell.readline()
        except (TimeoutError, ConnectionError):
            line = b""
        if not line.endswith(b"\n"):
            self._console.seek(0)
            console = self._console.read().decode(errors="replace")[-2000:]
            raise AssertionError(f"the guest has ended or hangs; its console:\n{console}")
        return line.decode().rstrip("\n")


class LinuxKernel:
    """A WireGuard server in the kernel of a guest: interface wg0, inner addresses 10.7.0.1 and fd07::1."""

    def __init__(self, link: Link) -> None:
        self._link = link
        private_key = PrivateKey.generate()
        self.public_key = private_key.public
        self._peers = 1
        self.guest = Guest(link)
        self._endpoints = link.endpoints or {4: (IPv4Address("127.0.0.1"), self.guest.forwarded_port())}
        try:
            self._set_up(link.addresses, private_key)
        except AssertionError:
            self.stop()
            raise

    def endpoint(self, version: int) -> tuple[Address, int]:
        return self._endpoints[version]

    def vantage(self) -> AbstractContextManager[None]:
        return self._link.vantage()

    def new_peer(self, psk: PresharedKey | None = None) -> PrivateKey:
        private_key = PrivateKey.generate()
        self._peers += 1
        inner = f"AllowedIPs = 10.7.0.{self._peers}/32, fd07::{self._peers:x}/128\n"
        preshared = f"PresharedKey = {psk.to_text()}\n" if psk else ""
        self._configure(f"[Peer]\nPublicKey = {private_key.public}\n{inner}{preshared}")
        return private_key

    def run(self, script: str) -> str:
        """Run a script in the guest (`Guest.run`)."""
        return self.guest.run(script)

    def forget(self, peer: PublicKey) -> None:
        """Remove a peer."""
        self.run(f"wg set wg0 peer {peer} remove")

    def latest_handshake(self, peer: PublicKey) -> int:
        """Unix time in seconds of the last handshake that the peer has confirmed with data; 0 if none."""
        lines = self.run("wg show wg0 latest-handshakes").splitlines()
        return int(dict(line.split("\t") for line in lines)[str(peer)])

    def await_sent_to(self, peer: PublicKey) -> None:
        """Wait until the server has sent its first packet to a peer."""
        sent = f"^{peer}\t[0-9]*\t[1-9]"
        self.run(f"until wg show wg0 transfer | grep -q '{sent}'; do usleep 1000; done")

    @contextmanager
    def interface_down(self) -> Iterator[None]:
        """Take wg0 down, as wg-quick would: the kernel closes its UDP port."""
        self.run("ip link set dev wg0 down")
        try:
            yield
        finally:
            self.run("ip link set dev wg0 up")

    @contextmanager
    def filtered(self, rule: str) -> Iterator[None]:
        """Apply one nftables rule to packets that the guest receives."""
        chain = f"chain input {{\ntype filter hook input priority 0\n{rule}\n}}"
        self.run(f"nft -f - <<'END'\ntable inet filter {{\n{chain}\n}}\nEND\n")
        try:
            yield
        finally:
            self.run("nft delete table inet filter")

    def stop(self) -> None:
        self.guest.stop()

    def _set_up(self, addresses: tuple[str, ...], private_key: PrivateKey) -> None:
        own_addresses = "\n".join(f"ip address add {address} dev eth0" for address in addresses)
        self.run(f"""
            # No search for duplicates of an IPv6 address, which would cost a second.
            echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
            echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
            # The inner address survives that wg0 goes down.
            echo 1 >/proc/sys/net/ipv6/conf/all/keep_addr_on_down
            ip link set dev lo up
            {own_addresses}
            ip link set dev eth0 up
            ip link add dev wg0 type wireguard
            ip address add 10.7.0.1/24 dev wg0
            ip address add fd07::1/64 dev wg0
            ip link set dev wg0 up
            # Its link-local address tells that eth0 hears multicast by now: who asks for it earlier is not
            # answered, and asks again only after a second.
            until grep -q '^fe80.* 80 *eth0$' /proc/net/if_inet6; do usleep 1000; done
        """)
        self._configure(f"[Interface]\nPrivateKey = {private_key.to_text()}\nListenPort = {_PORT}\n")

    def _configure(self, text: str) -> None:
        self.run(f"wg addconf wg0 /dev/stdin <<'END'\n{text}END\n")
