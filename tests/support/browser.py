"""A real browser (Debian's chromium) for looking at pages; everything it could ask of the outside is switched off."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as TooLate

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

PATIENCE_MS = 180_000  # a page that never comes must fail the test; a busy machine must not


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


def form_field(page: Page, name: str) -> Locator:
    """A parameter's place in Prefect's form: its label, its description and what is filled in."""
    label = page.get_by_text(re.compile(rf"^{name}( \(Optional\))?$"))
    return page.locator(".schema-form-property").filter(has=label).first


def fill(page: Page, name: str, value: str) -> None:
    """Write ``value`` where the form asks for ``name``."""
    form_field(page, name).locator("textarea, input:not([type=checkbox])").first.fill(value)


def submit(page: Page) -> None:
    """Send the form of a run; again if Prefect's SQLite database was locked ("Something went wrong")."""
    for _ in range(20):
        page.get_by_role("button", name="Submit").click()
        with suppress(TooLate):
            return page.wait_for_url(re.compile("tab=Runs"), timeout=PATIENCE_MS // 20)
    raise AssertionError("the form was not taken")


def open_tab(page: Page, name: str, words: str) -> None:
    """Open a tab of a page and wait for ``words``; again if it stays empty (Prefect's SQLite database was locked)."""
    for _ in range(20):
        with suppress(TooLate):
            page.get_by_text(name, exact=True).first.click(timeout=PATIENCE_MS // 20)
            return page.get_by_text(words).first.wait_for(timeout=PATIENCE_MS // 20)
        page.reload()
    raise AssertionError(f"{words!r} is not under {name}")


def choose(page: Page, name: str, value: str) -> None:
    """Pick one of the choices that the form offers for ``name``; by the keyboard, since scrolling closes the list."""
    form_field(page, name).locator(".p-select-button__control").first.focus()
    page.keyboard.press("ArrowDown")
    page.locator(".p-select-option__text").filter(has_text=re.compile(rf"^{value}$")).first.click(timeout=PATIENCE_MS)
