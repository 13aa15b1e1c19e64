"""Identity form: a new key pair, an existing private key, or changed tunnel addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wgmon_tui.config.imports.new_identity import keygen
from wgmon_tui.config.imports.wg_quick_parser import make_unique_name
from wgmon_tui.config.keys import InvalidKeyError, PrivateKey
from wgmon_tui.config.models import ConfigurationError, Fleet, Identity
from wgmon_tui.config.server_edits import save_identity
from wgmon_tui.config.value_parsers import InvalidValueError, parse_interface, parse_name
from wgmon_tui.config.value_types import FormFieldKind
from wgmon_tui.net.addresses import Interface
from wgmon_tui.tui.editing.field_row import ChoiceInput, ConfPasted, FieldRow
from wgmon_tui.tui.editing.field_values import to_text, to_value
from wgmon_tui.tui.editing.fields import IDENTITY_FIELDS, FieldSpec
from wgmon_tui.tui.editing.form_screen import FormScreen
from wgmon_tui.tui.editing.peer_stanza import PeerStanzaScreen
from wgmon_tui.tui.keys.keymap import key_of

GENERATE, PROVIDE, KEEP = "make", "bring", "keep"


class IdentityForm(FormScreen[Identity]):
    """Form for `identity` of `fleet`, or for a new identity."""

    def __init__(self, config_dir: Path, fleet: Fleet, identity: Identity | None = None) -> None:
        self._config_dir = config_dir
        self._identity = identity
        self._used_names = {each.name for each in fleet.identities if each is not identity}
        super().__init__(f"Edit identity {identity.name}" if identity else "New identity", IDENTITY_FIELDS)

    def new_row(self, field: FieldSpec) -> FieldRow:
        """Build the row of a field. Only the addresses of an existing identity can be edited."""
        identity = self._identity
        match field.key:
            case "name" if identity:
                return FieldRow(
                    field, identity.name, options=[(identity.name, identity.name)], read_only=True
                )
            case "name":
                suggested = make_unique_name(
                    socket.gethostname().partition(".")[0] or "monitor", self._used_names
                )
                return FieldRow(field, suggested, placeholder=field.example)
            case "private_key" if identity:
                return FieldRow(field, KEEP, options=[(KEEP, "unchanged")], read_only=True)
            case "private_key":
                return FieldRow(
                    field,
                    GENERATE,
                    options=[(GENERATE, "generate a new pair"), (PROVIDE, "use an existing one:")],
                )
            case _:
                written = [str(each) for each in identity.addresses] if identity else []
                text = to_text(FormFieldKind.LIST, written) if written else ""
                return FieldRow(field, text, placeholder=field.example)

    def problems(self) -> Mapping[str, str]:
        """Validate with the parsers of servers.toml."""
        problems = {}
        try:
            if parse_name(self._entered_name) in self._used_names:
                problems["name"] = "another identity has this name"
        except InvalidValueError as error:
            problems["name"] = str(error)
        try:
            self._private_key()
        except InvalidKeyError as error:
            problems["private_key"] = (
                str(error) if self.row("private_key").secret else "type or paste the key"
            )
        try:
            self._addresses()
        except InvalidValueError as error:
            problems["addresses"] = str(error)
        return problems

    @property
    def _entered_name(self) -> str:
        return self.row("name").text.strip()

    def _private_key(self) -> PrivateKey | None:
        """The typed key, or None. Raises InvalidKeyError."""
        row = self.row("private_key")
        return PrivateKey.from_text(row.secret) if row.text == PROVIDE else None

    def _addresses(self) -> tuple[Interface, ...]:
        """The typed addresses. Raises InvalidValueError."""
        written = to_value(FormFieldKind.LIST, self.row("addresses").text)
        return tuple(parse_interface(each) for each in written) if isinstance(written, list) else ()

    def on_choice_input_choice_changed(self, event: ChoiceInput.ChoiceChanged) -> None:
        """Show the secret input if an existing key is used."""
        row = self.row("private_key")
        row.show_secret_input(row.text == PROVIDE)
        super().on_choice_input_choice_changed(event)

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Fill in the key and the addresses of a pasted wg-quick file."""
        event.stop()
        if self._identity is not None:
            makes = key_of("new_identity", self.app.actions)
            self.show_error(f"A key cannot be replaced here: create a new identity ({makes})")
            return
        conf = self.parse_conf(event.text)
        if conf is None:
            return
        try:
            private_key = conf.require_private_key()
        except ConfigurationError as error:
            self.show_error(str(error))
            return
        key = self.row("private_key")
        key.text = PROVIDE
        key.show_secret_input(True)
        key.set_secret(private_key.to_text())
        self.row("addresses").text = to_text(FormFieldKind.LIST, [str(each) for each in conf.addresses])
        self.validate_fields()

    async def write(self) -> Identity | None:
        """Save the identity. For a new one, show its [Peer] section."""
        try:
            if self._identity is not None:
                after = replace(self._identity, addresses=self._addresses())
                await asyncio.to_thread(save_identity, self._config_dir, self._identity, after)
                return after
            made = await asyncio.to_thread(
                keygen, self._entered_name, self._config_dir, self._addresses(), self._private_key()
            )
        except ConfigurationError as error:
            self.show_error(str(error))
            return None
        self._show_message()  # it is saved: "Saving" must not stay behind the dialog
        await self.app.push_screen_wait(PeerStanzaScreen(made.identity.name, made.stanza))
        return made.identity
