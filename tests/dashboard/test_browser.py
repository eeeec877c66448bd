"""A real browser opens every page: no error, and no request to an outside host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.conftest import PROJECT
from tests.dashboard.conftest import FIRST_DAY, served
from tests.waiting import AT_MOST_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",  # as root, in CI
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGES = {
    "": "Today",
    "performance": "Performance",
    "predictions": "Predictions",
    "trades": "Own trades",
    "models": "Models",
    "gates": "Gates",
    "data": "Drift and data",
}
TIMEOUT_MS = AT_MOST_SECONDS * 1000
expect.set_options(timeout=TIMEOUT_MS)

SCREENSHOTS = PROJECT / "var" / "screenshots"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # this file takes minutes, so it starts before the short ones
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here; `apt-get install chromium` (Debian, Ubuntu) has these tests run",
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


class Visit:
    """A page in a browser window, with its errors."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        page.set_default_timeout(TIMEOUT_MS)
        self.outside: list[str] = []
        self.plotly: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._note_request(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note_request(self, url: str) -> None:
        if not url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.outside.append(url)
        if "plotly" in url.lower():
            self.plotly.append(url)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}/{path}")
        self.settled()

    def settled(self) -> None:
        """Wait until the script has finished; save a picture of a page that never does."""
        app = self.page.get_by_test_id("stApp")
        try:
            expect(self.page.get_by_test_id("stMainBlockContainer")).to_be_visible()
            expect(app).to_have_attribute("data-test-script-state", "notRunning")
        except AssertionError as error:
            self.keep("never-settled")
            error.add_note(f"{self.page.url}: {SCREENSHOTS}/never-settled.png; {self.errors}")
            raise

    def require_sound(self) -> None:
        """Require drawn charts, no error, no needless request, nothing beyond the window."""
        for chart in self.page.get_by_test_id("stVegaLiteChart").all():
            expect(chart.locator(".marks").first).to_be_attached()
        assert self.page.get_by_test_id("stException").all_inner_texts() == []
        assert self.page.get_by_test_id("stAlertContentError").all_inner_texts() == []
        assert self.page.get_by_role("dialog").all_inner_texts() == []
        assert self.errors == []
        assert self.outside == []
        assert self.plotly == [], "six times the size of Vega-Lite's script"
        wider = self.page.evaluate(
            "() => document.querySelector('[data-testid=stMainBlockContainer]').scrollWidth"
            " - document.querySelector('[data-testid=stMainBlockContainer]').clientWidth"
        )
        assert wider <= 1, f"{wider} pixels wider than the window"

    def keep(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.fixture(params=["light", "dark-phone"])
def visit(
    request: pytest.FixtureRequest, browser: Browser, dashboard: str
) -> Iterator[tuple[str, Visit]]:
    size = {"width": 390, "height": 844} if request.param == "dark-phone" else None
    context = browser.new_context(
        viewport=size or {"width": 1300, "height": 900},
        color_scheme="dark" if size else "light",
    )
    yield request.param, Visit(context.new_page(), dashboard)
    context.close()


IN_ONE_LOOK = pytest.mark.parametrize("visit", ["light"], indirect=True)
"""For clicks that are the same in every colour scheme."""


@pytest.mark.parametrize("path", PAGES)
def test_each_page_shows_without_an_error(visit: tuple[str, Visit], path: str) -> None:
    look, window = visit
    window.open(path)
    window.keep(f"{path or 'today'}-{look}")
    heading = window.page.get_by_role("heading", level=1)
    expect(heading.first).to_be_visible()
    window.require_sound()


@IN_ONE_LOOK
def test_the_first_page_is_found_by_its_name_too(visit: tuple[str, Visit]) -> None:
    _, window = visit
    window.open("today")
    expect(window.page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    window.require_sound()


def test_axes_show_the_market_s_clock_and_days_in_any_zone(
    browser: Browser, dashboard: str
) -> None:
    context = browser.new_context(timezone_id="America/Los_Angeles")
    window = Visit(context.new_page(), dashboard)
    window.open("")
    first = window.page.get_by_test_id("stVegaLiteChart").first
    expect(first.get_by_text("Australia/Brisbane", exact=True)).to_be_attached()
    labels = first.locator(".role-axis-label text").all_text_contents()
    times = [label for label in labels if ":" in label]
    assert len(times) > 1
    assert all("08:30" <= time <= "11:30" for time in times), "the card's range begins at 09:00"
    window.open("performance")
    lines = window.page.get_by_role("tabpanel", name="every break", exact=True)
    window.page.get_by_role("tab", name="every break", exact=True).click()
    window.settled()
    area = lines.get_by_test_id("stVegaLiteChart").locator(".role-frame .background").first
    area.hover(position={"x": 3, "y": 60}, force=True)
    expect(window.page.locator("#vg-tooltip-element")).to_contain_text(f"{FIRST_DAY:%b %d, %Y}")
    window.require_sound()
    context.close()


@IN_ONE_LOOK
def test_a_tab_is_filled_when_it_is_opened(visit: tuple[str, Visit]) -> None:
    _, window = visit
    page = window.page
    window.open("performance")
    for name, filled in (
        ("Weekday", page.get_by_test_id("stDataFrame")),
        ("every break", page.get_by_text("net R a trade")),
    ):
        page.get_by_role("tab", name=name, exact=True).click()
        window.settled()
        panel = page.get_by_role("tabpanel", name=name, exact=True)
        expect(panel.locator(filled).first).to_be_visible()
    window.open("data")
    page.get_by_role("tab", name="Revised bars").click()
    expect(page.get_by_text("No bars were revised.")).to_be_visible()
    window.open("models")
    page.get_by_role("tab", name="Target before stop").click()
    window.settled()
    expect(page.get_by_role("heading", name="Two versions side by side")).to_be_visible()
    window.require_sound()


def test_of_several_markets_one_is_chosen(
    browser: Browser, day_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBCAST_MARKETS", "mgc,nq")
    with served(day_home, day_home.parent / "clock") as url:
        window = Visit(browser.new_page(), url)
        window.open("data")
        window.page.get_by_role("combobox", name="Market").click()
        window.page.get_by_role("option", name="NQ").click()
        expect(window.page.get_by_text("There are no bars in the lake").first).to_be_visible()
        menu = window.page.get_by_test_id("stSidebarNav")
        for title in PAGES.values():
            menu.get_by_role("link", name=title, exact=True).click()
            window.settled()
            expect(window.page.get_by_text("NQ ·").first).to_be_visible()
            window.require_sound()
        window.page.close()


def test_a_new_home_says_what_to_run(browser: Browser, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with served(home) as url:
        window = Visit(browser.new_page(), url)
        for path in PAGES:
            window.open(path)
            expect(window.page.get_by_text("orbcast demo").first).to_be_visible()
            window.require_sound()
        window.page.close()
    assert list(home.iterdir()) == [], "looking at a home writes nothing into it"


@IN_ONE_LOOK
def test_a_filter_an_export_and_a_row_are_clicked_through(
    visit: tuple[str, Visit], tmp_path: Path
) -> None:
    _, window = visit
    page = window.page
    window.open("predictions?mode=live")
    every = page.get_by_text("predictions, newest first").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    file = tmp_path / "ledger.csv"
    download.value.save_as(file)
    lines = file.read_text().splitlines()
    assert every.startswith(f"{len(lines) - 1:,} predictions")
    page.get_by_text("Filters").click()
    chosen = page.get_by_role("combobox", name="Opening range")
    wanted = page.get_by_role("option", name="0900")
    for _ in range(1000):  # the filters may still be unfolding
        chosen.click()
        page.wait_for_timeout(300)
        if wanted.is_visible():
            break
    wanted.click()
    page.keyboard.press("Escape")
    window.settled()
    expect(page.get_by_text("predictions, newest first")).not_to_have_text(every)
    assert "opening_range=0900" in page.url
    table = page.get_by_test_id("stDataFrame").first.locator("canvas").first
    table.click(position={"x": 20, "y": 52}, force=True)  # the grid covers its canvas
    expect(page.get_by_role("heading", name="Explanation: MGC")).to_be_visible()
    window.settled()
    window.keep("predictions-why")
    window.require_sound()
