"""wgmon-tui: watch WireGuard servers by performing the real handshake.

As a library: `wgmon_tui.check("fra1")`, see docs/library.md. Names are imported on first use, so that
`import wgmon_tui` and the program's commands start fast.
"""

from importlib import import_module

TYPE_CHECKING = (
    False  # not from `typing`: its import takes half of the time until the program handles signals
)

if TYPE_CHECKING:
    from wgmon_tui.api import check, check_async
    from wgmon_tui.checks.check import Check, Handshake, Tunnel
    from wgmon_tui.checks.verdict import Cause, Diagnosis, Severity, Verdict
    from wgmon_tui.config.keys import PresharedKey, PrivateKey, PublicKey
    from wgmon_tui.config.models import ConfigurationError, Server
    from wgmon_tui.monitor.models import Round
    from wgmon_tui.net.addresses import Endpoint
    from wgmon_tui.protocols.wireguard.diagnose import diagnose
    from wgmon_tui.protocols.wireguard.targets import Target

__version__ = "0.1.0"

__all__ = [
    "Cause",
    "Check",
    "ConfigurationError",
    "Diagnosis",
    "Endpoint",
    "Handshake",
    "PresharedKey",
    "PrivateKey",
    "PublicKey",
    "Round",
    "Server",
    "Severity",
    "Target",
    "Tunnel",
    "Verdict",
    "__version__",
    "check",
    "check_async",
    "diagnose",
]

_HOMES = {
    "api": ("check", "check_async"),
    "protocols.wireguard.diagnose": ("diagnose",),
    "checks.verdict": ("Cause", "Diagnosis", "Severity", "Verdict"),
    "config.models": ("ConfigurationError", "Server"),
    "monitor.models": ("Round",),
    "net.addresses": ("Endpoint",),
    "checks.check": ("Check", "Handshake", "Tunnel"),
    "protocols.wireguard.targets": ("Target",),
    "config.keys": ("PresharedKey", "PrivateKey", "PublicKey"),
}


if not TYPE_CHECKING:  # hidden from type checkers, which would otherwise accept any name

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                found = globals()[name] = getattr(import_module(f"wgmon_tui.{home}"), name)
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
