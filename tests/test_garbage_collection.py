from __future__ import annotations

import gc

from wgmon_tui.garbage_collection import collect_rarely


def test_a_process_that_checks_looks_for_garbage_less_often_than_python_does() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        collect_rarely()
        assert gc.get_threshold() >= (10_000, 10, 10)
    finally:
        gc.set_threshold(*before)
