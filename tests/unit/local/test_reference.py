import base64
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from local import reference
from local.reference import NpmError, NpmFile, fetch, with_reference


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], NpmFile]:
    """An npm that delivers a package with one file of the given content; returns that file, pinned."""
    monkeypatch.setattr(reference, "LOCAL", tmp_path / ".local")

    def deliver(content: bytes) -> NpmFile:
        archive = tmp_path / "package.tgz"
        with tarfile.open(archive, "w:gz") as package:
            member = tarfile.TarInfo("package/dist/file.js")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncp {archive} ${{3#--pack-destination=}}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=":")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        return NpmFile("@scope/name@1.2.3", digest, "package/dist/file.js")

    return deliver


def test_a_file_is_fetched_once(npm: Callable[[bytes], NpmFile]) -> None:
    file = npm(b"first")
    assert fetch(file).read_bytes() == b"first"
    npm(b"second")
    assert fetch(file).read_bytes() == b"first"


def test_another_archive_than_the_pinned_one_is_refused(npm: Callable[[bytes], NpmFile]) -> None:
    file = npm(b"first")
    npm(b"second")
    with pytest.raises(NpmError, match=r"@scope/name@1\.2\.3"):
        fetch(file)
    assert [each.name for each in (reference.LOCAL / "npm").iterdir()] == []


def test_without_npm_the_page_says_so_and_all_else_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "LOCAL", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    browser = TestClient(with_reference(PlainTextResponse("the API")), "http://127.0.0.1:8000")
    page = browser.get("/docs")
    assert page.status_code == 503
    assert "Install Node.js with npm" in page.text
    assert browser.get("/openapi.json").json()["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert browser.get("/v1/models").text == "the API"
