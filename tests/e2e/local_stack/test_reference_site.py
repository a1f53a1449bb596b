"""The API reference in a real Chromium: self-contained, accessible, fit for phones, with a console."""

import functools
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

from local.reference import NpmFile, build_site, fetch
from tests.e2e.local_stack.running_stack import RunningStack

AXE = NpmFile(
    "axe-core@4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    "package/axe.min.js",
)
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
FLAGS = ("--headless", "--no-sandbox", "--disable-dev-shm-usage", NO_OTHER_HOST)
WAIT_SECONDS = 60
FIND_VIOLATIONS = """
axe.run(document, { resultTypes: ["violations"] }).then((found) => arguments[0](
  found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => [id, nodes[0].html])));
"""


class Browser:
    """A browser window, by CSS selectors and JavaScript."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str, width: int = 1280, colours: str = "light") -> None:
        """Load a page in a window of `width` CSS pixels, and wait until it shows the guide."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        preference = {"name": "prefers-color-scheme", "value": colours}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})
        self.driver.get("about:blank")
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(url)
        self.wait_for("document.body.innerText.includes('First image')")

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, expression: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression, once it is true."""
        return WebDriverWait(self.driver, WAIT_SECONDS).until(
            lambda _: self.run(f"return {expression}", *arguments), expression
        )

    def click(self, element: Any) -> None:
        self.run("arguments[0].click()", element)

    def show_operation(self) -> None:
        """Go to the generation of images, which Scalar draws only when it comes into view."""
        self.click(self.wait_for("document.querySelector(`a[href$='POST/v1/images/generations']`)"))
        self.wait_for("document.body.innerText.includes('Copy link to aspect_ratio')")

    def hosts(self) -> set[str]:
        """The hosts that the page sent requests to."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [each["params"] for each in events if each["method"] == "Network.requestWillBeSent"]
        return {each["request"]["url"].split("/")[2] for each in sent if "://" in each["request"]["url"][:8]}

    def complaints(self) -> list[str]:
        """The errors and warnings on its console."""
        return [each["message"] for each in self.driver.get_log("browser") if each["level"] != "INFO"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.pathsep.join(filter(None, (os.environ["PATH"], os.environ.get("CHROMEWEBDRIVER"))))
    chromium = next(filter(None, map(shutil.which, ("google-chrome", "chromium", "chromium-browser"))), None)
    chromedriver = shutil.which("chromedriver", path=path)
    if not (chromium and chromedriver):
        assert not os.environ.get("REQUIRE_CHROMIUM"), "Chromium or its driver is not installed"
        pytest.skip("Chromium or its driver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(chromedriver))
    driver.set_script_timeout(WAIT_SECONDS)
    yield Browser(driver)
    driver.quit()


@pytest.fixture(scope="module")
def site_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site on a static host, below a path of its own."""
    folder = tmp_path_factory.mktemp("host")
    if shutil.which("npm") is None and not os.environ.get("REQUIRE_NODE"):
        pytest.skip("npm is not installed")
    build_site(folder / "below" / "here", "https://api.example.com")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/below/here/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (375, "dark")])
def test_the_static_site_asks_no_other_host_and_is_accessible(
    browser: Browser, site_url: str, width: int, colours: str
) -> None:
    browser.open(site_url, width, colours)
    browser.show_operation()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.run(fetch(AXE).read_text())
    assert browser.driver.execute_async_script(FIND_VIOLATIONS) == []
    assert browser.hosts() == {site_url.split("/")[2]}
    assert browser.complaints() == []


def test_the_console_sends_a_request_and_shows_the_image(browser: Browser, stack: RunningStack) -> None:
    browser.open(f"{stack.base_url}/docs")
    browser.show_operation()
    button = "[...document.querySelectorAll('button')].find((each) => each.innerText.includes(arguments[0]))"
    browser.click(browser.wait_for(button, "(post /v1/images/generations)"))
    token = browser.wait_for("document.querySelector('[role=dialog] input[placeholder=Token]')")
    token.send_keys(stack.token)
    prompt = browser.wait_for(
        "[...document.querySelectorAll('[role=dialog] tr, [role=dialog] [role=row]')]"
        ".find((each) => each.innerText.includes('prompt'))?.querySelector('[aria-label$=Value]')"
    )
    prompt.send_keys("A lighthouse at dusk")
    browser.click(browser.wait_for(button, "Send post request to"))
    browser.wait_for("document.querySelector('[role=dialog] img')?.naturalWidth === 2048")
    assert browser.hosts() == {stack.base_url.removeprefix("http://")}
    assert browser.complaints() == []


def test_a_site_of_another_origin_offers_no_console(browser: Browser, site_url: str) -> None:
    browser.open(site_url)
    browser.show_operation()
    assert "Test Request" not in browser.run("return document.body.innerText")
