"""LightGBM is imported without its optional packages, which stay available to others."""

from __future__ import annotations

import subprocess
import sys

ALONE = """
import sys
from ml_core.learning.models.boosting import lgb
companions = {"dask", "joblib", "matplotlib", "pandas", "sklearn"} & set(sys.modules)
assert not companions, companions
import numpy as np
rows = np.arange(200.0).reshape(100, 2)
data = lgb.Dataset(rows, rows[:, 0] > 100, params={"verbosity": -1})
trees = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 3)
assert trees.predict(rows).argmax() > 50
import pandas, sklearn
"""

INLINE = """
import threading
from ml_core.learning.models import boosting

def other():
    import pandas
    imported.append(pandas)

imported = []
with boosting._alone():
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    try:
        import sklearn
    except ModuleNotFoundError:
        refused = True
assert imported and refused
"""


def run(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_lightgbm_trains_without_the_packages_it_would_import_besides() -> None:
    run(ALONE)


def test_another_thread_may_import_them_meanwhile() -> None:
    run(INLINE)
