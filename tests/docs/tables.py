"""Known exceptions for the reader of each page: what is not run here and why, and what differs.

`test_reading` fails for an entry that no longer matches anything on any page.
"""

from __future__ import annotations

from collections.abc import Mapping

EVALUATED = "half a minute; quick-start.md runs it, whose recipe and market are the defaults"
NO_DOCKER = "no Docker here; tests/deployments/test_containers.py reads the files it names"
TEMPLATE = "tests/flows/test_worker.py has Prefect take the template"
EXCUSED: Mapping[str, str] = {
    "make demo": "tests/docs/conftest.py runs it, of a shorter market: every page starts from it",
    "make test": "runs these very tests",
    "make test-dates": "runs the everyday tests eleven times; tests/test_set_clocks.py has more",
    "make test-dates DATES=christmas,auckland ARGS=tests/tasks": "two of the same",
    "apt-get install faketime gcc libc6-dev": "changes the machine",
    "make install": "has run before any test: it made the environment they run in",
    "make soak": "half an hour; tests/flows/test_soak.py runs a short one",
    "make faults": "half an hour, as root; its record is on the page",
    "make points": "minutes; tests/faults/test_every_point.py tries the last of equal calls",
    "make soak-quarter": "hours; tests/flows/test_soak.py runs a day of it",
    "make controls": "half an hour; tests/ml_core/evidence has a small version with fixed seeds",
    "orbcast evaluate": EVALUATED,
    "orbcast evaluate --market mgc": EVALUATED,
    "orbcast evaluate --market mgc --recipe residual-mirrored": EVALUATED,
    "orbcast tune --market mgc": "as in recipes.md, whose recipe and trials are the defaults",
    "orbcast run nightly-retrain": "as in operate.md, whose market is the default",
    "orbcast --home var/null run nightly-retrain": (
        "half a minute; operate.md and bring-your-own-data.md train, on other bars"
    ),
    "orbcast --home var/real run nightly-retrain --market mgc": (
        "bring-your-own-data.md does it; this page is about licensed bars"
    ),
    "make up": "README.md runs it, on the demo's home",
    "orbcast --home var/demo up": "the same",
    "orbcast up": (
        "the same; tests/deployments/test_up.py has one with a secret, as on recovery.md, and "
        "test_receive.py one that receives bars, as on feeds.md"
    ),
    "git pull": "asks another machine",
    "python push.py": "tests/deployments/test_receive.py pushes the page's own bar",
    "orbcast ingest --market mgc --source http --stamp open --remember": (
        "tests/deployments/test_receive.py remembers it"
    ),
    "pip install 'orbcast[databento]'": "changes the environment that all tests share",
    "export DATABENTO_API_KEY=db-...": "a key of the reader's",
    "orbcast ingest --market mgc --source databento --option start=2024-01-01 --dry-run": (
        "asks another machine; tests/deployments/test_databento.py asks one that speaks alike"
    ),
    "orbcast ingest --market mgc --source databento --option start=2024-01-01 --remember": (
        "the same"
    ),
    "pip install ./my_feed": "changes the environment that all tests share",
    "orbcast bars sources": "tests/flows/test_every_command.py runs it",
    "orbcast ingest --source gateway --option url=http://127.0.0.1:8765 --remember": (
        "tests/deployments/test_installed_source.py runs it, with the page's own code"
    ),
    "git log -1 --oneline": "asks the reader's clone; what is tested need not be one",
    "ssh -L 4200:127.0.0.1:4200 you@the-machine": "asks another machine",
    "python -m deployments.distributed.server --host 0.0.0.0": (
        "tests/deployments/test_distributed.py starts it, with the secret that it asks for"
    ),
    "docker compose -f deployments/containers/compose.yaml up -d --build": NO_DOCKER,
    "docker compose -f deployments/containers/compose.yaml exec worker "
    "orbcast ingest --market mgc --source duckdb /data/bars.duckdb --remember": NO_DOCKER,
    "prefect work-pool create docker --type docker "
    "--base-job-template deployments/containers/docker-job-template.json": TEMPLATE,
    "prefect work-pool create kubernetes --type kubernetes "
    "--base-job-template deployments/containers/kubernetes/job-template.json": TEMPLATE,
    "kubectl -n orbcast create secret generic orbcast-environment "
    "--from-literal=ORBCAST_DATABASE_URL=postgresql://USER:PASSWORD@HOST/orbcast "
    "--from-literal=PREFECT_API_AUTH_STRING=user:secret": "needs a cluster",
}
"""Commands that are not run here, with the reason or the test that runs them."""

MEASURED = "measured on licensed bars, which are not part of the project"
GOLDEN = "a message; tests/monitoring/messages holds it to what is written"
DRAWN: Mapping[str, str] = {
    "orbcast up (supervisor)": "a drawing of processes",
    "source file --> checks --> lake (Parquet, a file a month)": "a drawing of a bar's way",
    "lake --> continuous contract --> opening ranges --> features --> dataset": "its rest",
    "lake/<symbol>/bars/2024-01.parquet             bars; revisions/, confirmed/, "
    "quarantine/, batches/ beside": "a list of folders",
    '{"market": "mgc", "received": 1, "finished": 1, "running": 0, "already": 0}': (
        "tests/deployments/test_receive.py runs the page's script and compares"
    ),
    "P(UP) = (x + d) / (1 + 2 d)": "a formula; tests/ml_core/learning holds it to simulation",
    "P(target before stop) = distance to stop / (distance to stop + distance to target)": (
        "a formula; tests/ml_core/learning holds it to simulation"
    ),
    '--8<-- "tests/monitoring/messages/golden/forecast-hybrid.txt"': GOLDEN,
    '--8<-- "tests/monitoring/messages/golden/break-not-entered.txt"': GOLDEN,
    '--8<-- "tests/monitoring/messages/golden/settled-hybrid.txt"': GOLDEN,
    '--8<-- "tests/monitoring/messages/golden/day.txt"': GOLDEN,
    "180 slots: 168 predicted, 11 stale_data, 1 missed; 1 late": "the record of half an hour",
    "without the model: 4,192 trades, -1027.2 R net": MEASURED,
    "ts_event                        instrument_id  open           high           low            "
    "close          volume": "three records as another program prints them",
    '--8<-- "tests/monitoring/messages/golden/forecast-shadow.txt"': GOLDEN,
    '--8<-- "tests/monitoring/messages/golden/day-shadow.txt"': GOLDEN,
    '--8<-- "tests/monitoring/messages/golden/week.txt"': GOLDEN,
}
"""Blocks that are neither a command nor its output, by their first line."""

STATUSES: Mapping[str, tuple[int, str]] = {
    'orbcast models promote challenger --market mgc --reason "..."': (
        2,
        "the rule refuses: fifteen months of bars are too few, and the page says that it may",
    ),
    'orbcast rollout step-up --to advisory --reason "..."': (
        2,
        "no gate is passed on the first day, and the page says so",
    ),
    'orbcast approve 3f2a81c0 --reason "..."': (
        2,
        "the rule does not support it, as the page says; tests/flows/test_approval.py has more",
    ),
    "orbcast notify test": (3, "Slack cannot be reached from here; the page names this status"),
    "orbcast --home restored/demo verify (2)": (1, "rows are missing, which the page shows"),
}
"""Commands that correctly end with a status other than 0; (2) is the second use on a page."""

REWRITTEN = (
    (r"^(.*\borbcast(?: --home \S+)? up)$", r"\1 --port {up}", "another program may have 4200"),
    (r"^(make up\b[^#]*)$", r'\1 ARGS="--port {up}"', "the same"),
    (r"127\.0\.0\.1:4200", "127.0.0.1:{up}", "the same"),
    (r"^(make dashboard(?: ORBCAST_HOME=\S+)?)$", r'\1 ARGS="--port {page}"', "or 8501"),
    (r"--port 8502", "--port {page}", "or 8502"),
    (r"^(.*\borbcast .*dashboard --no-browser)$", r"\1 --port {page}", "or 8501"),
    (
        r"^(orbcast tune [^#]*)",
        r"\1 --trials 2 --folds 1 --holdout 0",
        "fifteen months have one fold, and two trials are enough to see that it works",
    ),
    (
        r"^(orbcast account chance (?:(?!--paths)[^#])*)(?:--paths \d+)?",
        r"\1 --paths 100 ",
        "a hundred paths are drawn as two thousand are, which take half a minute",
    ),
    (r"^orbcast simulate --edge 0", r"\g<0> --days 450", "fifteen months instead of two years"),
    (r"PATH/TO/mgc-ohlcv-1m", "dbn", "a folder of the reader's"),
    (r"\bcheck FILE\b", "check deployments/strategies/orb-default.toml", "a file of the reader's"),
    (r"\b3f2a81c0\b", "{run}", "the id of the run that waits"),
)
"""Pattern, replacement, and reason; ``{name}`` is one of the reader's values."""

ON_A_SERVER = frozenset(
    {
        "recipes.md",
        "evidence.md",
        "drift.md",
        "performance.md",
        "rollout.md",
        "strategy.md",
        "import-legacy.md",
        "write-a-feature.md",
        "bring-your-own-data.md",
        "real-data.md",
        "backup.md",
        "operate.md",
        "notifications.md",
    }
)
"""Pages read while a Prefect server runs elsewhere; on others, flows find or start their own."""

MEANWHILE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("approval.md", "orbcast approve"): (
        "orbcast up",
        "PREFECT_API_URL=http://127.0.0.1:{up}/api prefect deployment run promote/mgc",
        "until orbcast approve --json | grep -q run; do :; done",
    ),
    ("backup.md", "cp var/demo/ledger-heads.jsonl restored/demo/"): (
        "orbcast --home var/demo run replay --param from_day=2025-12-23 --param to_day=2025-12-23",
    ),
    ("new-bars.md", "orbcast refresh --event"): ("orbcast up",),
    ("postgresql.md", "cp var/ledger-heads.jsonl ledger-heads.jsonl.backup"): (
        "orbcast run shadow-predict",
    ),
}
"""What happens before a command, as the page says in words or assumes."""
