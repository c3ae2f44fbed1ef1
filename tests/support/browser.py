"""A real browser (Debian's chromium) for looking at pages; everything it could ask of the outside is switched off."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def open_page(url: str, **options: Any) -> Iterator[Page]:
    """A page of a fresh browser profile at ``url``."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        try:
            page = browser.new_page(**{"viewport": {"width": 1400, "height": 900}, **options})
            page.goto(url)
            yield page
        finally:
            browser.close()
