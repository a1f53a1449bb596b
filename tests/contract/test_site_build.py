"""`make docs` builds the same site from the same source, for any deployment, and never half of one."""

import re
from pathlib import Path

import pytest
import yaml

from contract.build_site import CONTENT_SECURITY_POLICY, SITE, build_site, check_base_url, main, write_site
from contract.reference_page import render_page
from local.template import PROJECT

OTHER_URL = "https://api.example.com/prod"
UNSAFE = ("<script", "style=", "onclick=", "javascript:")


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return build_site(OTHER_URL)


def test_every_example_calls_the_deployment(files: dict[str, str]) -> None:
    assert all("api.ml.imagine.art" not in text for text in files.values())
    assert f"{OTHER_URL}/v1/images/generations" in files["index.html"]
    assert yaml.safe_load(files["openapi.yaml"])["servers"][0]["url"] == OTHER_URL


def test_the_same_source_gives_the_same_site(files: dict[str, str]) -> None:
    assert build_site(OTHER_URL) == files


def test_the_page_names_the_files_beside_it_and_no_others(files: dict[str, str]) -> None:
    page = files["index.html"]
    named = set(re.findall(r'(?:src|href)="(?!#)([^"]+)"', page))
    assert named == files.keys() - {"index.html"}
    assert CONTENT_SECURITY_POLICY.replace("'", "&#39;") in page
    body = page.partition("</head>")[2]
    assert not any(unsafe in body for unsafe in UNSAFE)


def test_the_header_for_hosts_is_the_page_s_own_policy() -> None:
    assert (
        f"Content-Security-Policy: {CONTENT_SECURITY_POLICY}" in (PROJECT / "docs/deploying.md").read_text()
    )


def test_what_a_document_says_cannot_become_markup() -> None:
    page = render_page("# A\n\n## B\n\n| Code | Message |\n|---|---|\n| `<b>` | <script>x</script> |\n")
    assert "<script" not in page.html
    assert 'data-find="&lt;b&gt;"' in page.html


def test_two_things_of_one_address_are_refused() -> None:
    with pytest.raises(ValueError, match="called again"):
        render_page("# A\n\n## Again\n\n## Again\n")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/prod/", OTHER_URL),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_is_taken_with_or_without_a_slash(given: str, taken: str) -> None:
    assert check_base_url(given) == taken


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("api.example.com", "https://"),
        ("ftp://api.example.com", "https://"),
        ("https://", "https://"),
        ("http://api.example.com", "plain HTTP is revoked"),
        ("https://user:word@api.example.com", "host and a path"),
        ("https://api.example.com/?a=b", "host and a path"),
        ("https://api.example.com/#a", "host and a path"),
        ('https://api.example.com/"$(id)"', "host and a path"),
        ("https://api.example.com/a b", "host and a path"),
        ("https://api.example.com/v1", "/v1 themselves"),
    ],
)
def test_a_base_url_that_examples_could_not_call_is_refused(
    given: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--base-url", given])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


def test_a_new_site_takes_the_place_of_the_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "site"
    write_site({"index.html": "one", "style-1.css": ""}, folder)
    write_site({"index.html": "two"}, folder)
    assert {each.name: each.read_text() for each in folder.iterdir()} == {"index.html": "two"}
    assert [each.name for each in folder.parent.iterdir()] == ["site"]


def test_a_site_that_cannot_be_written_leaves_the_earlier_one(tmp_path: Path) -> None:
    write_site({"index.html": "one"}, tmp_path / "site")
    with pytest.raises(OSError, match="no/such"):
        write_site({"index.html": "two", "no/such/folder": ""}, tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "one"
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


def test_what_is_built_is_not_committed() -> None:
    top, *_ = SITE.relative_to(PROJECT).parts
    assert f"{top}/" in (PROJECT / ".gitignore").read_text().splitlines()
