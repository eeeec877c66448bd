"""The mutation runner reports mutants that no test detects, and refuses an outdated list."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mutant_lists import LISTS, PROJECT, Mutant, read_lists, rot
from benchmarks.mutants import Report, Result, Runner

CODE = '''"""What a basket costs."""


def cost(price: int, pieces: int) -> int:
    """Return the price of some pieces, the tenth and later ones at half price."""
    dear = min(pieces, 9)
    return price * dear + price * (pieces - dear) // 2
'''
TESTS = """from shop.basket import cost


def test_a_few_pieces_cost_their_price() -> None:
    assert cost(4, 3) == 12
"""
NOTICED = Mutant(
    file="shop/basket.py",
    find="price * dear +",
    replace="price +",
    tests=("tests/test_basket.py",),
    why="only one piece is paid for",
)
UNNOTICED = replace(NOTICED, find=" // 2", replace=" // 3", why="a third in place of a half")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A tiny project whose tests never buy more than nine pieces."""
    folder = tmp_path / "project"
    for name, text in (("shop/basket.py", CODE), ("tests/test_basket.py", TESTS)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


def test_a_fault_that_a_test_notices_is_killed_and_another_is_reported_with_its_line(
    shop: Path,
) -> None:
    printed: list[str] = []

    report = Runner(shop, jobs=2, say=printed.append).run([NOTICED, UNNOTICED])

    noticed, unnoticed = report.results
    assert noticed.killed
    assert noticed.by == "tests/test_basket.py::test_a_few_pieces_cost_their_price"
    assert report.survivors == (unnoticed,)
    assert unnoticed.mutant == UNNOTICED
    assert report.lines()[:3] == [
        "SURVIVED shop/basket.py:7 a third in place of a half",
        "    - // 2",
        "    + // 3",
    ]
    assert report.lines()[-1] == "2 mutants: 1 killed, 1 survived (50.0%, at most 10%)"
    assert report.status == 1
    assert any("[  2/2]" in line for line in printed)
    assert (shop / "shop/basket.py").read_text() == CODE
    assert {path.name for path in shop.iterdir()} == {".git", "shop", "tests"}


def test_a_fault_that_hangs_is_killed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.mutants._LEAST_PATIENCE", 0.0)
    monkeypatch.setattr("benchmarks.mutants._PATIENCE", 3.0)
    hangs = replace(NOTICED, find="dear = min(pieces, 9)", replace="while True:\n        pass")

    (result,) = Runner(shop, say=list).run([hangs]).results

    assert result.killed
    assert "time-out" in result.by


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (replace(NOTICED, find="dear"), "the fragment occurs 3 times, not once"),
        (replace(NOTICED, find="cheap"), "the fragment occurs 0 times, not once"),
        (replace(NOTICED, file="shop/gone.py"), "the file is not there"),
        (replace(NOTICED, replace="price * * "), "does not compile"),
        (replace(NOTICED, replace="(price * dear) +"), "means the same"),
        (replace(NOTICED, tests=("tests/test_gone.py",)), "its tests fail without it"),
    ],
    ids=["ambiguous", "gone", "no file", "no code", "no change", "no test"],
)
def test_an_entry_that_has_rotted_is_refused_and_nothing_runs(
    shop: Path, entry: Mutant, reason: str
) -> None:
    report = Runner(shop, say=list).run([entry, NOTICED])

    assert report.results == ()
    assert report.status == 2
    (refusal, last) = report.lines()
    assert refusal.startswith("REFUSED")
    assert reason in refusal
    assert last == "1 entries refused, nothing was run"


def test_tests_that_fail_as_the_code_stands_refuse_their_entries(shop: Path) -> None:
    (shop / "tests/test_basket.py").write_text(TESTS.replace("12", "13"))

    report = Runner(shop, say=list).run([NOTICED])

    assert report.status == 2
    assert "its tests fail without it" in report.refused[0]


@pytest.mark.parametrize(("survivors", "status"), [(1, 0), (2, 1)])
def test_more_than_a_tenth_surviving_is_a_failure(survivors: int, status: int) -> None:
    results = [
        Result(mutant=NOTICED, line=1, killed=number >= survivors, by="", seconds=0.0)
        for number in range(10)
    ]
    assert Report((), tuple(results)).status == status


def test_a_list_is_read_by_its_filter_and_a_malformed_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    entry = '[[mutant]]\nfile = "{}"\nfind = "a"\nreplace = "b"\ntests = ["t"]\nwhy = "{}"\n'
    path.write_text(entry.format("a.py", "one") + entry.format("b.py", "two"))
    assert [mutant.file for mutant in read_lists([path])[0]] == ["a.py", "b.py"]
    assert [mutant.file for mutant in read_lists([path], "two")[0]] == ["b.py"]

    path.write_text('[[mutant]]\nfile = "a.py"\nfind = "a"\nreplace = "b"\ntests = ["t"]\n')
    mutants, refused = read_lists([path])
    assert mutants == []
    assert refused == ["some.toml entry 1 needs file, find, replace, tests, why"]


def test_every_committed_entry_fits_the_code_and_the_tests_as_they_stand() -> None:
    mutants, malformed = read_lists(sorted(LISTS.glob("*.toml")))
    assert malformed == []
    assert len(mutants) >= 100
    assert [(mutant.find, fault) for mutant in mutants if (fault := rot(mutant, PROJECT))] == []
    tests = {argument.split("::")[0] for mutant in mutants for argument in mutant.tests}
    assert [name for name in tests if "/" in name and not (PROJECT / name).is_file()] == []
