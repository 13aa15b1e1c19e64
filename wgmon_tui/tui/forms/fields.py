"""Every field of the forms, in the order in which a person fills them. A new setting is a row here."""

from __future__ import annotations

from dataclasses import dataclass

from wgmon_tui.tui.forms.texts import Kind


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `key` is the one in servers.toml (of a secret, without its form).

    `more` keeps it out of sight until it is asked for. `example` stands in an empty field of a new entry.
    """

    key: str
    kind: Kind
    help: str
    example: str = ""
    more: bool = False

    @property
    def label(self) -> str:
        """The key, as it is written for people."""
        return self.key.replace("_", " ")


_PLACES = "Several are separated by commas; - alone says none."

SERVER_FIELDS: tuple[Field, ...] = (
    Field(
        "name",
        Kind.TEXT,
        "What it is called here. Under another name it begins a new history.",
        example="fra1",
    ),
    Field(
        "endpoint",
        Kind.TEXT,
        "Where it listens: host:port. Every address of the host is checked.",
        example="fra1.example.net:51820",
    ),
    Field(
        "public_key",
        Kind.TEXT,
        "The server's own: `wg show wg0 public-key` prints it there.",
        example="44 characters that end in =",
    ),
    Field(
        "identity",
        Kind.CHOICE,
        "The key pair with which we check. The server must have it as a peer, and no real client may use it.",
    ),
    Field(
        "preshared_key",
        Kind.SECRET,
        "Typed or pasted out of sight; it goes to a file that only you can read, and is not shown again.",
    ),
    Field(
        "tunnel_ping",
        Kind.LIST,
        f"Addresses inside the tunnel that must answer. Without one only the handshake is proven. {_PLACES}",
        example="10.8.0.1, fd00::1",
    ),
    Field("tags", Kind.LIST, f"Words to filter by. {_PLACES}", example="eu, edge"),
    Field("interval", Kind.TEXT, "How often it is checked, from 1s to 1d."),
    Field(
        "note",
        Kind.TEXT,
        "For people. This is the place for what one would put in a comment.",
        example="rack 4, ask Ada before a reboot",
    ),
    Field("timeout", Kind.TEXT, "How long an answer is waited for, at most the interval.", more=True),
    Field("slow", Kind.TEXT, "An answer that takes longer is degraded: slow.", more=True),
    Field("fail_after", Kind.NUMBER, "So many failed checks make it down …", more=True),
    Field("fail_window", Kind.NUMBER, "… of the last so many.", more=True),
    Field("recover_after", Kind.NUMBER, "So many good checks in a row make it up again.", more=True),
    Field("tunnel", Kind.YES_NO, "Whether data is sent through the session at all.", more=True),
    Field("tunnel_dns", Kind.LIST, f"Name servers inside the tunnel that must answer. {_PLACES}", more=True),
    Field(
        "tunnel_tcp",
        Kind.LIST,
        f"Ports inside the tunnel that must accept, as 10.8.0.1:443. {_PLACES}",
        more=True,
    ),
    Field(
        "tunnel_mtu", Kind.NUMBER, "The inner size in bytes that ought to pass; 0 looks for none.", more=True
    ),
    Field("tunnel_count", Kind.NUMBER, "How many echoes a check sends …", more=True),
    Field("tunnel_over", Kind.TEXT, "… spread over this time.", more=True),
    Field(
        "tunnel_every",
        Kind.TEXT,
        "How often what takes long is looked at: MTU, passive keepalive.",
        more=True,
    ),
    Field("explain", Kind.YES_NO, "Whether experiments may find out why it is silent.", more=True),
    Field("explain_every", Kind.TEXT, "How often at most.", more=True),
    Field(
        "try_identities",
        Kind.YES_NO,
        "Whether our other identities are tried then: the server moves their endpoint here.",
        more=True,
    ),
    Field(
        "known_keys",
        Kind.LIST,
        f"Its older or coming public keys, tried only to explain silence. {_PLACES}",
        more=True,
    ),
    Field(
        "inspect",
        Kind.COMMAND,
        "A command that prints the server's own `wg show wg0 dump`.",
        example="ssh fra1 sudo wg show wg0 dump",
        more=True,
    ),
    Field(
        "inspect_config",
        Kind.COMMAND,
        "A command that prints its configuration file.",
        example="ssh fra1 sudo cat /etc/wireguard/wg0.conf",
        more=True,
    ),
    Field("paused", Kind.YES_NO, "Whether it stands in the table without being checked.", more=True),
)

IDENTITY_FIELDS: tuple[Field, ...] = (
    Field("name", Kind.TEXT, "What it is called here; this machine's name is a good one.", example="bastion"),
    Field(
        "private_key",
        Kind.SECRET,
        "Make a new pair for monitoring. A real client's key would cut that client off at each check.",
    ),
    Field(
        "addresses",
        Kind.LIST,
        "Its tunnel addresses, which no other peer has. Without one only handshakes can be checked.",
        example="10.8.0.250/32, fd00::250/128",
    ),
)
