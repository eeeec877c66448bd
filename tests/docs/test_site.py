"""The documentation site: built without warnings, complete, without requests to other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
_FETCHED = {"src", "srcset", "poster", "data"}
_FETCHING_LINKS = {"stylesheet", "preload", "preconnect", "dns-prefetch", "icon", "modulepreload"}


class _Page(HTMLParser):
    """A page's links, the resources that a browser fetches for it, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        self.fetched += [value for name, value in given.items() if name in _FETCHED]
        if tag == "link" and _FETCHING_LINKS & set(given.get("rel", "").split()):
            self.fetched.append(given["href"])
        elif tag in {"a", "link"} and "href" in given:
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-4000:]
    assert "WARNING" not in built.stderr, built.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    """Return every page of the site, parsed."""
    return {path: _Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_of_the_folder_is_in_the_site(pages: dict[Path, _Page], site: Path) -> None:
    docs = ROOT / "docs"
    written = {path.relative_to(docs).with_suffix(".html") for path in docs.rglob("*.md")}

    assert written <= {path.relative_to(site) for path in pages}


def test_every_link_within_the_site_leads_to_a_page_and_a_place_in_it(
    pages: dict[Path, _Page], site: Path
) -> None:
    dead = [
        f"{path.relative_to(site)}: {link}"
        for path, page in pages.items()
        if path.name != "404.html"
        for link in page.links + page.fetched
        if not _is_outside(link) and not _leads_somewhere(path, link, pages)
    ]

    assert dead == []


def test_no_page_fetches_anything_from_another_host(pages: dict[Path, _Page], site: Path) -> None:
    requests = [
        f"{path.relative_to(site)}: {address}"
        for path, page in pages.items()
        for address in page.fetched
        if _is_outside(address)
    ]
    requests += [
        f"{path.relative_to(site)}: {address}" for path, address in _fetched_by_styles(site)
    ]

    assert requests == []


def test_the_reference_has_what_the_docstrings_say(site: Path) -> None:
    text = (site / "reference" / "features.html").read_text(encoding="utf-8")

    assert 'id="ml_core.features.audit.audit_lookahead"' in text
    assert "Audit features at decisions drawn from every kind of day" in text


def _is_outside(link: str) -> bool:
    return bool(re.match(r"([a-z]+:)?//", link))


def _leads_somewhere(path: Path, link: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme:  # data:, mailto:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    anchor = unquote(parts.fragment)
    return not anchor or target not in pages or anchor in pages[target].places | {"__top"}


def _fetched_by_styles(site: Path) -> Iterator[tuple[Path, str]]:
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        for groups in re.findall(r"url\(([^)]*)\)|@import\s+([^;]+)", text):
            address = "".join(groups).strip("\"' ")
            if _is_outside(address):
                yield path, address
