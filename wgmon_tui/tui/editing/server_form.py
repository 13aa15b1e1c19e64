"""Server form: a new server, a copy, or an edit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from wgmon_tui.config.protocol_settings import write_settings_of
from wgmon_tui.config.secrets.sources import secret_keys
from wgmon_tui.config.server_edits import (
    ConflictError,
    EditedServer,
    ServerChange,
    find_problems,
    save_server,
)
from wgmon_tui.config.servers_toml import server_entries, usual_entries
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.tui.dialogs.confirm import ConfirmDialog
from wgmon_tui.tui.editing.field_row import ChoiceInput, ConfPasted, FieldRow, Option
from wgmon_tui.tui.editing.field_values import NO, NOTHING, YES, to_text, to_value
from wgmon_tui.tui.editing.fields import SERVER_FIELDS, FieldSpec
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.keys.keymap import key_of

NO_IDENTITY = ""
"""Value for an identity that does not exist yet: a name is never empty."""

KEEP, SET, NONE = "keep", "set", "none"
_PRESHARED_KEYS = secret_keys("preshared_key")
_PLACES = {
    SecretForm.COMMAND: "from a command",
    SecretForm.ENV: "from the environment",
    SecretForm.CREDENTIAL: "a systemd credential",
    SecretForm.INLINE: "in servers.toml itself",
}


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
        self._secret_options = _secret_options(server.preshared_key if server else None)
        in_use = sum(field.more and field.key in begun for field in SERVER_FIELDS)
        super().__init__(_heading(server, copied), SERVER_FIELDS, in_use)

    def new_row(self, field: FieldSpec) -> FieldRow:
        """Build the row of a field from the server's table. An unset field shows its default."""
        text = to_text(field.kind, self._original.get(field.key))
        said = to_text(field.kind, self._usual.get(field.key))
        match field.kind:
            case FormFieldKind.YES_NO:
                return FieldRow(field, text, options=[("", f"default: {said}"), (YES, YES), (NO, NO)])
            case FormFieldKind.CHOICE:
                options = self._identity_options()
                return FieldRow(field, text or said or options[0][0], options=options)
            case FormFieldKind.SECRET:
                return FieldRow(field, self._secret_options[0][0], options=self._secret_options)
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
            problems.setdefault(_row_of(key), problem)
        if self.row("identity").text == NO_IDENTITY:
            key = key_of("enter_field", self.app.actions)
            problems["identity"] = f"no identity yet: press {key} here to create one"
        return problems

    def _entries(self) -> tuple[dict[str, object], dict[str, str]]:
        """The TOML table of the form, and the problems by key. Unchanged fields keep their value."""
        entries, problems = dict(self._original), {}
        for key, row in self._rows.items():
            kind = row.field.kind
            if kind is FormFieldKind.SECRET or (
                row.text == self._initial_texts[key] and kind is not FormFieldKind.CHOICE
            ):
                continue
            try:
                value = to_value(kind, row.text)
            except InvalidValueError as error:
                problems[key] = str(error)
                value = None
            entries.pop(key, None)
            if value is not None:
                entries[key] = value
        if self.row("preshared_key").text != KEEP:
            for key in _PRESHARED_KEYS:
                entries.pop(key, None)
        if self.row("preshared_key").text == SET:
            try:
                self._preshared_key()
            except InvalidKeyError as error:
                problems["preshared_key"] = (
                    str(error) if self.row("preshared_key").secret else "type or paste the key"
                )
        return entries, problems

    def _preshared_key(self) -> PresharedKey | None:
        """The typed key, or None. Raises InvalidKeyError."""
        row = self.row("preshared_key")
        if row.text != SET:
            return None
        key = PresharedKey.from_text(row.secret)
        if key == NO_PRESHARED_KEY:
            choice = dict(self._secret_options)[NONE]
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
        """Show the secret input if a key is to be set."""
        row = self.row("preshared_key")
        row.show_secret_input(row.text == SET)
        super().on_choice_input_choice_changed(event)

    def open(self, row: FieldRow) -> bool:
        """Open the identity form if a new identity is selected."""
        if row is not self.row("identity") or row.text != NO_IDENTITY:
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
        self._fill_protocol("" if conf.protocol == WIREGUARD else conf.protocol)
        self._fill_own_settings(conf)
        if peer.preshared_key:
            secret = self.row("preshared_key")
            secret.text = SET
            secret.show_secret_input(True)
            secret.set_secret(peer.preshared_key.to_text())
        self.validate_fields()
        self.row("tunnel_ping").start()

    def _fill_protocol(self, protocol: str) -> None:
        if "protocol" in self._rows:
            self.row("protocol").text = protocol
            return
        # The field is hidden so far. It takes its text from the server's table when it is shown.
        others = {key: value for key, value in self._original.items() if key != "protocol"}
        self._original = {**others, "protocol": protocol} if protocol else others

    def _fill_own_settings(self, conf: WgQuickFile) -> None:
        """Take the parameters of AmneziaWG, for which the form has no fields."""
        others = {key: value for key, value in self._original.items() if key != AMNEZIAWG}
        written = write_settings_of(AMNEZIAWG, conf.amneziawg.settings) if conf.amneziawg else {}
        self._original = {**others, AMNEZIAWG: written} if written else others

    async def write(self) -> EditedServer | None:
        """Save under the file's lock. Changes that another program made meanwhile are kept."""
        entries, _ = self._entries()
        taken = self._conf if self.row("identity").text == self._conf_name else None
        change = ServerChange(self._before, entries, self._preshared_key(), taken)
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


def _row_of(key: str) -> str:
    return "preshared_key" if key in _PRESHARED_KEYS else key


def _secret_options(source: SecretSource | None) -> list[Option]:
    if source is None:
        return [(NONE, "not set"), (SET, "set one:")]
    place = f"in {source.value}" if source.form is SecretForm.FILE else _PLACES[source.form]
    return [(KEEP, f"set, {place}"), (SET, "replace it:"), (NONE, "remove it")]
