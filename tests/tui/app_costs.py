"""Cheaper apps for tests: stylesheets are parsed once for all, and a screen is painted once for each step.

An app paints after every change. A test looks at the screen after `settle`, which paints it then.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakSet

import pytest
from textual.css import stylesheet
from textual.css.model import RuleSet
from textual.css.parse import parse
from textual.css.tokenize import tokenize_values
from textual.css.tokenizer import Token
from textual.css.types import CSSLocation
from textual.screen import Screen

_refresh = Screen._compositor_refresh

_unpainted: WeakSet[Screen[object]] = WeakSet()
_variables: dict[tuple[tuple[str, str], ...], dict[str, list[Token]]] = {}
_rules: dict[object, list[RuleSet]] = {}


def install(patch: pytest.MonkeyPatch) -> None:
    """Make the apps of this process cheaper."""
    patch.setattr(Screen, "_compositor_refresh", _paint_later)
    patch.setattr(stylesheet, "tokenize_values", _tokenize_once)
    patch.setattr(stylesheet, "parse", _parse_once)


def paint(screen: Screen[object]) -> None:
    """Paint what has changed since the last time."""
    if screen in _unpainted:
        _unpainted.discard(screen)
        _refresh(screen)


def _paint_later(screen: Screen[object]) -> None:
    if screen.app.is_inline or screen is not screen.app.screen:
        _refresh(screen)
        return
    screen._dirty_widgets.clear()  # the compositor knows their regions
    screen.app._update_mouse_over(screen)
    _unpainted.add(screen)


def _tokenize_once(values: dict[str, str]) -> dict[str, list[Token]]:
    key = tuple(values.items())
    if key not in _variables:
        _variables[key] = tokenize_values(values)
    return _variables[key]


def _parse_once(
    scope: str,
    css: str,
    read_from: CSSLocation,
    variables: dict[str, str] | None = None,
    variable_tokens: dict[str, list[Token]] | None = None,
    is_default_rules: bool = False,
    tie_breaker: int = 0,
) -> Iterable[RuleSet]:
    key = (scope, css, read_from, id(variable_tokens), is_default_rules, tie_breaker)
    if variables is not None or key not in _rules:
        _rules[key] = list(
            parse(scope, css, read_from, variables, variable_tokens, is_default_rules, tie_breaker)
        )
    return _rules[key]
