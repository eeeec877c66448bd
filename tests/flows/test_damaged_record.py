"""Unreadable rows and files of the record: reported in one line, with the right status."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from deployments.cli.errors import error_line, exit_status
from registry.studies.evaluations import EvaluationRecord, record_evaluation
from tasks.settings import current_settings, now


def orbcast(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments))
    assert "internal error" not in done.output
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("figures", ["{", "", "[]", "null", '{"summary": 1}', "\x00"])
def test_a_study_whose_figures_cannot_be_read_is_named(figures: str, own: Path) -> None:
    settings = current_settings()
    model = next(
        record for record in settings.models().versions("MGC") if record.kind != "baseline"
    )
    study = EvaluationRecord(
        market="MGC",
        recipe=model.model,
        recipe_hash=model.recipe_hash,
        study_hash="a" * 64,
        settings={"counts": True},
        data_fingerprint="b" * 64,
        verdict="none",
        figures={},
        files={},
        at=now(),
    )
    record_evaluation(settings.database(), study, settings.recipe(model.model))
    with settings.database().session() as session:
        session.execute(text("UPDATE evaluations SET figures = :figures"), {"figures": figures})

    status, out, errors = orbcast("verify")
    assert (status, own.is_dir()) == (1, True)
    assert "evaluations" in out + errors
    status, _, errors = orbcast("models", "card", model.version)
    assert (status, errors.count("\n")) in {(2, 1), (3, 1)}, errors
    assert orbcast("status", "--market", "mgc")[0] == 0


def test_memory_that_ends_is_the_operator_s() -> None:
    for error in (
        MemoryError("Unable to allocate 9 GiB"),
        OSError(12, "Cannot allocate memory"),
        type("OutOfMemoryException", (Exception,), {})("failed to allocate"),
        type("BrokenProcessPool", (Exception,), {})("terminated abruptly"),
    ):
        assert exit_status(error) == 3
        assert error_line(error).startswith("there is not enough memory for this; ")
