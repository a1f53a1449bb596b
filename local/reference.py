"""The API reference: openapi.yaml and docs/guide.md, shown by Scalar (docs/decisions/0016).

`make docs` writes it as a static site that works on any host and path; `make run` serves it at /docs.
"""

import argparse
import base64
import functools
import hashlib
import json
import mimetypes
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.template import PROJECT

LOCAL: Final = PROJECT / ".local"
PAGE: Final = Path(__file__).parent / "reference_page"
FILES: Final = ("index.html", "start.js", "scalar.js", "icon.svg", "openapi.json", "guide.md")
"""The files of the site."""


@dataclass(frozen=True, slots=True)
class NpmFile:
    """One file of an npm package; `sha512` pins the package's archive, in base64 as lock files have it."""

    package: str
    sha512: str
    path: str


SCALAR: Final = NpmFile(
    "@scalar/api-reference@1.76.0",
    "pjqwnzmA9YK3ZX+IZSICMsywm4qI6HLSngR2py9H6TvFApHHuJjkTAd+gFJfnqJDzJuro8k7ji6JCtJ2U+Byng==",
    "package/dist/browser/standalone.js",
)


class NpmError(Exception):
    """npm is missing, or did not deliver the pinned package; the message is for people."""


def fetch(file: NpmFile) -> Path:
    """The path of `file` in .local/npm; npm downloads it the first time. Raises NpmError."""
    folder = LOCAL / "npm"
    kept = folder / f"{file.package.replace('/', '+')}-{Path(file.path).name}"
    if kept.exists():
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        with tarfile.open(_download(file, Path(scratch))) as archive:
            content = archive.extractfile(file.path)
            assert content is not None
            draft = Path(scratch) / "draft"
            draft.write_bytes(content.read())
        return draft.replace(kept)


def _download(file: NpmFile, folder: Path) -> Path:
    """The package's archive alone: Scalar's file needs none of the packages that it was built from."""
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError(f"npm is not installed. Install Node.js with npm, which downloads {file.package}.")
    command = [npm, "pack", "--silent", f"--pack-destination={folder}", file.package]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise NpmError(f"npm could not download {file.package}: {error.stderr}") from error
    (archive,) = folder.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != file.sha512:
        raise NpmError(f"{file.package}: the registry delivered something other than the pinned archive.")
    return archive


def site_file(name: str, base_url: str) -> bytes:
    """One file of the site for the deployment at `base_url`. Raises NpmError."""
    if name == "scalar.js":
        return fetch(SCALAR).read_bytes()
    if name == "openapi.json":
        return json.dumps(_openapi() | {"servers": [{"url": base_url}]}).encode()
    return (PROJECT / "docs" / name if name == "guide.md" else PAGE / name).read_bytes()


@functools.cache
def _openapi() -> Any:
    return yaml.safe_load((PROJECT / "openapi.yaml").read_text(encoding="utf-8"))


def build_site(folder: Path, base_url: str) -> None:
    """Write the site for the deployment at `base_url` into `folder`, replacing it. Raises NpmError."""
    files = {name: site_file(name, base_url) for name in FILES}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def with_reference(app: ASGIApp) -> ASGIApp:
    """`app`, with the reference at /docs and the document at /openapi.json in front of it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        served = {"/docs/": "index.html", "/openapi.json": "openapi.json"}
        name = served.get(path, path.removeprefix("/docs/"))
        if path == "/docs":
            await RedirectResponse("/docs/")(scope, receive, send)
        elif name in FILES:
            base_url = str(Request(scope).base_url).rstrip("/")
            response = await run_in_threadpool(_response, name, base_url)
            await response(scope, receive, send)
        else:
            await app(scope, receive, send)

    return serve


def _response(name: str, base_url: str) -> Response:
    try:
        if name == "index.html":
            fetch(SCALAR)
        return Response(site_file(name, base_url), media_type=mimetypes.guess_type(name)[0])
    except NpmError as error:
        return PlainTextResponse(f"The reference cannot be shown. {error}\n", 503)


def main() -> None:
    """`make docs`: write the site into .local/site."""
    parser = argparse.ArgumentParser(prog="make docs", description="Build the API reference.")
    parser.add_argument("--base-url", default=_openapi()["servers"][0]["url"], help="where the API is")
    base_url = parser.parse_args().base_url.rstrip("/")
    try:
        build_site(LOCAL / "site", base_url)
    except NpmError as error:
        parser.exit(1, f"{error}\n")
    print(f".local/site/index.html shows the API at {base_url}; any static host can serve the folder.")


if __name__ == "__main__":
    main()
