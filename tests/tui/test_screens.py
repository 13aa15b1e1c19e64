"""Every screen at the sizes and in the looks that it was designed for. Update with `--snapshot-update`.

As text, with the style of every character in letters below it: so a change can be read. `test_pictures.py`
has what one looks at.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.tui.scenes import PICTURED, SCENES, USUAL_SIZE, Stage
from tests.tui.textpictures import TextPicture, picture_of, sheet
from wgmon_tui.history.reading import History

SIZES = ((60, 20), USUAL_SIZE, (140, 45))
LOOKS = ("night", "paper", "mono", "NO_COLOR")
QUICK = "question"
"""The one that the quick run looks at: with a form below it."""


class TextFile(SingleFileSnapshotExtension):
    """A file for each sheet."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


async def seen(
    scene: str, stage: Stage, size: tuple[int, int] = USUAL_SIZE, *, then_in: str = ""
) -> TextPicture:
    """A scene as it looks; where `then_in` is given, with that theme put on while it is open."""
    stage.directory.mkdir()
    app = SCENES[scene].app(stage)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await SCENES[scene].until(pilot)
        if then_in:
            app.theme = then_in
            await pilot.pause()
        await pilot.pause()
        return picture_of(app)


@pytest.mark.thorough
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("scene", SCENES)
async def test_a_screen(
    scene: str,
    size: tuple[int, int],
    past: History,
    tmp_path: Path,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = LOOKS[1:] if size == USUAL_SIZE and scene in PICTURED else LOOKS
    pictures = {}
    for look in looks:
        theme: str | None = look
        if look == "NO_COLOR":
            monkeypatch.setenv("NO_COLOR", "1")
            theme = None
        pictures[look] = await seen(scene, Stage(tmp_path / look, past, theme), size)
    text = sheet(pictures)
    assert str(tmp_path) not in text
    assert snapshot.use_extension(TextFile) == text


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(scene, marks=() if scene == QUICK else pytest.mark.thorough)
        for scene in SCENES
        if scene not in ("theme", "palette")  # the list of the one says which is on; the other is Textual's
    ],
)
async def test_a_theme_that_is_put_on_meanwhile_reaches_every_word(
    scene: str, past: History, tmp_path: Path
) -> None:
    opened = await seen(scene, Stage(tmp_path / "opened", past, "paper"))
    changed = await seen(scene, Stage(tmp_path / "changed", past, "night"), then_in="paper")
    assert changed == opened
