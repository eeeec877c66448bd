"""Outside text with terminal control characters is escaped wherever it is shown."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path

import pytest
from rich.markdown import Markdown
from typer.testing import CliRunner

from deployments.cli import drawing, markdown, terminal
from deployments.cli.app import app
from deployments.cli.plain_text import printable
from registry.errors import UnsignedChangeError
from registry.notices import Notice, record_notice
from tasks.settings import current_settings, now

ESCAPES = (
    "\x1b[2J",  # clears the screen
    "\x1b]0;owned\x07",  # names the window
    "\x1b]8;;http://evil.example\x1b\\",  # a link
    "\x9b31m",  # the same as ESC [, in one character
    "\r",  # returns to the start of the line
    "\x08",
    "\x7f",
    "\u202e",  # writes the following text from right to left
    "\u2066",
    "\udcff",  # a byte of a file's name that is not UTF-8
)
FROM_OUTSIDE = f"a{'b'.join(ESCAPES)}c"


def acts(text: str) -> list[str]:
    """Return the control characters in a text, except the drawing's own line ends."""
    return [escape for escape in (*ESCAPES, "\x1b") if escape in text]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_text_that_does_nothing_stays_as_it_is() -> None:
    words = "Größe 5 µ, 漢字, a\tb\nnext: 😀 (\u2013)"
    assert printable(words) == words


def test_each_way_of_printing_writes_it_out(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.echo(FROM_OUTSIDE)
    terminal.remark(FROM_OUTSIDE)
    terminal.print_json({"from outside": FROM_OUTSIDE})
    markdown.print_markdown(f"# {FROM_OUTSIDE}")
    table = drawing.borderless_table()
    table.add_column(FROM_OUTSIDE)
    table.add_row(FROM_OUTSIDE)
    terminal.show_table(table)
    printed = capsys.readouterr()
    assert acts(printed.out) == []
    assert acts(printed.err) == []
    assert printed.out.count("owned") == 5


def test_at_a_terminal_only_the_drawing_acts() -> None:
    file = StringIO()
    console = drawing.Console(file=file, force_terminal=True, color_system=None, width=400)
    console.print(Markdown(f"# {FROM_OUTSIDE}"))
    console.print(drawing.Text(FROM_OUTSIDE))
    drawn = file.getvalue()
    assert "\x1b]" not in drawn
    assert "\x1b[2J" not in drawn
    assert "\x9b" not in drawn
    assert "\u202e" not in drawn


def test_an_error_s_line_and_its_traceback_write_it_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home

    def fails(*_: object) -> None:
        raise UnsignedChangeError(FROM_OUTSIDE, FROM_OUTSIDE)

    monkeypatch.setattr("tasks.settings.Settings.database", fails)
    for more in ([], ["--debug"]):
        done = CliRunner().invoke(app, ["verify", *more])
        assert acts(done.output) == []
        assert "owned" in done.stderr
    assert CliRunner().invoke(app, ["verify"]).stderr.count("\n") == 1
    wrong = CliRunner().invoke(app, ["status", "--market", FROM_OUTSIDE.replace("\udcff", "")])
    assert (wrong.exit_code, acts(wrong.output)) == (2, [])


def test_a_notice_is_shown_written_out(home: Path) -> None:
    settings = current_settings()
    text = FROM_OUTSIDE.replace("\udcff", "")  # no database accepts it
    notice = Notice(key="k", kind="failed", market="MGC", subject=text, body=text, at=now())
    record_notice(settings.database(), notice)
    for more in ([], ["--json"]):
        done = CliRunner().invoke(app, ["notices", *more])
        assert (done.exit_code, acts(done.output)) == (0, []), home
        assert "owned" in done.output


def test_a_run_s_own_words_are_written_out() -> None:
    from deployments.serving.terminal_log import _FitToShow  # noqa: PLC0415 - imports Prefect

    record = logging.LogRecord("flow", logging.INFO, "", 0, FROM_OUTSIDE, None, None)
    assert acts(_FitToShow("%(message)s").format(record)) == []
