"""The operator shows, checks, applies and rolls back the models."""

import json
from pathlib import Path
from typing import Any

import pytest

from imagineart.models.read_document import PACKAGED_FILE
from imagineart.models.store import CurrentVersion
from tests.fakes.models import InMemoryModels
from tests.unit.cli.conftest import Operator

DONE, FAILED, WRONG_USE, NOT_FOUND = range(4)
PACKAGED = PACKAGED_FILE.read_text()
IMAGE_MODELS = ("text-to-image", "image-edit")
MEDIA_MODELS = ("text-to-text", "text-to-speech")


def write(folder: Path, **changes: Any) -> str:
    """The package's document with another name for its first model; changes are made to that model."""
    document = json.loads(PACKAGED)
    document["models"][0] |= {"name": f"Version {len(list(folder.iterdir())) + 1}"} | changes
    file = folder / f"{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(document))
    return str(file)


def name_that_holds(operator: Operator) -> str:
    name: str = operator.run("models", "show", "--json").document["models"][0]["name"]
    return name


def test_the_package_holds_until_a_document_is_applied(operator: Operator, tmp_path: Path) -> None:
    shown = operator.run("models", "show", "--json")
    assert (shown.document, "Version 0 of the models (the package)" in shown.err) == (
        json.loads(PACKAGED),
        True,
    )
    applied = operator.run("models", "apply", write(tmp_path))
    assert (applied.code, applied.out) == (
        DONE, "Version 1 of the models holds for every request within a minute.\n",
    )  # fmt: skip
    assert name_that_holds(operator) == "Version 1"


def test_what_is_shown_can_be_changed_and_applied(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text(operator.run("models", "show", "--json").out)
    assert operator.run("models", "apply", str(file)).code == DONE


def test_a_table_shows_each_model_with_its_price_and_backends(operator: Operator) -> None:
    header, *rows = operator.run("models", "show").out.splitlines()
    assert header.split("  ")[0] == "model"
    assert [row.split()[0] for row in rows] == [*IMAGE_MODELS, *MEDIA_MODELS]
    assert all(
        each in rows[0] for each in ("generate", "dall-e-3", "4096x4096", "1K 0.03, 2K 0.05", "bedrock")
    )


def test_a_document_is_checked_without_being_applied(operator: Operator, tmp_path: Path) -> None:
    checked = operator.run("models", "check", write(tmp_path))
    assert (checked.code, checked.out) == (
        DONE,
        f"The document can be applied: {', '.join((*IMAGE_MODELS, *MEDIA_MODELS))}.\n",
    )
    assert operator.services.models == InMemoryModels()


@pytest.mark.parametrize("command", ["check", "apply"])
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": "Not an id"}, "models[0].id: got 'Not an id'"),
        ({"capabilities": {"guidance": True}}, "models[0].capabilities.guidance: got True; allowed with"),
        ({"backends": [{"kind": "bedrock", "region": "us-west-2", "model": "amazon.nova-canvas-v1:0"}]},
         "models[0].backends[0].model: got 'amazon.nova-canvas-v1:0'"),
    ],
)  # fmt: skip
def test_a_bad_document_is_wrong_use_and_changes_nothing(
    operator: Operator, tmp_path: Path, command: str, changes: dict[str, Any], problem: str
) -> None:
    ended = operator.run("models", command, write(tmp_path, **changes))
    assert (ended.code, ended.out) == (WRONG_USE, "")
    assert ended.err.startswith(problem)
    assert operator.services.models == InMemoryModels()


def test_a_file_that_is_no_text_is_wrong_use(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    file.write_bytes(b"\x89PNG")
    ended = operator.run("models", "apply", str(file))
    assert (ended.code, ended.err) == (WRONG_USE, "document: got bytes that are no UTF-8, at 0.\n")


def test_the_history_has_every_version_and_says_which_one_holds(operator: Operator, tmp_path: Path) -> None:
    for _ in range(2):
        operator.run("models", "apply", write(tmp_path))
    assert operator.run("models", "rollback").code == DONE
    at = "2027-01-15T08:00:00Z"
    assert operator.document("models", "history")["versions"] == [
        {"version": 2, "applied_at": at, "holds": False},
        {"version": 1, "applied_at": at, "holds": True},
        {"version": 0, "applied_at": None, "holds": False},
    ]
    assert "packaged" in operator.run("models", "history").out.splitlines()[-1]


def test_a_rollback_leads_to_any_version_and_the_next_document_gets_a_new_number(
    operator: Operator, tmp_path: Path
) -> None:
    for _ in range(3):
        operator.run("models", "apply", write(tmp_path))
    for arguments, name in (
        (["1"], "Version 1"),
        (["3"], "Version 3"),
        ([], "Version 2"),
        (["0"], "ImagineArt 2.0"),
    ):
        assert operator.run("models", "rollback", *arguments).code == DONE
        assert name_that_holds(operator) == name
    assert "Version 4 of" in operator.run("models", "apply", write(tmp_path)).out


def test_the_document_that_holds_keeps_its_version(operator: Operator, tmp_path: Path) -> None:
    file = write(tmp_path)
    for _ in range(2):
        assert "Version 1 of" in operator.run("models", "apply", file).out


def test_of_two_changes_at_the_same_time_one_is_refused(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.run("models", "apply", write(tmp_path))
    monkeypatch.setattr(InMemoryModels, "current", lambda _: CurrentVersion())
    for command in (["apply", write(tmp_path)], ["rollback", "1"]):
        ended = operator.run("models", *command)
        assert (ended.code, ended.out) == (FAILED, "")
        assert "Another change of the models came first." in ended.err


def test_a_document_that_was_edited_into_something_else_is_a_failure_of_the_deployment(
    operator: Operator,
) -> None:
    operator.services.models.held = CurrentVersion(1, "{}")
    ended = operator.run("models", "show")
    assert (ended.code, "version 1 of the models: models: the field is required." in ended.err) == (
        FAILED,
        True,
    )


def test_a_consumer_may_be_allowed_the_models_of_the_document(operator: Operator, tmp_path: Path) -> None:
    operator.run("models", "apply", write(tmp_path, id="imagine-3"))
    assert operator.run("consumer", "create", "b", "--models", "imagine-3").code == DONE
    refused = operator.run("consumer", "update", "b", "--models", "text-to-image")
    assert (refused.code, "allowed: imagine-3, image-edit, text-to-text" in refused.err) == (WRONG_USE, True)
