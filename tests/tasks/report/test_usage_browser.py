"""The usage page in a real browser: charts are seen under its own policy, one of each pair; nothing leaves the page."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.report.usage_files import PAGE, write_usage
from tasks.storage.local import LocalStore
from tests.support.browser import open_page
from tests.tasks.report.made import many

pytestmark = pytest.mark.browser

SEEN = "[...document.images].filter(i => i.offsetWidth > 0 && i.complete && i.naturalWidth > 0).map(i => i.className)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_chart_is_seen_once_in_the_colours_of_the_page(tmp_path: Path, scheme: str) -> None:
    writing = write_usage(LocalStore(str(tmp_path)), [many(300)], names=["night"])
    with ThreadPoolExecutor(1) as pool:  # playwright's own event loop lives in this thread
        pool.submit(asyncio.run, writing).result()
    with open_page("about:blank", color_scheme=scheme) as page:
        requests: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / PAGE).as_uri())
        other = "dark" if scheme == "light" else "light"
        for theme in (scheme, other):
            shown: list[str] = page.evaluate(SEEN)
            assert len(shown) == 7
            assert all(f"in-{theme}" in name for name in shown)
            page.click("#theme")
        assert all(url.startswith("data:") for url in requests[1:])
        assert said == []
