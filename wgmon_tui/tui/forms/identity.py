"""The form of an identity: a new key pair, one that is brought in, or other tunnel addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wgmon_tui.fleet.editing import save_identity
from wgmon_tui.fleet.enroll import keygen
from wgmon_tui.fleet.records import ConfigurationError, Fleet, Identity, Interface
from wgmon_tui.fleet.value_types import Kind
from wgmon_tui.fleet.values import InvalidValueError, parse_interface, parse_name
from wgmon_tui.fleet.wgquick import free_name
from wgmon_tui.tui.forms.fields import IDENTITY_FIELDS, Field
from wgmon_tui.tui.forms.form import FormScreen
from wgmon_tui.tui.forms.rows import Choice, ConfPasted, FieldRow
from wgmon_tui.tui.forms.stanza import Stanza
from wgmon_tui.tui.forms.texts import to_text, to_value
from wgmon_tui.tui.keymap import key_of
from wgmon_tui.wireguard.keys import InvalidKeyError, PrivateKey

MAKE, BRING, KEEP = "make", "bring", "keep"


class IdentityForm(FormScreen[Identity]):
    """A form over `identity` of `fleet`; without one, over a new identity."""

    def __init__(self, config_dir: Path, fleet: Fleet, identity: Identity | None = None) -> None:
        self._config_dir = config_dir
        self._identity = identity
        self._taken = {each.name for each in fleet.identities if each is not identity}
        super().__init__(f"Edit identity {identity.name}" if identity else "New identity", IDENTITY_FIELDS)

    def new_row(self, field: Field) -> FieldRow:
        """Of an identity that is there, only the addresses can be written."""
        identity = self._identity
        match field.key:
            case "name" if identity:
                return FieldRow(field, identity.name, options=[(identity.name, identity.name)], fixed=True)
            case "name":
                wish = free_name(socket.gethostname().partition(".")[0] or "monitor", self._taken)
                return FieldRow(field, wish, placeholder=field.example)
            case "private_key" if identity:
                return FieldRow(field, KEEP, options=[(KEEP, "stays as it is")], fixed=True)
            case "private_key":
                return FieldRow(field, MAKE, options=[(MAKE, "make a new pair"), (BRING, "bring one in:")])
            case _:
                written = [str(each) for each in identity.addresses] if identity else []
                text = to_text(Kind.LIST, written) if written else ""
                return FieldRow(field, text, placeholder=field.example)

    def problems(self) -> Mapping[str, str]:
        """By the parsers of servers.toml itself."""
        problems = {}
        try:
            if parse_name(self._name_written) in self._taken:
                problems["name"] = "another identity has this name"
        except InvalidValueError as error:
            problems["name"] = str(error)
        try:
            self._private_key()
        except InvalidKeyError as error:
            problems["private_key"] = str(error) if self.row("private_key").secret else "type it, or paste it"
        try:
            self._addresses()
        except InvalidValueError as error:
            problems["addresses"] = str(error)
        return problems

    @property
    def _name_written(self) -> str:
        return self.row("name").text.strip()

    def _private_key(self) -> PrivateKey | None:
        """The one that was typed, if one was. Raises InvalidKeyError."""
        row = self.row("private_key")
        return PrivateKey.from_text(row.secret) if row.text == BRING else None

    def _addresses(self) -> tuple[Interface, ...]:
        """Raises InvalidValueError."""
        written = to_value(Kind.LIST, self.row("addresses").text)
        return tuple(parse_interface(each) for each in written) if isinstance(written, list) else ()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """The hidden entry is there where a key is brought in."""
        row = self.row("private_key")
        row.ask_for_secret(row.text == BRING)
        super().on_choice_changed(event)

    def on_conf_pasted(self, event: ConfPasted) -> None:
        """Of a whole wg-quick file, its key and addresses are taken."""
        event.stop()
        if self._identity is not None:
            makes = key_of("new_identity", self.app.actions)
            self.refuse(f"A key is not replaced here: make another identity ({makes})")
            return
        conf = self.conf_in(event.text)
        if conf is None:
            return
        key = self.row("private_key")
        key.text = BRING
        key.ask_for_secret(True)
        key.hide(conf.private_key.to_text())
        self.row("addresses").text = to_text(Kind.LIST, [str(each) for each in conf.addresses])
        self.judge()

    async def write(self) -> Identity | None:
        """A new one comes with what lets it in on a server."""
        try:
            if self._identity is not None:
                after = replace(self._identity, addresses=self._addresses())
                await asyncio.to_thread(save_identity, self._config_dir, self._identity, after)
                return after
            made = await asyncio.to_thread(
                keygen, self._name_written, self._config_dir, self._addresses(), self._private_key()
            )
        except ConfigurationError as error:
            self.refuse(str(error))
            return None
        await self.app.push_screen_wait(Stanza(made.identity.name, made.stanza))
        return made.identity
