"""The pages of docs/ that say what the code says: `python -m docs.make` (`make docs`).

Keys come from the one action table, wire formats from the one list of fields, verdicts from the one table of
them, settings and their schemas from their declarations, the glossary from its list of terms and the
docstrings of the records, and platforms from the table of what each has. A test holds that the pages are
current.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.completion_words import completion_words
from docs.glossary import glossary
from docs.json_schema import config_schema, servers_schema
from docs.man_page import man_page
from docs.platforms_page import platforms
from docs.settings_pages import config_toml, servers_toml
from wgmon_tui.checks.registry import find_protocol, protocol_names
from wgmon_tui.checks.stage import STAGE_NAMES, StageOutcome
from wgmon_tui.checks.stage_help import STAGE_HELP
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.checks.verdict_help import VERDICT_HELP
from wgmon_tui.protocols.wireguard.wire import FIELDS, MessageType
from wgmon_tui.tui.keys.action import GROUPS
from wgmon_tui.tui.keys.actions import actions_for

HERE = Path(__file__).parent

_SCREENS = (
    ("fleet", "Fleet"),
    ("server", "Server"),
    ("incidents", "Incidents"),
    ("incident", "One incident"),
    ("alerts", "Alerts"),
    ("expiries", "Expiry dates"),
    ("subscriptions", "Subscriptions"),
    ("nodes", "Nodes of control planes"),
    ("path", "Path to a server"),
    ("delivery", "One alert"),
    ("form", "Forms"),
    ("import", "Import"),
    ("identities", "Identities"),
    ("first_check", "First check of a new server"),
    ("settings", "Settings"),
    ("output", "Output of a command"),
    ("app", "Everywhere"),
)


def wire_format() -> str:
    """Every message of the protocol, field by field."""
    return "\n".join(_wire_format())


def _wire_format() -> Iterator[str]:
    yield "# The messages on the wire\n"
    yield "Every byte of a WireGuard message (whitepaper §5.4), as the Packets view and the JSON name it."
    yield "Offsets and lengths are in bytes; numbers are little-endian."
    for kind in MessageType:
        yield f"\n## {kind.label.capitalize()} (type {kind.value})\n"
        yield "| field | offset | length | meaning |"
        yield "|---|---:|---:|---|"
        for field in FIELDS[kind]:
            yield f"| {field.name} | {field.offset} | {field.length} | {field.meaning} |"
        if kind is MessageType.TRANSPORT:
            rest = FIELDS[kind][-1].end
            yield f"| packet | {rest} | rest | the sealed inner IP packet; nothing but a tag: a keepalive |"
    yield ""


def keys() -> str:
    """The keys of every screen."""
    return "\n".join(_keys())


def _keys() -> Iterator[str]:
    yield "# Keys\n"
    yield "`?` shows those of the screen that you are on. The last column is the name by which `[keys]` in"
    yield "config.toml gives an action other keys: see [configuration.md](configuration.md)."
    for screen, title in _SCREENS:
        yield f"\n## {title}\n"
        yield "| key | what it does | | name |"
        yield "|---|---|---|---|"
        for group in GROUPS:
            for action in actions_for(screen):
                if action.group == group:
                    yield f"| `{action.shown}` | {action.help} | {group} | `{action.id}` |"
    yield ""


def verdicts() -> str:
    """What every verdict means, how it is decided, what to do."""
    lines = ["# Verdicts\n", "`x` on a server shows this line of its own verdict.\n"]
    lines += [
        "| verdict | severity | meaning | how it is decided | what to do first |",
        "|---|---|---|---|---|",
    ]
    for each in Verdict:
        cells = (
            f"`{each.slug}`",
            each.severity.word,
            each.meaning,
            VERDICT_HELP[each].explanation,
            VERDICT_HELP[each].first_step,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_stages(), *_experiments(), ""])


def _stages() -> Iterator[str]:
    """The stages of a check in their order, and what each outcome means."""
    yield from ("## Stages", "", "A check runs in stages. The verdict names the one that failed.", "")
    yield from ("| stage | passed means |", "|---|---|")
    yield from (f"| `{name}` | {STAGE_HELP[name]} |" for name in STAGE_NAMES)
    yield from ("", "| outcome | glyph | with `--ascii` |", "|---|---|---|")
    yield from (f"| {each.word} | {each.glyph} | {each.ascii_glyph} |" for each in StageOutcome)


def _experiments() -> Iterator[str]:
    """What each protocol tries if a server is silent, or does not authenticate."""
    yield from ("", "## Experiments", "")
    yield "With `explain`, they find the cause of a failure. Silence in an experiment proves nothing."
    for protocol in map(find_protocol, protocol_names()):
        if protocol.experiments:
            yield from ("", f"### {protocol.title}", "")
            yield from ("| experiment | tries | success proves |", "|---|---|---|")
            yield from (f"| {each.name} | {each.tries} | {each.proves} |" for each in protocol.experiments)


PAGES = {
    "wire-format.md": wire_format,
    "keys.md": keys,
    "verdicts.md": verdicts,
    "glossary.md": glossary,
    "platforms.md": platforms,
    "servers-toml.md": servers_toml,
    "config-toml.md": config_toml,
    "../wgmon_tui/cli/completions/commands.json": completion_words,
    "man/wgmon-tui.1": man_page,
    "schema/servers.schema.json": servers_schema,
    "schema/config.schema.json": config_schema,
}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (HERE / name).parent.mkdir(exist_ok=True)
        (HERE / name).write_text(page())


if __name__ == "__main__":
    main()
