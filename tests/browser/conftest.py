"""A real Chromium in front of a real stack; every console error and policy violation is collected."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

from tests.integration.stack import Stack

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_program() -> str:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "A real Chromium is driven here; install Debian's package 'chromium'."
    return program


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "var") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def session_file(stack: Stack, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signs in by the one-time link, once, and keeps the session for all tests."""
    path = tmp_path_factory.mktemp("session") / "state.json"
    context = chromium.new_context()
    page = context.new_page()
    answer = page.goto(stack.link)
    assert answer is not None
    assert answer.ok
    context.storage_state(path=path)
    context.close()
    return path


class Watcher:
    """Collects what a page must not do."""

    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def forgive(self, text: str) -> None:
        """Takes out what a test has provoked on purpose."""
        self.problems = [problem for problem in self.problems if text not in problem]


@pytest.fixture
def context(stack: Stack, chromium: Browser, session_file: Path) -> Iterator[BrowserContext]:
    made = chromium.new_context(
        base_url=stack.base_url, storage_state=session_file, viewport={"width": 1280, "height": 860}
    )
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def watcher(page: Page) -> Watcher:
    return Watcher(page)
