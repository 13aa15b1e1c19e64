"""The reference pages of servers.toml and config.toml. They follow from the declared settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from wgmon_tui.checks.registry import protocol_names
from wgmon_tui.config.config_sections import SECTIONS
from wgmon_tui.config.control_planes import CONTROL_PLANE
from wgmon_tui.config.protocol_settings import settings_of
from wgmon_tui.config.server_settings import DEFAULTS, IDENTITY, SERVER
from wgmon_tui.config.setting import Section, Setting
from wgmon_tui.config.value_types import SecretType

SERVERS_EXAMPLE = """\
[defaults]
interval = "30s"
identity = "bastion"

[[identity]]
name = "bastion"
private_key_file = "bastion.key"
addresses = ["10.8.0.250/32", "fd00::250/128"]

[[server]]
name = "fra1"
endpoint = "fra1.example.net:51820"
public_key = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
preshared_key_file = "fra1.psk"
tags = ["eu", "edge"]
tunnel_ping = ["10.8.0.1"]
tunnel_mtu = 1420
note = "rack 4, ask Ada before a reboot"

[[server]]
name = "nyc1"
endpoint = "[2001:db8::1]:51820"
public_key = "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA="
interval = "1m"
"""

CONFIG_EXAMPLE = """\
theme = "paper"
quorum = 2

[history]
raw = "1d"
days = "800d"

[viewer]
take_over = true

[keys]
pause = "f5"
filter = ["/", "f3"]

[columns]
fleet = ["name", "state", "verdict", "rtt", "since"]

[filters]
europe = "state:down tag:eu"

[[action]]
key = "o"
label = "ssh"
command = ["ssh", "{host}"]

[[action]]
key = "b"
label = "mtr"
command = ["mtr", "--report", "{address}"]
background = true
screens = ["fleet", "server"]

[[sink]]
name = "team"
type = "slack"
url_file = "slack.url"

[[sink]]
name = "boss"
type = "telegram"
token_file = "telegram.token"
chat = 4711

[[rule]]
sinks = ["team"]
severities = ["down"]
quiet = ["22:00-07:00"]
escalate_after = "15m"
escalate_to = ["boss"]

[[maintenance]]
name = "patch night"
weekly = ["tue 02:00-04:00"]
tags = ["edge"]

[[vantage]]
name = "nyc"
host = "probe@nyc1.example.net"
tags = ["eu"]
"""

_SERVERS_INTRODUCTION = """\
The servers to check, and the identities for the checks. The forms of wgmon-tui write this file, and you can
edit it too. A change takes effect within a second of being saved. A file with mistakes changes nothing:
each mistake is listed with its line, and what to write. `wgmon-tui config --check` lists them, too;
`wgmon-tui config --servers-template` prints a file with every setting.
"""

_SERVERS_COLUMNS = """\
The column *where* says whether `[defaults]` may have the key. The column *protocol* says which servers may
have it; `amneziawg` has the keys of `wireguard`, and a table of its own below.
"""

_FETCHES = """\
## Fetches through the tunnel

`tunnel_http` names URLs that a deep check fetches through the tunnel: `probe`, and every `tunnel_every` in
the dashboard and `run`. Between those checks, a connection to the port of the URL is tried. A server with a
URL that was not fetched is not `healthy`. Fetches need the package h11: `pip install 'wgmon-tui[fetch]'`.

```toml
tunnel_http = [
    "http://10.8.0.5/health",
    "http://10.8.0.5:8080/ status=401",
    "https://intranet.example.net/ address=10.8.0.5 text=Sign in",
]
```

| after the URL | meaning |
|---|---|
| `status=` | the status of the response; without it, any from 200 to 399. Redirects are not followed |
| `address=` | where the host is. Without it, the name servers of `tunnel_dns` look a name up |
| `text=` | a text in the first 64 KiB of the body. It is the last option, and may contain spaces |

At most 1 MiB of a body is read, and a fetch takes at most 15 s. If nothing new arrives for 4 s, the fetch
stalls; it is then tried once more with small segments. If these pass, and it stalls again without them, the
verdict is `mtu-blackhole`, else `tcp-stalls`. A certificate must be valid now and for the host of the URL,
and it or an issuer of it must be trusted. With `tunnel_ca`, only its certificates are trusted; without it,
the authorities of the system. Revocation is not checked. Agents of vantages get the URLs and the certificates
with the server.
"""

_CONFIG_INTRODUCTION = """\
How wgmon-tui behaves. You write this file; wgmon-tui never does. The look of the dashboard is read when it
starts: `theme`, `low_bandwidth`, `[keys]`, `[columns]`, `[filters]` and `[[action]]`. All else takes effect
within a second of being saved. A file with mistakes changes nothing: each is listed with its line, and
what to write. `wgmon-tui config --template` prints a file with every setting, all switched off, and
`wgmon-tui config --check` lists the mistakes. There is more about
[the dashboard and other machines](configuration.md) and about
[alerts](alerts.md).
"""

_SECRETS = """\
## Secrets

A secret stands in exactly one of five keys, shown here for `{key}`:

| key | value |
|---|---|
| `{key}_file` | the name of a file beside this one that only its owner may read (`chmod 600`) |
| `{key}_command` | a command that prints it, such as `["pass", "show", "{entry}"]`; no shell sees it |
| `{key}_env` | the name of an environment variable |
| `{key}_credential` | the name of a systemd credential |
| `{key}` | the secret itself, in this file |

A file with a secret that others can read is refused, and the message says which `chmod` to type. No
message, log or screen shows a secret.

A command has 10 s, and may print at most 64 KiB. It gets no variable that one of the files names as a
secret, and no `CREDENTIALS_DIRECTORY`. It is killed with all that it started. No command of a file is run
if others can change that file: see [who may change the files](configuration.md#who-may-change-the-files).

A secret file that changes takes effect within seconds, and so does a symbolic link to another file. If
the file is missing, cannot be read or does not hold a whole key, the last good key stays in use, and one
line says why. A command runs at the start and at each reload (`systemctl reload wgmon-tui`, or SIGHUP).
A reload also reads credentials again. An environment variable keeps the value of the start.
"""

_DURATIONS = """\
A duration is a text with a unit: `"500ms"`, `"10s"`, `"2m"`, `"1.5h"`, `"90d"`.
"""

_EDITORS = """\
## In an editor

[schema/{schema}](schema/{schema}) is a JSON Schema of this file. With it, editors that use taplo (such as
Even Better TOML in VS Code) complete keys, show their help and mark mistakes. The schema does not know
everything: only wgmon-tui itself checks the limits of durations, and whether names are unique and exist.
"""

_SERVERS_EDITORS = """\
A file can name its schema in a comment, `#:schema ./servers.schema.json`. But the first line of
servers.toml says that wgmon-tui writes the file, and it keeps no comments. So copy the schema beside the
file, and name it in `.taplo.toml` there:

```toml
[[rule]]
include = ["servers.toml"]

[rule.schema]
path = "servers.schema.json"
```

In the settings of VS Code the same is:

```json
"evenBetterToml.schema.associations": {
    "servers\\\\.toml$": "file:///home/ada/.config/wgmon-tui/servers.schema.json"
}
```
"""

_CONFIG_EDITORS = """\
wgmon-tui never writes config.toml, so the file can name the schema itself. Copy the schema beside it, and
make this the first line:

```toml
#:schema ./config.schema.json
```
"""


def servers_toml() -> str:
    """The reference page of servers.toml."""
    return "\n".join(_servers_toml())


def _servers_toml() -> Iterator[str]:
    yield "# servers.toml\n"
    yield _SERVERS_INTRODUCTION
    yield f"```toml\n{SERVERS_EXAMPLE}```\n"
    yield _DURATIONS
    yield f"## `[[{SERVER.name}]]` and `[{DEFAULTS.name}]`\n"
    yield f"`[[{SERVER.name}]]`: {SERVER.help} `[{DEFAULTS.name}]`: {DEFAULTS.help}"
    yield _SERVERS_COLUMNS
    yield "| key | type | range | default | where | protocol | what it does |"
    yield "|---|---|---|---|---|---|---|"
    usual = SERVER.usual()
    for setting in _in_form_order(SERVER):
        where = "`[[server]]`, `[defaults]`" if setting.shared else "`[[server]]`"
        key, kind, limits, default, what = _cells(setting, usual)
        protocol = ", ".join(f"`{each}`" for each in _protocols_with(setting)) or "all"
        yield f"| {key} | {kind} | {limits} | {default} | {where} | {protocol} | {what} |"
    yield from _protocol_tables()
    yield ""
    yield _FETCHES.rstrip()
    yield f"\n## `[[{CONTROL_PLANE.name}]]`\n"
    yield f"{CONTROL_PLANE.help} [control-planes.md](control-planes.md) says what is checked.\n"
    yield from _table(CONTROL_PLANE.settings, CONTROL_PLANE.usual())
    yield f"\n## `[[{IDENTITY.name}]]`\n"
    yield f"{IDENTITY.help}\n"
    yield from _table(IDENTITY.settings, IDENTITY.usual())
    yield ""
    yield _SECRETS.format(key="private_key", entry="wg/bastion")
    yield _EDITORS.format(schema="servers.schema.json")
    yield _SERVERS_EDITORS.rstrip()
    yield ""


def _protocols_with(setting: Setting) -> Iterator[str]:
    """The protocols whose servers have this key; none if all have it."""
    if setting.protocol:
        yield setting.protocol
        yield from (name for name in protocol_names() if setting.key in settings_of(name).more_keys)


def _protocol_tables() -> Iterator[str]:
    """The table of each protocol that has one."""
    for name in protocol_names():
        if (section := settings_of(name).section) is not None:
            yield f"\n## `[server.{name}]`\n"
            yield f'{section.help} Only with `protocol = "{name}"`.\n'
            yield from _table(section.settings, section.usual())


def config_toml() -> str:
    """The reference page of config.toml."""
    return "\n".join(_config_toml())


def _config_toml() -> Iterator[str]:
    yield "# config.toml\n"
    yield _CONFIG_INTRODUCTION
    yield f"```toml\n{CONFIG_EXAMPLE}```\n"
    yield _DURATIONS
    yield "## First level\n"
    yield "These keys stand before the first table.\n"
    first = [section for section in SECTIONS if not section.name]
    usual = {key: value for section in first for key, value in section.usual().items()}
    yield from _table([each for section in first for each in section.settings], usual)
    for section in SECTIONS:
        if section.name:
            yield from _section(section)
    yield ""
    yield _SECRETS.format(key="url", entry="alerts/pager")
    yield _EDITORS.format(schema="config.schema.json")
    yield _CONFIG_EDITORS.rstrip()
    yield ""


def _section(section: Section) -> Iterator[str]:
    yield f"\n## `[[{section.name}]]`\n" if section.repeated else f"\n## `[{section.name}]`\n"
    groups = [" and ".join(f"`{key}`" for key in group) for group in section.alternatives]
    rule = f" Write exactly one of {', or '.join(groups)}." if groups else ""
    if section.together:
        rule += f" Write {' and '.join(f'`{key}`' for key in section.together)} both or not at all."
    yield f"{section.help}{rule}\n"
    settings = (section.any_key,) if section.any_key else section.settings
    yield from _table(settings, section.usual())
    for kind, variant in section.variants.items():
        yield f'\n### `type = "{kind}"`\n'
        yield f"{variant.help}\n"
        yield from _table(variant.settings, variant.usual())


def _in_form_order(section: Section) -> list[Setting]:
    return sorted(section.settings, key=lambda each: each.form.place if each.form else 0)


def _table(settings: Iterable[Setting], usual: dict[str, object]) -> Iterator[str]:
    yield "| key | type | range | default | what it does |"
    yield "|---|---|---|---|---|"
    for setting in settings:
        yield f"| {' | '.join(_cells(setting, usual))} |"


def _cells(setting: Setting, usual: dict[str, object]) -> tuple[str, str, str, str, str]:
    """Key, type, range, default, what it does."""
    is_secret = isinstance(setting.type, SecretType)
    kind = "[secret](#secrets)" if is_secret else setting.type.name
    limits = setting.type.limits.replace("|", "\\|")
    return f"`{setting.key}`", kind, limits, _default(setting, usual.get(setting.key)), setting.help


def _default(setting: Setting, usual: object) -> str:
    if setting.required:
        return "required"
    if setting.default:
        return setting.default
    return "none" if usual in (None, [], "", {}) else f"`{json.dumps(usual)}`"
