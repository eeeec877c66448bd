"""The deepest fall of a running sum, against a walk along every pair of points."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml_core.evidence.metrics import deepest_fall, max_drawdown


@given(st.lists(st.integers(-3, 3), max_size=12))
def test_it_is_the_deepest_of_all_falls_and_names_its_points(results: list[int]) -> None:
    fall = deepest_fall(np.array(results, float))
    running = [sum(results[:at]) for at in range(len(results) + 1)]
    falls = [running[a] - running[b] for b in range(len(running)) for a in range(b + 1)]
    assert fall.r == max_drawdown(np.array(results, float)) == max(falls)
    if fall.r:
        assert running[fall.began] - running[fall.lowest] == fall.r
        back = [
            at for at in range(fall.lowest, len(running)) if running[at] >= running[fall.began]
        ]
        assert fall.recovered == (back[0] if back else None)
