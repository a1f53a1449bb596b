"""`make docs`: the reference as a static site in .local/site, which any host can serve and any browser open.

docs/api.md becomes one page, for the deployment that `--base-url` names, beside its openapi.yaml. Nothing on
the page comes from elsewhere; see docs/decisions/0013-own-reference-page.md.
"""

import argparse
import hashlib
import ipaddress
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from contract.code_samples import PUBLIC_URL
from contract.generate_openapi import build_document
from contract.generate_openapi import render as render_openapi
from contract.generate_reference import render as render_reference
from contract.reference_page import SOURCE, Heading, render_page, templates
from local.template import PROJECT

SITE: Final = PROJECT / ".local" / "site"
_ASSETS: Final = ("style.css", "script.js", "icon.svg")
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A second-level heading and those below it, for the table of contents."""

    heading: Heading
    below: tuple[Heading, ...]


def check_base_url(text: str) -> str:
    """`text` without a slash at its end. Raises ValueError where examples could not call it."""
    url = urlsplit(text)
    host = url.hostname or ""
    if not host or url.scheme not in ("http", "https"):
        raise ValueError("it does not begin with https:// and a host")
    if url.scheme == "http" and not _is_loopback(host):
        raise ValueError("a token that is sent over plain HTTP is revoked: use https://")
    if url.query or url.fragment or url.username or not re.fullmatch(r"[\w./:\[\]-]+", text, re.ASCII):
        raise ValueError("it has more than a host and a path")
    if text.rstrip("/").endswith("/v1"):
        raise ValueError("the examples add /v1 themselves")
    return text.rstrip("/")


def build_site(base_url: str = PUBLIC_URL) -> dict[str, str]:
    """The text of each file of the site, by its name."""
    page = render_page(render_reference(base_url, openapi_link="openapi.yaml"))
    assets = {name: (SOURCE / name).read_text(encoding="utf-8") for name in _ASSETS}
    # Named after what is in them, so that a cache never combines two versions.
    names = {name: _name_by_content(name, text) for name, text in assets.items()}
    info = build_document(base_url)["info"]
    index = (
        templates()
        .get_template("page.html")
        .render(
            title=info["title"],
            version=info["version"],
            summary=info["summary"],
            policy=CONTENT_SECURITY_POLICY,
            content=page.html,
            chapters=_chapters(page.headings),
            style=names["style.css"],
            script=names["script.js"],
            icon=names["icon.svg"],
        )
    )
    return {
        "index.html": index,
        "openapi.yaml": render_openapi(base_url),
        **{names[name]: text for name, text in assets.items()},
    }


def write_site(files: dict[str, str], folder: Path = SITE) -> None:
    """Put the files, and nothing else, into `folder`; it holds the earlier site until all are written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="site-") as unfinished:
        written, earlier = Path(unfinished) / "written", Path(unfinished) / "earlier"
        written.mkdir(mode=0o755)
        for name, text in files.items():
            (written / name).write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rename(earlier)
        written.rename(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the site; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make docs", description="Build the reference page.")
    parser.add_argument("--base-url", default=PUBLIC_URL, help="what the examples call, such as %(default)s")
    options = parser.parse_args(arguments)
    try:
        base_url = check_base_url(options.base_url)
    except ValueError as error:
        parser.error(f"--base-url {options.base_url}: {error}")
    files = build_site(base_url)
    write_site(files)
    kilobytes = sum(len(text.encode()) for text in files.values()) / 1024
    print(f"{SITE.relative_to(PROJECT)}/index.html for {base_url}: {len(files)} files, {kilobytes:.0f} KB")
    return 0


def _chapters(headings: Sequence[Heading]) -> list[Chapter]:
    starts = [index for index, heading in enumerate(headings) if heading.level == 2]
    ends = [*starts[1:], len(headings)]
    return [
        Chapter(headings[start], tuple(headings[start + 1 : end]))
        for start, end in zip(starts, ends, strict=True)
    ]


def _name_by_content(name: str, text: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.{suffix}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
