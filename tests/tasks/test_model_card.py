"""The card of a registered version is written at each retrain and shown by a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.settings import current_settings, now
from tasks.training.model_card import card_of, simulated


def test_a_retrain_leaves_the_card_of_what_it_trained_as_page_and_markdown(own: Path) -> None:
    version = current_settings().models().find("MGC", "challenger").version

    folder = own / "reports" / "MGC"

    assert (folder / f"{version}.html").read_text().startswith("<!doctype html>")
    assert (folder / f"{version}.md").read_text().startswith("# MGC · residual-mirrored")


def test_the_card_is_of_the_version_that_serves_unless_another_is_named(own: Path) -> None:
    del own
    settings = current_settings()

    serving, other = (card_of(settings, "mgc", ref, now()) for ref in (None, "challenger"))

    assert serving.version == settings.models().serving("MGC", now()).record.version
    assert serving.kind == "baseline"
    assert other.kind == "residual"
    assert other.bars["contract"].startswith("previous day volume; rolled")


def test_bars_with_the_truth_beside_them_are_simulated(home: Path) -> None:
    home.mkdir()
    assert not simulated(current_settings(), "mgc")

    (home / "trader-truth.npz").touch()

    assert simulated(current_settings(), "mgc")


@pytest.mark.parametrize("as_page", [False, True], ids=["markdown", "page"])
def test_the_command_prints_markdown_or_writes_a_page(
    own: Path, tmp_path: Path, *, as_page: bool
) -> None:
    del own
    page = tmp_path / "card.html"
    command = ["models", "card", *(["--html", str(page)] if as_page else [])]

    done = CliRunner().invoke(app, command)

    assert done.exit_code == 0, done.stderr
    assert page.is_file() == as_page
    assert as_page or done.stdout.startswith("# MGC · baseline")


def test_a_version_that_is_not_there_is_one_line_and_status_two(own: Path) -> None:
    del own
    done = CliRunner().invoke(app, ["models", "card", "nothing-such"])

    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
