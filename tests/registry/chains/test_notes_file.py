"""The file of noted ends, read whole, by chain or from a sealed end on, as line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given
from hypothesis import strategies as st

from registry.chains.chain_checkpoints import CheckpointFile, NotedHead, Notes

T0 = datetime(2026, 3, 2, 22, 5, tzinfo=UTC)

lines = st.lists(
    st.one_of(
        st.sampled_from(["predictions", "outcomes", "sealed_checkpoints"]),
        st.sampled_from(["", "what?", '{"chain":"predictions","rows":']),
    ),
    max_size=12,
)


def text_of(kinds: list[str]) -> str:
    """Return the file's text: a note for each chain named, and other lines as they are."""

    def line(number: int, kind: str) -> str:
        if not kind.isidentifier():
            return kind
        at = (T0 + timedelta(hours=number)).isoformat()
        return json.dumps({"chain": kind, "rows": number, "head": f"{number:064x}", "at": at})

    return "".join(f"{line(number, kind)}\n" for number, kind in enumerate(kinds, 1))


def plainly_read(text: str, chain: str, path: Path) -> Notes:
    """Return what a file holds, by reading one line after another."""
    noted, doubts = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if chain not in line or not line or (line[0] == "{" and line[-1] != "}"):
            continue
        if line == "what?":
            doubts.append(f"{path} line {number} cannot be read")
            continue
        note = json.loads(line)
        at = datetime.fromisoformat(note["at"])
        noted.append(
            NotedHead(
                chain=note["chain"], rows=note["rows"], row_hash=note["head"], at=at, line=number
            )
        )
    return Notes(tuple(noted), (), tuple(doubts))


def line_of(doubt: str) -> int:
    return int(doubt.partition(" line ")[2].split()[0])


@given(kinds=lines, chain=st.sampled_from(["", "predictions", "sealed"]), torn=st.booleans())
def test_notes_are_read_with_the_numbers_of_their_lines(
    kinds: list[str], chain: str, *, torn: bool
) -> None:
    text = text_of(kinds) + '{"chain":"outcomes"' * torn
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.jsonl"
        path.write_text(text, "utf-8")
        assert CheckpointFile(path).read(chain=chain) == plainly_read(text, chain, path)


@given(kinds=lines, data=st.data())
def test_after_a_sealed_end_only_later_lines_are_read(
    kinds: list[str], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.jsonl"
        path.write_text(text_of(kinds), "utf-8")
        whole = plainly_read(text_of(kinds), "", path)
        assume(whole.noted_heads)
        sealed = data.draw(st.sampled_from(whole.noted_heads))
        later = whole.noted_heads[whole.noted_heads.index(sealed) + 1 :]
        notes = CheckpointFile(path).read(sealed=[sealed])
        doubts = [doubt for doubt in whole.doubts if line_of(doubt) > (sealed.line or 0)]
        assert notes.noted_heads == (sealed, *later)
        assert notes.doubts == tuple(doubts)
