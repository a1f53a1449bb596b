"""A real Chromium without a window, driven through WebDriver, and what it noticed of a page.

Chromium and its driver are the system's own: nothing is downloaded. Where they are missing, tests are skipped
with the reason, unless the variable REQUIRE_CHROMIUM is set, as .ci/run sets it; then they fail.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

BROWSERS = ("google-chrome", "chromium", "chromium-browser")
DRIVERS = ("chromedriver",)
WAIT_SECONDS = 10
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # Nothing but this machine has a name.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PHONE, DESKTOP = (360, 780), (1280, 900)


class ChromiumMissingError(Exception):
    """This machine has no Chromium, or no driver for it."""


def find_program(names: tuple[str, ...], path: str) -> str:
    """Where the first of `names` lies on `path`. Raises ChromiumMissingError."""
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise ChromiumMissingError(f"the page needs Chromium and its driver; not found: {' or '.join(names)}")


class Browser:
    """One browser window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> None:
        """Load a page anew, with nothing remembered, in a window of `size` in CSS pixels."""
        width, height = size
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=size == PHONE,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._command("Emulation.setEmulatedMedia", features=[scheme])
        self.driver.get("about:blank")
        self._command("Storage.clearDataForOrigin", origin=_origin(url), storageTypes="all")
        self.forget()
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a JavaScript function body returns."""
        return self.driver.execute_script(script, *arguments)

    def one(self, selector: str) -> WebElement:
        """The one element that a CSS selector finds."""
        (element,) = self.all(selector)
        return element

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a CSS selector finds, in order."""
        return self.driver.find_elements("css selector", selector)

    def wait_until(self, script: str, *arguments: Any) -> None:
        """Return once a JavaScript expression is true. Raises TimeoutException."""
        WebDriverWait(self.driver, WAIT_SECONDS, 0.02).until(
            lambda _: self.run(f"return {script}", *arguments), script
        )

    def requests(self) -> list[str]:
        """The URL of every request since the page was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What the browser wrote on its console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def forget(self) -> None:
        """Forget what was noticed so far."""
        for kind in ("performance", "browser"):
            self.driver.get_log(kind)

    def allow_clipboard(self, url: str) -> None:
        """Let the page of `url` read what it copied."""
        for name in ("clipboard-read", "clipboard-write"):
            self._command(
                "Browser.setPermission",
                permission={"name": name}, setting="granted", origin=_origin(url),
            )  # fmt: skip

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)


@contextmanager
def running_browser(profile: Path, environment: Mapping[str, str]) -> Iterator[Browser]:
    """A browser with the empty folder `profile`; it ends with its use. Raises ChromiumMissingError."""
    path = os.pathsep.join(filter(None, map(environment.get, ("PATH", "CHROMEWEBDRIVER"))))
    options = webdriver.ChromeOptions()
    options.binary_location = find_program(BROWSERS, path)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(find_program(DRIVERS, path)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
