import sys
from pathlib import Path

import pytest

from wgmon_tui.config.paths import default_config_dir, default_state_dir


@pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")
def test_configuration_and_state_are_where_the_platform_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/ada/.config")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/ada/.local/state")
    assert default_config_dir() == Path("/home/ada/.config/wgmon-tui")
    assert default_state_dir() == Path("/home/ada/.local/state/wgmon-tui")
