"""argparse with messages that name the word that was probably meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from wgmon_tui.exit_codes import ExitCode
from wgmon_tui.text import did_you_mean, printable, quoted

_OPTION = re.compile(r"--[^-].*|-[A-Za-z]")
"""A word that can only be an option: not `-`, `--` or a negative number."""

_MANY = ("*", "+")


class CommandParser(argparse.ArgumentParser):
    """The parser of the program, and of each command."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse the words. All options and words that no parser knows are listed at once."""
        words = sys.argv[1:] if args is None else list(args)
        self._refuse_unknown_options(words)
        parsed, unknown = self.parse_known_args(words, namespace)
        if unknown:
            command = find_command(self, getattr(parsed, "command", ""))
            command.error("\n".join(_explain_unknown(word, self) for word in unknown))
        return parsed

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse like argparse, but also names behind an option: `show fra1 --json ams1`."""
        words = sys.argv[1:] if args is None else list(args)
        if any(each.nargs in _MANY and not each.option_strings for each in self._actions):
            words = self._with_names_last(words)
        return super().parse_known_args(words, namespace)

    def _with_names_last(self, words: list[str]) -> list[str]:
        """Return the words with all options before the names, if a name stands behind an option."""
        options: list[str] = []
        names: list[str] = []
        is_mixed, has_ended, values = False, False, 0
        for place, word in enumerate(words):
            if word == "--" and not has_ended:
                has_ended, values = True, 0
            elif not has_ended and word.startswith("-") and word != "-":
                options.append(word)
                values = self._count_values(word, words[place + 1 : place + 2])
            elif values:
                options.append(word)
                values = 0
            else:
                is_mixed = is_mixed or bool(options)
                names.append(word)
        return [*options, "--", *names] if is_mixed else words

    def _count_values(self, option: str, following: Sequence[str]) -> int:
        """Return how many of the words that follow an option are its value."""
        name, has_value, _ = option.partition("=")
        found = [each for each in self._actions if name in each.option_strings] or [
            each for each in self._actions if any(known.startswith(name) for known in each.option_strings)
        ]
        if has_value or not found or not following:
            return 0
        is_value = following[0] == "-" or not following[0].startswith("-")
        return int(found[0].nargs is None or (found[0].nargs == "?" and is_value))

    def _refuse_unknown_options(self, words: Sequence[str]) -> None:
        """End with all misspelt options, before argparse takes the value of one for another word."""
        command: argparse.ArgumentParser = self
        allowed = _options_of(self)
        unknown = []
        for word in words:
            if word == "--":
                break
            option = word.partition("=")[0]
            if _OPTION.fullmatch(option):
                if not any(each.startswith(option) for each in allowed):
                    unknown.append(option)
            elif word in (subcommands := subcommands_of(command)):
                command = subcommands[word]
                allowed = [*allowed, *_options_of(command)]
        if unknown:
            hints = ((option, did_you_mean(option, allowed)) for option in unknown)
            lines = (
                f"there is no option {quoted(option)}{'; ' + hint if hint else ''}" for option, hint in hints
            )
            command.error("\n".join(lines))

    def error(self, message: str) -> NoReturn:
        """Exit with 64 on a usage error: argparse's own 2 would mean "some servers are down"."""
        if message == "the following arguments are required: COMMAND":
            message = f"a command is missing; commands: {', '.join(subcommands_of(self))}"
        lines = "".join(f"{self.prog}: {printable(line)}\n" for line in message.split("\n"))
        self.exit(ExitCode.USAGE, f"{lines}Type `{self.prog} --help`.\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is none of the choices; called by argparse."""
        if action.choices is None or value in action.choices:
            return
        known = [str(each) for each in action.choices]
        hint = did_you_mean(str(value), known)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  argparse has no other name for it
            self.error(f"there is no command {quoted(str(value))}; {hint or 'commands: ' + ', '.join(known)}")
        raise argparse.ArgumentError(
            action if action.option_strings else None,
            f"there is no {quoted(str(value))}; {hint or 'expected one of ' + ', '.join(known)}",
        )


def commands_of(
    parser: argparse.ArgumentParser, prefix: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that can be typed, with its parser: `alert test`, not `alert`."""
    for name, child in subcommands_of(parser).items():
        children = list(commands_of(child, f"{prefix}{name} "))
        yield from children or [(f"{prefix}{name}", child)]


def subcommands_of(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the commands directly below a parser."""
    for action in actions_of(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def actions_of(parser: argparse.ArgumentParser) -> Sequence[argparse.Action]:
    """Return the options and arguments of a parser."""
    return parser._actions  # noqa: SLF001  argparse has no other access to them


def find_command(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    """Return the parser of a command; without such a command, the whole parser."""
    return dict(commands_of(parser)).get(name, parser)


def _explain_unknown(word: str, parser: argparse.ArgumentParser) -> str:
    option = word.partition("=")[0]
    if option in _options_of(parser):
        return f"{option} goes before the command: {parser.prog} {option} …"
    return f"{quoted(word)} is one word too many"


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in actions_of(parser) for option in action.option_strings]
