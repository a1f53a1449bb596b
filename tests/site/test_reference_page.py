"""The reference page in a real Chromium: whole, quiet, self-contained, usable by anybody on anything."""

import json
import os
from pathlib import Path

import pytest
import yaml
from selenium.webdriver.common.keys import Keys

from contract.generate_openapi import OPENAPI_FILE
from imagineart.web.errors import STATUS_BY_CODE
from local.template import PROJECT
from tests.npm_packages import NodeMissingError, installed, require_node
from tests.site.browser import DESKTOP, PHONE, Browser

AXE = Path(__file__).parent / "axe"
DOCUMENT = yaml.safe_load(OPENAPI_FILE.read_text())
OPERATIONS = [
    (path, method, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
VISIBLE = """
const shown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  && element.getBoundingClientRect().width > 0;
"""
LOADED = "document.readyState === 'complete'"

in_every_window = pytest.mark.parametrize(
    ("size", "dark"), [(DESKTOP, False), (PHONE, True)], ids=["desktop, light", "phone, dark"]
)


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which judges accessibility."""
    try:
        require_node(os.environ)
    except NodeMissingError as missing:
        if os.environ.get("REQUIRE_NODE"):
            pytest.fail(f"{missing} (REQUIRE_NODE is set)", pytrace=False)
        pytest.skip(str(missing))
    home = installed(AXE, PROJECT / ".local")
    return (home / "node_modules" / "axe-core" / "axe.min.js").read_text()


def visible_texts(browser: Browser, selector: str) -> list[str]:
    texts: list[str] = browser.run(
        VISIBLE
        + """return [...document.querySelectorAll(arguments[0])]
          .filter(shown).map((each) => each.innerText.trim())""",
        selector,
    )
    return texts


# What is on it


@in_every_window
def test_every_endpoint_field_header_and_error_is_on_the_page_and_visible(
    browser: Browser, page_url: str, size: tuple[int, int], dark: bool
) -> None:
    browser.open(page_url, size, dark=dark)
    routes = visible_texts(browser, ".route")
    assert sorted(route.split() for route in routes) == sorted(
        [method.upper(), path] for path, method, _ in OPERATIONS
    )
    fields = set(visible_texts(browser, ".fields dt a"))
    for _, _, operation in OPERATIONS:
        for media in operation.get("requestBody", {}).get("content", {}).values():
            name = media["schema"].get("$ref", "").rpartition("/")[2]
            schema = DOCUMENT["components"]["schemas"].get(name, media["schema"])
            assert schema["properties"].keys() <= fields
    codes = visible_texts(browser, "[id^=error-] td:nth-child(2)")
    assert [code.removeprefix("Code: ") for code in codes] == list(STATUS_BY_CODE)
    headers = visible_texts(browser, "[id^=header-] td:first-child")
    assert set(DOCUMENT["components"]["headers"]) < set(headers)


def test_without_scripts_everything_is_shown(browser: Browser, page_url: str) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(page_url)
        panels = browser.all("[role=tabpanel] pre")
        assert len(panels) > 20
        assert all(panel.is_displayed() for panel in panels)
        assert not any(button.is_displayed() for button in browser.all("button"))
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


# What it loads


@in_every_window
def test_nothing_is_loaded_from_elsewhere_and_nothing_is_complained_of(
    browser: Browser, page_url: str, site: Path, size: tuple[int, int], dark: bool
) -> None:
    browser.open(page_url, size, dark=dark)
    browser.wait_until(LOADED)
    names = {url.removeprefix(page_url.removesuffix("index.html")) for url in browser.requests()}
    assert names == {each.name for each in site.iterdir()} - {"openapi.yaml"}
    assert browser.complaints() == []


def test_it_works_from_a_folder_without_a_server(browser: Browser, site: Path) -> None:
    browser.open((site / "index.html").as_uri())
    browser.wait_until(LOADED)
    assert all(url.startswith(site.as_uri()) for url in browser.requests())
    assert browser.complaints() == []
    browser.all("[role=tab]")[1].click()
    assert browser.one("#tabs-1-panel-2").is_displayed()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_document_that_it_offers_is_there(browser: Browser, page_url: str, site: Path) -> None:
    browser.open(page_url)
    links = {link.get_attribute("href") for link in browser.all("main a[href$='.yaml']")}
    assert links == {page_url.replace("index.html", "openapi.yaml")}
    assert (site / "openapi.yaml").read_text() == OPENAPI_FILE.read_text()


# What can be done with it


def test_a_language_is_chosen_once_for_all_examples_and_remembered(browser: Browser, page_url: str) -> None:
    browser.open(page_url)

    def shown() -> set[str]:
        return set(visible_texts(browser, "[role=tab][aria-selected=true]"))

    assert shown() == {"curl"}
    tab = browser.one("#tabs-2-tab-2")
    tab.click()
    assert shown() == {"Python"}
    assert browser.run("return document.activeElement.id") == "tabs-2-tab-2"
    tab.send_keys(Keys.ARROW_RIGHT)
    assert shown() == {"JavaScript"}
    assert browser.run("return document.activeElement.id") == "tabs-2-tab-3"
    assert browser.one("#tabs-2-panel-3").is_displayed()
    assert not browser.one("#tabs-2-panel-2").is_displayed()
    browser.driver.refresh()
    assert shown() == {"JavaScript"}


@pytest.mark.parametrize(
    "anchoring", ["auto", "none"], ids=["as Chromium", "as browsers that anchor nothing"]
)
def test_choosing_a_language_moves_nothing_under_the_readers_eyes(
    browser: Browser, page_url: str, anchoring: str
) -> None:
    browser.open(f"{page_url}#how-to-retry-well")
    browser.run("document.documentElement.style.overflowAnchor = arguments[0]", anchoring)
    top_of_tab = "return document.getElementById(arguments[0]).getBoundingClientRect().top"
    tab = browser.all("[role=tablist]")[-1].find_elements("css selector", "[role=tab]")[1]
    address = tab.get_attribute("id")
    browser.run("document.getElementById(arguments[0]).scrollIntoView({ block: 'center' })", address)
    before = browser.run(top_of_tab, address)
    tab.click()
    # A frame later, so that whatever else moves the page has done so.
    browser.driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    assert abs(browser.run(top_of_tab, address) - before) < 1


def test_what_is_copied_is_the_example_to_the_letter(browser: Browser, page_url: str) -> None:
    browser.open(page_url)
    browser.allow_clipboard(page_url)
    browser.one("#tabs-1-tab-2").click()
    browser.one("#tabs-1-panel-2 .copy").click()
    browser.wait_until("document.querySelector('#tabs-1-panel-2 .copy').textContent === 'Copied'")
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    sources = [
        each["source"] for each in DOCUMENT["paths"]["/v1/images/generations"]["post"]["x-codeSamples"]
    ]
    assert copied == sources[1]


def test_copying_works_where_a_browser_gives_no_clipboard(browser: Browser, page_url: str) -> None:
    browser.open(page_url)
    browser.allow_clipboard(page_url)
    browser.run("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    browser.one("#tabs-1-panel-1 .copy").click()
    browser.wait_until("document.querySelector('#tabs-1-panel-1 .copy').textContent === 'Copied'")
    browser.run("delete navigator.clipboard")
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied.startswith("curl -X POST")


@pytest.mark.parametrize(
    ("words", "target"),
    [
        ("aspect", "generate-image-aspect_ratio"),
        ("rate_lim", "error-rate_limited"),
        ("Retry-After", "header-retry-after"),
        ("upload image", "upload-image"),
        ("first reference image", "edit-image-aspect_ratio"),
    ],
)
def test_what_is_searched_is_found_and_reached_by_keyboard(
    browser: Browser, page_url: str, words: str, target: str
) -> None:
    browser.open(page_url)
    browser.one("body").send_keys("/")
    search = browser.driver.switch_to.active_element
    assert search.get_attribute("id") == "search"
    search.send_keys(words)
    results = [link.get_attribute("href").partition("#")[2] for link in browser.all("#results a")]
    assert target in results
    for _ in range(results.index(target) + 1):
        browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return location.hash") == f"#{target}"
    assert browser.all("#results a") == []


def test_a_search_without_result_says_so(browser: Browser, page_url: str) -> None:
    browser.open(page_url)
    browser.one("#search").send_keys("zzzz")
    assert browser.one("#found").text == "Nothing found"
    assert not browser.one("#results").is_displayed()


@in_every_window
def test_every_link_within_the_page_leads_to_what_can_be_seen(
    browser: Browser, page_url: str, size: tuple[int, int], dark: bool
) -> None:
    browser.open(page_url, size, dark=dark)
    dead = browser.run(
        VISIBLE
        + """return [...document.querySelectorAll("a[href^='#']")].map((link) => link.hash.slice(1))
          .filter((id) => !document.getElementById(id) || !shown(document.getElementById(id)))"""
    )
    assert dead == []


@pytest.mark.parametrize("anchor", ["generate-image", "edit-image-images", "error-timeout", "safe-retries"])
def test_an_address_leads_to_its_place_below_the_bar(browser: Browser, page_url: str, anchor: str) -> None:
    browser.open(f"{page_url}#{anchor}")
    top, bar = browser.run(
        "return [document.getElementById(arguments[0]).getBoundingClientRect().top,"
        " document.querySelector('.bar').getBoundingClientRect().bottom]",
        anchor,
    )
    assert bar <= top < 200


# For whom


@in_every_window
def test_nothing_is_wider_than_the_window(
    browser: Browser, page_url: str, size: tuple[int, int], dark: bool
) -> None:
    browser.open(page_url, size, dark=dark)
    browser.wait_until(LOADED)
    assert browser.run("return innerWidth") == size[0]
    assert browser.run("return document.documentElement.scrollWidth") <= size[0]
    beyond = browser.run(
        """return [...document.querySelectorAll("main *")]
          .filter((each) => !each.closest("pre") && !each.closest("[role=tablist]"))
          .filter((each) => each.getBoundingClientRect().right > innerWidth)
          .map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert beyond == []


@in_every_window
def test_nobody_is_shut_out(
    browser: Browser, page_url: str, axe: str, size: tuple[int, int], dark: bool
) -> None:
    browser.open(page_url, size, dark=dark)
    browser.run(axe)
    findings = browser.driver.execute_async_script(
        """axe.run(document, { resultTypes: ["violations"] }).then((found) => arguments[0](
          found.violations.map(({ impact, id, nodes }) =>
            [impact, id, nodes[0].html, nodes[0].failureSummary])))"""
    )
    assert findings == [], json.dumps(findings, indent=2)


def test_colours_follow_the_system_until_the_reader_chooses(browser: Browser, page_url: str) -> None:
    def paper() -> str:
        told: str = browser.run("return getComputedStyle(document.body).backgroundColor")
        return told

    browser.open(page_url, dark=True)
    dark = paper()
    button = browser.one("#theme")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    light = paper()
    assert (dark, light) == ("rgb(21, 19, 28)", "rgb(255, 255, 255)")
    browser.driver.refresh()
    assert paper() == light


def test_on_a_phone_the_contents_open_and_close(browser: Browser, page_url: str) -> None:
    browser.open(page_url, PHONE)
    menu, contents = browser.one("#menu"), browser.one("#contents")
    assert not contents.is_displayed()
    menu.click()
    assert contents.is_displayed()
    assert contents.rect["height"] + browser.one(".bar").rect["height"] >= PHONE[1]
    browser.one("#contents a[href='#errors']").click()
    assert not contents.is_displayed()
    assert browser.run("return location.hash") == "#errors"


def test_the_first_tab_leads_past_the_bar(browser: Browser, page_url: str) -> None:
    browser.open(page_url)
    browser.one("body").send_keys(Keys.TAB)
    skip = browser.driver.switch_to.active_element
    assert skip.text == "Skip to the content"
    skip.send_keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "content"
