"""A headless browser, and pages opened in it in which nothing may go wrong."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# A busy machine is slow, and no page is wrong for that.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@dataclass
class Opened:
    """A page, with what went wrong in it."""

    page: Page
    faults: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser on this machine: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path)
        yield launched
        launched.close()


@pytest.fixture
def look(browser: Browser) -> Callable[..., AbstractContextManager[Opened]]:
    """`with look(url, **context) as opened`: the page, none of whose requests may fail."""

    @contextmanager
    def opening(url: str, **context: Any) -> Iterator[Opened]:
        with browser.new_context(**context) as used:
            page = used.new_page()
            page.set_default_timeout(PATIENCE)
            opened = Opened(page)
            page.on("pageerror", lambda error: opened.faults.append(str(error)))
            page.on("requestfailed", lambda request: opened.faults.append(request.url))
            page.on("response", lambda response: opened.refused.append(response.status) if not response.ok else None)
            # That a request was refused is told below.
            page.on(
                "console",
                lambda told: (
                    opened.faults.append(told.text)
                    if told.type in ("error", "warning") and "status of 4" not in told.text
                    else None
                ),
            )
            page.goto(url)
            yield opened
            assert opened.faults == []

    return opening
