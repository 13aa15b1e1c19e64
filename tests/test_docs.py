"""The pages that the code writes are the ones that are there, and pages do not contradict each other."""

import pytest

from docs.make import HERE, PAGES

ROOT = HERE.parent


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    assert (HERE / name).read_text() == PAGES[name](), "type `make docs`"


@pytest.mark.parametrize(
    "page", ["README.md", "docs/alerts.md", "docs/configuration.md", "docs/config-toml.md"]
)
def test_every_page_says_that_a_change_of_config_toml_takes_effect_at_once(page: str) -> None:
    text = " ".join((ROOT / page).read_text().split())
    assert "effect within a second of being saved" in text
    assert "a change is taken up by a reload" not in text
