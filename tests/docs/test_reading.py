"""Every page is followed, exceptions are named one by one, and mistakes are found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.docs.beginnings import BEGINNINGS
from tests.docs.data_blocks import CHECKS
from tests.docs.following import Check, PageExceptions, Reader, first_line, normalised
from tests.docs.page import Step, steps_in, steps_of
from tests.docs.pages import PAGES, path_of
from tests.docs.tables import DRAWN, EXCUSED, MEANWHILE, REWRITTEN, STATUSES
from tests.docs.terminal import Terminal

STEPS = [step for name in PAGES for step in steps_of(path_of(name))]
COMMANDS = {normalised(step.text) for step in STEPS if step.kind == "command"}


def follow(
    text: str,
    folder: Path,
    exceptions: PageExceptions | None = None,
    checks: Mapping[str, Check] | None = None,
) -> list[str]:
    """Follow a page with only an ordinary shell."""
    reader = Reader(
        terminal=Terminal(folder, {"PATH": "/usr/bin:/bin"}),
        exceptions=exceptions or PageExceptions(),
        checks=checks or {},
    )
    return reader.follow(list(steps_in(text, "page.md")))


def test_every_beginning_is_that_of_a_page() -> None:
    assert set(BEGINNINGS) <= set(PAGES)


def test_every_entry_of_the_tables_names_text_of_a_page() -> None:
    output_lines = {first_line(step.text) for step in STEPS if step.kind == "shown"}
    commands = {(step.page, normalised(step.text)) for step in STEPS if step.kind == "command"}

    assert set(EXCUSED) <= COMMANDS
    assert set(DRAWN) <= output_lines
    assert {command.removesuffix(" (2)") for command in STATUSES} <= COMMANDS
    assert set(MEANWHILE) <= commands
    assert [pattern for pattern, *_ in REWRITTEN if not _fits(pattern, COMMANDS)] == []


def test_no_command_is_both_excused_and_expected_to_end_in_some_way() -> None:
    assert not set(EXCUSED) & set(STATUSES)


def test_every_script_that_a_page_writes_is_run_by_a_command_of_that_page() -> None:
    scripts = [step for step in STEPS if step.title.endswith(".py") and "/" not in step.title]
    assert scripts
    for script in scripts:
        assert _fits(rf"python {script.title}", _texts(STEPS, script.page)), script.place


def test_a_command_that_fails_is_reported(tmp_path: Path) -> None:
    (fault,) = follow("```sh\ncp there here\nmkdir made\n```\n", tmp_path)

    assert fault.startswith("page.md:2: cp there here\nended with 1, not 0")
    assert (tmp_path / "made").is_dir()


def test_a_command_that_ends_well_and_should_not_is_reported(tmp_path: Path) -> None:
    exceptions = PageExceptions(statuses={"mkdir made": (3, "of this test")})

    (fault,) = follow("    mkdir made\n", tmp_path, exceptions)

    assert "ended with 0, not 3" in fault


def test_a_line_that_is_shown_and_not_printed_is_reported(tmp_path: Path) -> None:
    text = "    export A=1; echo all 12 bars came in\n\n    all {} bars came {}\n"

    assert follow(text.format(9, "in"), tmp_path) == []
    (fault,) = follow(text.format(9, "late"), tmp_path)
    assert fault.startswith("page.md:3: is shown, not printed: all 9 bars came late")


def test_output_shown_above_any_command_is_reported(tmp_path: Path) -> None:
    assert follow("```text\nall is well\n```\n", tmp_path) == [
        "page.md:1: shows what no command above it prints"
    ]


def test_an_unknown_program_is_reported_and_not_passed_over(tmp_path: Path) -> None:
    (fault,) = follow("    export A=1\n\n    levitate --now\n", tmp_path)

    assert "is shown, not printed: levitate --now" in fault


def test_a_command_is_passed_over_only_by_its_own_words(tmp_path: Path) -> None:
    exceptions = PageExceptions(excused={"git pull": "asks another machine"})

    assert follow("    git pull      # the newest\n", tmp_path, exceptions) == []
    (fault,) = follow("    git pull there\n", tmp_path, exceptions)
    assert fault.startswith("page.md:1: git pull there\nended with")


def test_a_python_example_that_raises_is_reported_and_names_last_through_the_page(
    tmp_path: Path,
) -> None:
    text = "```python\nbars = [1, 2]\n```\n\n```python\nassert len(bars) == {}\n```\n"

    assert follow(text.format(2), tmp_path) == []
    assert follow(text.format(3), tmp_path) == ["page.md:5: raised AssertionError()"]


@pytest.mark.parametrize("language", ["yaml", ""], ids=["another language", "none"])
def test_a_block_without_a_check_is_reported(language: str, tmp_path: Path) -> None:
    (fault,) = follow(f"```{language}\na: 1\n```\n", tmp_path)

    assert "nobody knows what to do" in fault


def test_an_order_intent_that_differs_from_the_outbox_is_reported(tmp_path: Path) -> None:
    (order_intent,) = [step for step in STEPS if step.kind == "json"]
    text = f"```json\n{order_intent.text.replace('33819', '33820')}```\n"

    (fault,) = follow(text, tmp_path, checks=CHECKS)

    assert fault == "page.md:1: range_low_ticks is 33819, not 33820"


def test_a_query_that_the_database_does_not_understand_is_reported(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()

    (fault,) = follow("```sql\nSELECT id FROM no_table\n```\n", tmp_path, checks=CHECKS)

    assert "does not understand it: no such table" in fault


def test_what_is_exported_and_written_lasts_to_the_next_block(tmp_path: Path) -> None:
    page = (
        '```text title="bars/a.csv"\n1,2\n```\n\n    export FILE=bars/a.csv\n    ONE=1\n\n'
        'Then:\n\n    cp "$FILE" \\\n      copy$ONE.csv\n'
    )

    assert follow(page, tmp_path) == []
    assert (tmp_path / "copy1.csv").read_text() == "1,2\n"


def _fits(pattern: str, commands: Iterable[str]) -> bool:
    return any(re.search(pattern, command) for command in commands)


def _texts(steps: Iterable[Step], page: str) -> list[str]:
    return [step.text for step in steps if step.page == page and step.kind == "command"]
