"""Debian's kernel and a root file system for the guest of linux_kernel.py.

The kernel package is downloaded and unpacked, not installed: nothing of the machine changes but a cache.
"""

from __future__ import annotations

import lzma
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from tests.real.namespaces import run
from tests.real.prerequisites import give_up

_META_PACKAGE = "linux-image-cloud-amd64"
_DEPENDS = re.compile(r"^Depends: (linux-image-\S+) \(= (\S+)\)$", re.MULTILINE)
_MODULES = (
    *("virtio_pci", "virtio_net", "virtio_console"),  # the guest's network card, and our channel into it
    "wireguard",
    *("nf_tables", "nft_reject_inet"),  # a firewall in the guest
)
_PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "wg": "wireguard-tools",
    "nft": "nftables",
}
_INIT = Path(__file__).with_name("linux_kernel_init")


@dataclass(frozen=True, slots=True)
class KernelImage:
    """A kernel and the modules for the guest; their names sort in loading order."""

    vmlinuz: Path
    modules: Path


def require_machine(*, tap: bool = False) -> None:
    """Skip the test if the machine cannot run the guest; in CI, fail."""
    if platform.machine() != "x86_64" or _found("apt-get") is None:
        give_up("the guest is made of Debian's packages for amd64: it runs where apt-get has them")
    missing = [program for program in _PACKAGES if _found(program) is None]
    if missing:
        packages = " ".join(_PACKAGES[program] for program in missing)
        give_up(f"{', '.join(missing)} missing: apt-get install --no-install-recommends {packages}")
    if tap and not Path("/dev/net/tun").exists():
        give_up("a tap device needs /dev/net/tun: modprobe tun (in a container: --device /dev/net/tun)")


@cache
def kernel_image() -> KernelImage:
    """Debian's current cloud kernel, downloaded once, then from the user's cache.

    Skips the test (in CI fails it) where apt does not know that package.
    """
    offered = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", _META_PACKAGE], capture_output=True, text=True, check=False
    )
    found = _DEPENDS.search(offered.stdout)
    if found is None:
        give_up(f"apt does not know {_META_PACKAGE}: apt-get update (Debian's archive has it)")
    package, version = found.groups()
    kept = platformdirs.user_cache_path("wgmon-tui-tests") / f"{package}_{version}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            _download(f"{package}={version}", Path(scratch))
            try:
                (Path(scratch) / "kept").rename(kept)
            except OSError:
                if not kept.exists():  # else another run of the tests was faster
                    raise
    return KernelImage(kept / "vmlinuz", kept / "modules")


def initramfs(image: KernelImage) -> bytes:
    """The root file system: the init script, the modules, and this machine's busybox, wg and nft."""
    files = {"init": _INIT, "bin/busybox": _program("busybox")}
    files |= {f"modules/{module.name}": module for module in image.modules.iterdir()}
    for name in ("wg", "nft"):
        files[f"bin/{name}"] = _program(name)
        files |= {str(library)[1:]: library for library in _libraries(_program(name))}
    directories = {str(parent) for name in files for parent in Path(name).parents if parent.name}
    empty = {"proc", "sys", "dev"}
    entries = [_cpio_entry(name, stat.S_IFDIR | 0o755, b"") for name in sorted(directories | empty)]
    # The kernel opens process 1's output there before anything is mounted.
    entries.append(_cpio_entry("dev/console", stat.S_IFCHR | 0o600, b"", device=(5, 1)))
    entries += [_cpio_entry(name, stat.S_IFREG | 0o755, path.read_bytes()) for name, path in files.items()]
    return b"".join([*entries, _cpio_entry("TRAILER!!!", 0, b"")])


def _download(package: str, scratch: Path) -> None:
    """Copy the kernel and the required modules to scratch/kept."""
    # Run there, because apt-get downloads into its working directory.
    fetched = subprocess.run(
        ["apt-get", "download", "--quiet", package], cwd=scratch, capture_output=True, text=True, check=False
    )
    assert fetched.returncode == 0, f"apt-get download {package}: {fetched.stderr.strip()}"
    run("dpkg-deb", "--extract", *map(str, scratch.glob("*.deb")), str(scratch / "unpacked"))
    modules = scratch / "kept" / "modules"
    modules.mkdir(parents=True)
    (vmlinuz,) = (scratch / "unpacked" / "boot").glob("vmlinuz-*")
    vmlinuz.rename(scratch / "kept" / "vmlinuz")
    for number, (name, module) in enumerate(_with_dependencies(scratch / "unpacked")):
        (modules / f"{number:02}-{name}.ko").write_bytes(module)


def _with_dependencies(unpacked: Path) -> Iterator[tuple[str, bytes]]:
    """The required modules, each after its dependencies (the package has no modules.dep)."""
    paths = {_module_name(path): path for path in unpacked.rglob("*.ko*")}
    (builtin,) = unpacked.rglob("modules.builtin")
    loaded = {_module_name(Path(line)) for line in builtin.read_text().splitlines()}

    def load(name: str) -> Iterator[tuple[str, bytes]]:
        if name in loaded:
            return
        loaded.add(name)
        module = _uncompressed(paths[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", module)
        for needed in depends[1].decode().split(",") if depends and depends[1] else ():
            yield from load(needed.replace("-", "_"))
        yield name, module

    for name in _MODULES:
        yield from load(name)


def _module_name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _uncompressed(module: Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def _found(program: str) -> str | None:
    # Debian keeps /usr/sbin, where nft is, out of the path of whoever is not root.
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def _program(name: str) -> Path:
    found = _found(name)
    assert found, f"{name} was there a moment ago"
    return Path(found)


def _libraries(program: Path) -> list[Path]:
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", run("ldd", str(program)))]


def _cpio_entry(name: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> bytes:
    """A file in the "newc" format of cpio(5), which the kernel unpacks: thirteen numbers, a name, data."""
    inode = 0  # the kernel looks at it only where a file has several links
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
