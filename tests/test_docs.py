"""The pages that the code writes are the ones that are there."""

import pytest

from docs.make import HERE, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    assert (HERE / name).read_text() == PAGES[name](), "type `make docs`"
