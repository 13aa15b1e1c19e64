"""`wgmon-tui export targets`: file-based service discovery for Prometheus."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, write_config
from tests.output.sample_rounds import server
from wgmon_tui.cli.main import main
from wgmon_tui.output.prometheus_sd import file_sd


def test_a_server_is_a_target_by_its_name_with_what_its_entry_says() -> None:
    [group] = json.loads(file_sd([replace(server("zürich 1"), tags=("eu", "edge"), interval=7.5)]))
    assert group == {
        "targets": ["zürich 1"],
        "labels": {
            "__meta_wgmon_endpoint": "fra1.example.net:51820",
            "__meta_wgmon_identity": "bastion",
            "__meta_wgmon_interval": "7.5s",
            "__meta_wgmon_paused": "false",
            "__meta_wgmon_tags": ",eu,edge,",
        },
    }


def test_the_file_is_replaced_whole_and_another_account_may_read_it(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"), quick_server("fra1"))
    output = tmp_path / "targets.json"
    output.write_text("what stood there")
    before = output.stat().st_ino
    assert main(["--config", str(tmp_path / "config"), "export", "targets", "--output", str(output)]) == 0
    assert [group["targets"] for group in json.loads(output.read_text())] == [["ams1"], ["fra1"]]
    assert output.stat().st_ino != before
    assert stat.S_IMODE(output.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_without_a_file_it_is_printed_and_a_shard_has_its_own(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    write_config(tmp_path / "config", *(quick_server(f"s{number}") for number in range(9)))
    targets: list[str] = []
    for shard in ("1/2", "2/2"):
        main(["--config", str(tmp_path / "config"), "export", "targets", "--shard", shard])
        targets += (group["targets"][0] for group in json.loads(capfdbinary.readouterr().out))
    assert sorted(targets) == [f"s{number}" for number in range(9)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "csv"], "export targets: Prometheus reads only JSON; use --format json"),
        (["fra1"], "export targets: NAME is not supported; use --shard I/N, or relabelling in Prometheus"),
        (["--since", "24h"], "export targets: --since is only for the history"),
        (["--with-keys"], "export targets: --with-keys is only for exchange"),
        (
            ["--output", "/nowhere/at/all"],
            "export targets: cannot write /nowhere/at/all: No such file or dir",
        ),
    ],
)
def test_what_does_not_go_together_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    write_config(tmp_path / "config", quick_server("fra1"))
    assert main(["--config", str(tmp_path / "config"), "export", "targets", *words]) == 64
    assert capsys.readouterr().err.startswith(f"wgmon-tui: {said}")
