"""YAML whose values all stay text, as they stand in the file. Imports PyYAML when it is needed.

PyYAML is the usual YAML library of Python, and its parser in C has limits for depth. Its safe constructor
would read a password of digits as a number, so only merge keys (`<<`) of it are used.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_MOST_MERGED = 20
_MOST_KEYS = 2000
"""Limits of a merge: an entry with more of them is no server, but an attack on the memory of the reader."""


class YamlError(Exception):
    """A text is no YAML, or PyYAML is not installed. The message repeats nothing of the text."""


def load_yaml(text: str) -> object:
    """The document of a text, with every scalar as text. Raises YamlError."""
    try:
        import yaml
    except ImportError:
        raise YamlError('Clash files need the package PyYAML; type: pip install "wgmon-tui[proxy]"') from None
    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  it constructs text, lists and tables only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise YamlError(f"{where}damaged YAML; copy the file again") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        raise YamlError("damaged YAML; copy the file again") from None


@cache
def _loader() -> Any:
    import yaml

    parser: Any = getattr(yaml.cyaml, "CParser", None) if yaml.__with_libyaml__ else None
    bases = (
        (parser,)
        if parser
        else (yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer)
    )

    class TextLoader(*bases, yaml.constructor.SafeConstructor, yaml.resolver.BaseResolver):  # type: ignore[misc]
        """Constructs text, lists and tables."""

        def __init__(self, stream: str) -> None:
            for base in bases:
                base.__init__(self, *((stream,) if base in bases[:1] else ()))
            yaml.constructor.SafeConstructor.__init__(self)
            yaml.resolver.BaseResolver.__init__(self)

        def flatten_mapping(self, node: Any) -> None:
            for key, value in node.value:
                if key.tag == _MERGE and len(getattr(value, "value", ())) > _MOST_KEYS:
                    raise yaml.YAMLError
                if (
                    key.tag == _MERGE
                    and isinstance(value, yaml.SequenceNode)
                    and len(value.value) > _MOST_MERGED
                ):
                    raise yaml.YAMLError
            super().flatten_mapping(node)
            if len(node.value) > _MOST_KEYS * _MOST_MERGED:
                raise yaml.YAMLError

    TextLoader.add_implicit_resolver(_MERGE, re.compile("^<<$"), ["<"])
    return TextLoader


_MERGE = "tag:yaml.org,2002:merge"
