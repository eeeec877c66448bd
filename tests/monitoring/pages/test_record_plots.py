"""Plots of a record and of a drift check name their subject, and count only scored rows."""

from __future__ import annotations

from datetime import date

from ml_core.health.daily_sums import DaySums, ForecastSums, PerformanceRecord, TradeSums
from ml_core.health.drift import ColumnShift
from monitoring.pages.figure_style import to_png, to_svg
from monitoring.pages.plots.drift import drift_plot
from monitoring.pages.plots.record import WINDOW, accuracy_plot, record_charts


def figures(breaks: int, right: float) -> DaySums:
    def forecast(accuracy: float, log_loss: float) -> ForecastSums | None:
        sums = {"accuracy": accuracy, "log_loss": log_loss * breaks, "brier": 0.2 * breaks}
        return ForecastSums(**sums, bins={}) if breaks else None

    trades = TradeSums(r_gross=1.0, r_net=-0.5)
    return DaySums(
        breaks=breaks,
        model=forecast(right, 0.6),
        corridor=forecast(0.0, 0.7),
        taken=trades,
        every_break=trades,
    )


def row(day: str, breaks: int, right: float) -> PerformanceRecord:
    return PerformanceRecord(
        market="MGC",
        day=date.fromisoformat(day),
        mode="live",
        role="champion",
        version="v1",
        opening_range="all",
        figures=figures(breaks, right),
    )


def drawn(days: list[tuple[str, list[DaySums]]]) -> list[list[float]]:
    """Return the heights of the corridor's and the model's line."""
    (axes,) = accuracy_plot(days).axes
    return [
        [float(y) for y in line.get_ydata()] for line in axes.lines if len(line.get_xdata()) > 2
    ]


def test_nothing_is_drawn_of_days_without_a_break() -> None:
    assert record_charts([row("2025-01-02", 0, 0.0)]) == []


def test_days_without_a_break_change_no_line() -> None:
    some = [row("2025-01-02", 6, 3.0), row("2025-01-03", 6, 6.0)]
    quiet = [*some, row("2025-01-04", 0, 0.0)]
    with_quiet, without = record_charts(quiet), record_charts(some)
    assert [chart.title for chart in with_quiet] == [chart.title for chart in without]
    one, other = with_quiet[0].figure, without[0].figure
    assert one is not None
    assert other is not None
    assert to_png(one, 50) == to_png(other, 50)


def test_versions_of_one_day_are_added_up() -> None:
    days = [(f"2025-01-0{day}", [figures(2, 2.0), figures(2, 0.0)]) for day in (2, 3, 6)]
    corridor, model = drawn(days)
    assert corridor == [0.0, 0.0, 0.0]
    assert model == [0.5, 0.5, 0.5]


def test_accuracy_is_of_the_breaks_of_the_last_days_and_of_no_others() -> None:
    wrong, right = [figures(1, 0.0)], [figures(3, 3.0)]
    days = [(f"2025-{1 + n // 28:02d}-{1 + n % 28:02d}", wrong) for n in range(WINDOW)]
    days += [(f"2025-{4 + n // 28:02d}-{1 + n % 28:02d}", right) for n in range(WINDOW)]
    _, model = drawn(days)
    assert len(model) == WINDOW + 1
    assert model[0] == 0.0
    assert model[1] == 3 / (WINDOW - 1 + 3)
    assert model[-1] == 1.0


def test_a_drift_check_counts_what_drifted_in_each_group() -> None:
    columns = [
        ColumnShift("atr_trend", "volatility", 2.0, 1e-9, 1e-4),
        ColumnShift("sigma_24h", "volatility", 0.1, 0.5, 1e-4),
        ColumnShift("a<b & c", "<script>", 0.0, 0.9, 1e-4),
    ]
    svg = to_svg(drift_plot(columns))
    assert "1 of 2" in svg
    assert "0 of 1" in svg
    assert "<script>" not in svg
