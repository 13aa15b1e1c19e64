"""Server form: a new server, a copy, or an edit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.imports.import_report import SHARED_KEY_WARNING
from wgmon_tui.config.imports.wg_quick_parser import WgQuickFile, WgQuickPeer, make_unique_name
from wgmon_tui.config.keys import NO_PRESHARED_KEY, InvalidKeyError, PresharedKey
from wgmon_tui.config.models import (
    AMNEZIAWG,
    WIREGUARD,
    ConfigurationError,
    Fleet,
    Identity,
    SecretForm,
    SecretSource,
    Server,
)
from wgmon_tui.config.protocol_keys import without_foreign
from wgmon_tui.config.protocol_settings import (
    SecretText,
    known_protocols,
    own_table,
    secrets_of,
    usual_own_entries,
    write_settings_of,
)
from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.server_edits import (
    ConflictError,
    EditedServer,
    ServerChange,
    find_problems,
    save_server,
)
from wgmon_tui.config.servers_toml import server_entries, usual_entries
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.edited_table import edited_table
from wgmon_tui.tui.editing.field_row import ChoiceInput, ConfPasted, FieldRow, Option
from wgmon_tui.tui.editing.field_values import NO, NOTHING, YES, to_text
from wgmon_tui.tui.editing.fields import FieldSpec, row_of, server_fields
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.editing.secret_choice import NONE, SET, secret_options, shows_input, typed_secret
from wgmon_tui.tui.keys.keymap import key_of

NO_IDENTITY = ""
"""Value for an identity that does not exist yet: a name is never empty."""

_OF_CONF = ("protocol", AMNEZIAWG)
"""What a pasted wg-quick file decides, and no field of the form before it is pasted."""


class ServerForm(FormScreen[EditedServer]):
    """Form for `server` of `fleet` in `config_dir`, or for a new server.

    With `copied`, the form starts as `server` and creates another one.
    """

    def __init__(
        self, config_dir: Path, fleet: Fleet, server: Server | None = None, *, copied: bool = False
    ) -> None:
        self._config_dir = config_dir
        self._fleet = fleet
        self._conf: WgQuickFile | None = None
        begun = dict(server_entries(fleet, server)) if server else {}
        self._before = None if copied or not begun else begun
        names = {each.name for each in fleet.servers}
        self._taken = names - {server.name} if server and not copied else names
        if copied and server:
            begun["name"] = make_unique_name(server.name, names)
        self._original: Mapping[str, object] = begun
        self._usual = usual_entries(fleet)
        self._sources = dict(_secret_sources(server)) if server else {}
        self._protocol = server.protocol if server else WIREGUARD
        fields = server_fields(self._protocol)
        own = own_table(begun, self._protocol)
        in_use = sum(field.more and field.key in (own if field.table else begun) for field in fields)
        super().__init__(_heading(server, copied), fields, in_use)

    def new_row(self, field: FieldSpec) -> FieldRow:
        """Build the row of a field from the server's table. An unset field shows its default."""
        table, usual = self._original, self._usual
        if field.table:
            table, usual = own_table(self._original, field.table), usual_own_entries(field.table)
        text = to_text(field.kind, table.get(field.key))
        said = to_text(field.kind, usual.get(field.key))
        match field.kind:
            case FormFieldKind.YES_NO:
                return FieldRow(field, text, options=[("", f"default: {said}"), (YES, YES), (NO, NO)])
            case FormFieldKind.CHOICE if field.key == "protocol":
                return FieldRow(field, text or said, options=[(each, each) for each in known_protocols()])
            case FormFieldKind.CHOICE:
                options = self._identity_options()
                return FieldRow(field, text or said or options[0][0], options=options)
            case FormFieldKind.SECRET:
                options = secret_options(self._sources.get(field.row), is_document=field.is_document)
                return FieldRow(field, options[0][0], options=options)
            case _:
                example = "none" if self._original else field.example
                return FieldRow(
                    field, text, placeholder=example if said in ("", NOTHING) else f"default: {said}"
                )

    def _identity_options(self) -> list[Option]:
        options = [(identity.name, identity.name) for identity in self._fleet.identities]
        if self._conf is not None:
            options.append((self._conf_name, f"{self._conf_name} (new: from the pasted file)"))
        create = f"press {key_of('enter_field', self.app.actions)} to create one"
        return [*options, (NO_IDENTITY, f"another: {create}" if options else f"none yet: {create}")]

    # Form content

    def problems(self) -> Mapping[str, str]:
        """Validate with the parsers of servers.toml."""
        entries, problems = self._entries()
        for key, problem in find_problems(entries, self._known_fleet, self._taken).items():
            problems.setdefault(self._row_with(key), problem)
        if "identity" in self._rows and self.row("identity").text == NO_IDENTITY:
            key = key_of("enter_field", self.app.actions)
            problems["identity"] = f"no identity yet: press {key} here to create one"
        return problems

    def _entries(self) -> tuple[dict[str, object], dict[str, str]]:
        """The TOML table of the form, and the problems by row. Unchanged fields keep their value."""
        rows = list(self._rows.values())
        beside = [row for row in rows if not row.field.table]
        entries, problems = edited_table(
            without_foreign(self._original, self._protocol), beside, self._initial_texts
        )
        inside = [row for row in rows if row.field.table]
        own, own_problems = edited_table(own_table(entries, self._protocol), inside, self._initial_texts)
        if own:
            entries[self._protocol] = own
        else:
            entries.pop(self._protocol, None)
        try:
            self._preshared_key()
        except InvalidKeyError as error:
            problems.setdefault("preshared_key", str(error))
        return entries, problems | own_problems

    def _row_with(self, key: str) -> str:
        """The row of a key, which may be in the table of the protocol; the key itself without a row."""
        table, _, last = key.rpartition(".")
        for field in self._fields:
            is_secret = field.kind is FormFieldKind.SECRET
            if field.table == table and last in (secret_keys(field.key) if is_secret else (field.key,)):
                return field.row
        return key

    def _typed_secrets(self) -> dict[str, SecretText]:
        """The typed secrets of the protocol's own table, by key."""
        rows = (row for row in self._rows.values() if row.field.table)
        return {row.field.key: secret for row in rows if (secret := typed_secret(row))}

    def _preshared_key(self) -> PresharedKey | None:
        """The typed key, or None. Raises InvalidKeyError."""
        row = self._rows.get("preshared_key")
        if row is None or row.text != SET or not row.secret:
            return None
        key = PresharedKey.from_text(row.secret)
        if key == NO_PRESHARED_KEY:
            choice = dict(row.choice.options)[NONE]
            raise InvalidKeyError(f'an all-zero key means no preshared key; choose "{choice}" instead')
        return key

    @property
    def _known_fleet(self) -> Fleet:
        """The fleet, with the pasted identity if there is one."""
        if self._conf is None:
            return self._fleet
        coming = Identity(self._conf_name, SecretSource(SecretForm.FILE, "coming"), self._conf.addresses)
        return replace(self._fleet, identities=(*self._fleet.identities, coming))

    @property
    def _conf_name(self) -> str:
        taken = {identity.name for identity in self._fleet.identities}
        return make_unique_name(self._conf.stem, taken) if self._conf else ""

    # Events

    def on_choice_input_choice_changed(self, event: ChoiceInput.ChoiceChanged) -> None:
        """Show the second input of a secret if something is to be typed; the fields of another protocol."""
        event.stop()
        for row in self._rows.values():
            if row.field.kind is FormFieldKind.SECRET and event.choice is row.choice:
                row.show_secret_input(shows_input(row.text), is_masked=row.text == SET)
        chosen = self._rows.get("protocol")
        if chosen and chosen.text != self._protocol:
            self._protocol = chosen.text
            self.run_worker(self.show_fields(server_fields(self._protocol)), group="fields", exclusive=True)
            return
        super().on_choice_input_choice_changed(event)

    def open(self, row: FieldRow) -> bool:
        """Open the identity form if a new identity is selected."""
        if row is not self._rows.get("identity") or row.text != NO_IDENTITY:
            return False
        from wgmon_tui.tui.editing.identity_form import IdentityForm

        self.app.push_screen(IdentityForm(self._config_dir, self._fleet), self._identity_made)
        return True

    def _identity_made(self, identity: Identity | None) -> None:
        if identity is not None:
            self._fleet = replace(self._fleet, identities=(*self._fleet.identities, identity))
            self.row("identity").choice.set_options(self._identity_options(), identity.name)
            self.validate_fields()

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Fill the form of a new server from a pasted wg-quick file."""
        event.stop()
        if self._before is not None:
            key = key_of("new", self.app.actions)
            self.show_error(f"This is a whole wg-quick file: open a new server ({key}) and paste it there")
            return
        conf = self.parse_conf(event.text)
        if conf is None:
            return
        if "public_key" not in self._rows:
            self.show_error(
                "This is a WireGuard file: choose that protocol first, or paste it on the fleet screen"
            )
            return
        if len(conf.peers) > 1:
            self.show_error(
                f"This config has {len(conf.peers)} servers: leave this form and paste it on the fleet screen"
            )
            return
        if conf.amneziawg and conf.amneziawg.header_protection_key:
            self.show_error(
                "This config has a header protection key, which needs a file of its own: "
                "leave this form and paste it on the fleet screen"
            )
            return
        if conf.private_key is not None:
            self._ask_for_key(conf)
        elif (fault := conf.interface_faults[0]).line is not None:
            self.show_error(str(fault))
        else:
            self._fill(conf, take_key=False)

    def _ask_for_key(self, conf: WgQuickFile) -> None:
        def answered(answer: bool | None) -> None:
            if answer is not None:
                self._fill(conf, take_key=answer)

        # Without the last sentence, which names the command to create an identity.
        warning = SHARED_KEY_WARNING.removeprefix("WARNING: ").rpartition(". ")[0] + "."
        question = ConfirmDialog(
            f"{self._existing(conf.peers[0])}The config contains a private key. "
            f"{warning[0].upper()}{warning[1:]}",
            yes="use it: it was made for monitoring (saved readable by you only)",
            no="fill in the server only; choose the identity in the form",
            neither="discard the config",
        )
        self.app.push_screen(question, answered)

    def _existing(self, peer: WgQuickPeer) -> str:
        """A sentence on a server that has the same key and endpoint; empty without one."""
        same = (peer.public_key, peer.endpoint)
        found = next((each for each in self._fleet.servers if (each.public_key, each.endpoint) == same), None)
        return f'The server "{found.name}" already has this key and endpoint. ' if found else ""

    def _fill(self, conf: WgQuickFile, *, take_key: bool) -> None:
        peer = conf.peers[0]
        if take_key:
            self._conf = conf
            self.row("identity").choice.set_options(self._identity_options(), self._conf_name)
        if not self.row("name").text:
            self.row("name").text = make_unique_name(conf.suggested_name(peer), self._taken)
        self.row("endpoint").text = str(peer.endpoint)
        self.row("public_key").text = str(peer.public_key)
        if peer.preshared_key:
            secret = self.row("preshared_key")
            secret.text = SET
            secret.show_secret_input(True)
            secret.set_secret(peer.preshared_key.to_text())
        self._original = {key: value for key, value in self._original.items() if key not in _OF_CONF}
        if conf.protocol != WIREGUARD:
            self._original |= {"protocol": conf.protocol}
        if conf.amneziawg:
            self._original |= {AMNEZIAWG: write_settings_of(AMNEZIAWG, conf.amneziawg.settings)}
        self._protocol = self.row("protocol").text = conf.protocol
        self.row("tunnel_ping").start()
        self.run_worker(self.show_fields(server_fields(conf.protocol)), group="fields", exclusive=True)

    async def write(self) -> EditedServer | None:
        """Save under the file's lock. Changes that another program made meanwhile are kept."""
        entries, _ = self._entries()
        identity = self._rows.get("identity")
        taken = self._conf if identity and identity.text == self._conf_name else None
        change = ServerChange(
            self._before, entries, self._preshared_key(), taken, secrets=self._typed_secrets()
        )
        while True:
            try:
                return await asyncio.to_thread(save_server, self._config_dir, change)
            except ConflictError as error:
                question = ConfirmDialog(
                    f"{error}. Its other changes are kept either way.",
                    yes="overwrite it with this form",
                    neither="keep editing",
                )
                if not await self.app.push_screen_wait(question):
                    return None
                change = replace(change, overwrite=True)
            except ConfigurationError as error:
                self.show_error(str(error))
                return None


def _heading(server: Server | None, copied: bool) -> str:
    if server is None:
        return "New server"
    return f"New server, a copy of {server.name}" if copied else f"Edit {server.name}"


def _secret_sources(server: Server) -> Iterator[tuple[str, SecretSource]]:
    """The sources of a server's secrets, by their rows."""
    if server.preshared_key:
        yield "preshared_key", server.preshared_key
    for setting, source in secrets_of(server):
        yield row_of(setting.key, server.protocol), source
