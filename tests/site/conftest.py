import functools
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contract.build_site import CONTENT_SECURITY_POLICY, build_site, write_site
from tests.site.browser import Browser, ChromiumMissingError, running_browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    write_site(build_site(), folder)
    return folder


class _Host(SimpleHTTPRequestHandler):
    """A strict host: what it serves may load from itself alone."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", f"{CONTENT_SECURITY_POLICY}; frame-ancestors 'none'")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture(scope="session")
def page_url(site: Path) -> Iterator[str]:
    """The page on a static host."""
    handler = functools.partial(_Host, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        with running_browser(tmp_path_factory.mktemp("profile"), os.environ) as running:
            yield running
    except ChromiumMissingError as missing:
        if os.environ.get("REQUIRE_CHROMIUM"):
            pytest.fail(f"{missing} (REQUIRE_CHROMIUM is set)", pytrace=False)
        pytest.skip(str(missing))
