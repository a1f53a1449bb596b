"""An operator changes the models, and requests follow within a minute, without a deployment."""

import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from local.chosen_models import VARIABLES, document_of
from tests.functions.conftest import Deploy
from tests.functions.deployment import (
    Deployment,
    assert_error,
    edit,
    generate,
    generate_series,
    open_png,
)
from tests.functions.generating_backend import GeneratingBackend, image_file
from tests.functions.test_logs import log_to_this_tests_output, logged_lines

Document = dict[str, Any]
LONGEST_SECONDS = 61


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of every function forward."""
    passed: list[float] = []
    clock = SimpleNamespace(time=lambda: time.time() + sum(passed))
    monkeypatch.setattr("imagineart.bootstrap_environment.time", clock)
    return passed.append


@pytest.fixture
def operated(deploy: Deploy, let_pass: Callable[[float], None]) -> Deployment:
    """A deployment whose functions have the moved clock."""
    return deploy(log_to_this_tests_output)


def document(backend: GeneratingBackend, kind: str = "sglang") -> Document:
    """The models of the package over other backends."""
    route = f"{kind} {backend.base_url} another-model retries=0"
    made: Document = json.loads(document_of(dict.fromkeys(VARIABLES, route)))
    return made


def apply(api: Deployment, document: Document) -> None:
    api.operator.manage_models.apply(json.dumps(document))


def bounded(backend: GeneratingBackend, **sizes: int) -> Document:
    changed = document(backend)
    for model in changed["models"]:
        if model["kind"] == "image":
            model["sizes"] |= sizes
    return changed


def with_third(backend: GeneratingBackend) -> Document:
    """A model more, which does both, after the others."""
    changed = document(backend)
    third = {
        **changed["models"][1],
        "id": "imagine-3",
        "operations": ["edit", "generate"],
        "aliases": ["imagine-latest"],
        "capabilities": {"seed": True, "references": 2},
        "backends": [{"kind": "vllm-omni", "url": backend.base_url, "model": "third"}],
    }
    return {"models": [*changed["models"], third]}


def put_current(api: Deployment, text: str) -> None:
    """What an operator does who edits the table manually."""
    item = {"key": {"S": "current"}, "version": {"N": "9"}, "document": {"S": text}}
    api.aws("dynamodb").put_item(TableName=api.references["ModelsTable"], Item=item)


def test_a_document_holds_for_every_function_within_a_minute(
    operated: Deployment, backend: GeneratingBackend, let_pass: Callable[[float], None]
) -> None:
    client = operated.client(operated.issue_token())
    photo = image_file((64, 64))
    assert generate(client).headers["X-Backend"] == "openai-compatible"
    assert edit(client, photo).headers["X-Backend"] == "openai-compatible"
    changed = document(backend)
    changed["models"][0]["name"] = "ImagineArt 3.0"
    apply(operated, changed)
    let_pass(LONGEST_SECONDS)
    assert generate(client).headers["X-Backend"] == "sglang"
    assert edit(client, photo).headers["X-Backend"] == "sglang"
    assert client.get("/v1/models/text-to-image").json()["name"] == "ImagineArt 3.0"
    operated.operator.manage_models.rollback(None)
    let_pass(LONGEST_SECONDS)
    assert generate(client).headers["X-Backend"] == "openai-compatible"


def test_one_read_of_the_table_serves_for_a_minute(
    operated: Deployment, backend: GeneratingBackend, let_pass: Callable[[float], None]
) -> None:
    client = operated.client(operated.issue_token())
    assert generate(client).headers["X-Backend"] == "openai-compatible"
    apply(operated, document(backend))
    let_pass(30)
    assert generate(client).headers["X-Backend"] == "openai-compatible"


@pytest.mark.parametrize("text", ["{", '{"models": []}', '{"models": [{"id": "x"}]}'])
def test_a_bad_document_leaves_the_last_good_one(
    operated: Deployment, let_pass: Callable[[float], None], capsys: pytest.CaptureFixture[str], text: str
) -> None:
    client = operated.client(operated.issue_token())
    assert generate(client).status_code == 200
    put_current(operated, text)
    let_pass(LONGEST_SECONDS)
    assert generate(client).status_code == 200
    written = capsys.readouterr().out
    assert "version 1 of the models is kept: version 9 of the models: " in written
    assert '"StaleModels"' in written


def test_a_table_that_cannot_be_read_leaves_the_last_good_document(
    operated: Deployment, let_pass: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    client = operated.client(operated.issue_token())
    assert generate(client).status_code == 200
    operated.aws("dynamodb").delete_table(TableName=operated.references["ModelsTable"])
    let_pass(LONGEST_SECONDS)
    assert generate(client).headers["X-Backend"] == "openai-compatible"
    (stale,) = [line for line in logged_lines(capsys) if line["message"] == "stale models"]
    assert "ResourceNotFoundException" in stale["detail"]


def test_an_environment_that_never_had_a_good_document_fails_and_names_nothing(operated: Deployment) -> None:
    put_current(operated, "{")
    client = operated.client(operated.issue_token())
    for response in (generate(client), client.get("/v1/models")):
        assert "JSON" not in assert_error(response, 500, "internal_error")


def test_without_a_document_the_package_s_models_are_offered(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    apply(operated, {"models": [with_third(backend)["models"][2]]})
    client = operated.client(operated.issue_token())
    operated.aws("dynamodb").delete_item(
        TableName=operated.references["ModelsTable"], Key={"key": {"S": "current"}}
    )
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == [
        "text-to-image",
        "image-edit",
    ]


# Names


def test_programs_with_built_in_names_get_images(api: Deployment, client: httpx.Client) -> None:
    for name in ("dall-e-3", "gpt-image-1", " text-to-image ", ""):
        assert generate(client, model=name).headers["X-Model"] == "text-to-image"
    for name in ("gpt-image-1", "dall-e-2", "image-edit"):
        assert edit(client, image_file((64, 64)), model=name).headers["X-Model"] == "image-edit"
    message = assert_error(generate(client, model="image-edit"), 400, "invalid_request")
    assert message == "model: got 'image-edit'; allowed: text-to-image."


def test_a_request_chooses_among_the_models_of_its_endpoint(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    apply(operated, with_third(backend))
    client = operated.client(operated.issue_token("acme"))
    for name in ("imagine-3", "imagine-latest"):
        response = generate(client, model=name)
        assert (response.headers["X-Model"], response.headers["X-Backend"]) == ("imagine-3", "vllm-omni")
    assert generate(client).headers["X-Model"] == "text-to-image"
    assert backend.requests[0].json["model"] == "third"
    assert "allowed: text-to-image, imagine-3." in generate(client, model="imagine-2").text
    usage = {(row.operation, row.outcome): row.images for row in operated.usage("acme")}
    assert usage == {
        ("imagine-3", "ok"): 2, ("text-to-image", "ok"): 1, ("text-to-image", "invalid_request"): 0,
    }  # fmt: skip


def test_a_consumer_uses_the_models_that_it_is_allowed(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    apply(operated, with_third(backend))
    client = operated.client(operated.issue_token(models=frozenset({"imagine-3"})))
    (listed,) = client.get("/v1/models").json()["data"]
    assert listed["id"] == "imagine-3"
    assert (listed["parameters"]["images"]["max_items"], listed["parameters"]["images"]["required"]) == (
        2,
        False,
    )
    assert generate(client).headers["X-Model"] == "imagine-3"
    assert edit(client, image_file((64, 64))).headers["X-Model"] == "imagine-3"
    message = assert_error(generate(client, model="dall-e-3"), 400, "invalid_request")
    assert message == (
        "model: 'text-to-image', which serves /v1/images/generations, is not available to you; allowed: "
        "imagine-3. Contact the operator."
    )


def test_an_endpoint_without_a_model_says_so(operated: Deployment, backend: GeneratingBackend) -> None:
    apply(operated, {"models": document(backend)["models"][1:]})
    client = operated.client(operated.issue_token())
    assert_error(generate(client), 502, "model_not_available")


# Bounds


def test_a_size_beyond_the_model_s_is_refused_by_name(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    apply(operated, bounded(backend, max_width=1536, max_height=1536, max_pixels=1_572_864))
    client = operated.client(operated.issue_token())
    allowed = "allowed for the model 'text-to-image': up to 1536x1536 and 1,572,864 pixels in all."
    for response, problem in (
        (generate(client, resolution="2K"), "resolution: got '2K', which is 2048x2048 at 1:1"),
        (generate(client, aspect_ratio="4:1"), "resolution: got '1K', which is 2048x512 at 4:1"),
        (generate_series(client, 1, size="2048x2048", resolution="2K"), "size: got '2048x2048'"),
    ):
        assert assert_error(response, 400, "invalid_request") == f"{problem}; {allowed}"
    message = assert_error(edit(client, image_file((64, 64)), resolution="2K"), 400, "invalid_request")
    assert message.startswith(
        "resolution: got '2K', which is 2048x2048 at 1:1; allowed for the model 'image-edit'"
    )
    assert backend.requests == []


def test_a_size_within_the_model_s_is_made_without_one_beyond(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    """Without bounds, 1536x1024 is cut out of 2496x1664."""
    apply(operated, bounded(backend, max_width=1536, max_height=1536, max_pixels=1_572_864))
    client = operated.client(operated.issue_token())
    form = {"prompt": (None, "a boat"), "size": (None, "1536x1024")}
    response = client.post("/v1/images/generations", files=form, headers={"Accept": "image/png"})
    assert open_png(response.content).size == (1536, 1024)
    assert backend.requests[0].size == (1536, 1024)
    (sizes,) = {
        json.dumps(model["parameters"]["resolution"]["sizes"]["2K"])
        for model in client.get("/v1/models").json()["data"]
    }
    assert sizes == "{}"


def test_more_references_than_the_model_takes_are_refused(
    operated: Deployment, backend: GeneratingBackend
) -> None:
    apply(operated, with_third(backend))
    client = operated.client(operated.issue_token())
    photos = [image_file((64, 64))] * 3
    message = assert_error(edit(client, *photos, model="imagine-3"), 400, "invalid_request")
    assert message == "images: got 3 files; allowed: 1 to 2 files."
    assert edit(client, *photos).status_code == 200
