"""Which configurations the dashboard reads only after its first paint."""

from pathlib import Path

import pytest

from wgmon_tui.cli.dashboard import _is_slow_to_read

_LARGE = "# a long file\n" * 30_000


@pytest.mark.parametrize(
    ("servers", "config", "is_slow"),
    [
        (_LARGE, None, True),
        ("", None, False),
        (_LARGE + 'private_key_command = ["pass", "wg"]\n', None, False),
        (_LARGE, 'token_command = ["pass", "mail"]\n', False),
        (None, None, False),
    ],
)
def test_a_long_file_without_commands_is_read_later(
    tmp_path: Path, servers: str | None, config: str | None, is_slow: bool
) -> None:
    for name, text in (("servers.toml", servers), ("config.toml", config)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert _is_slow_to_read(tmp_path) is is_slow
