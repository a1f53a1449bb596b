"""A models document is read strictly, and every problem is named where it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from imagineart.backends.check_models import find_problems
from imagineart.images.sizes import Size
from imagineart.models.read_document import (
    MAX_DOCUMENT_BYTES,
    PACKAGED_FILE,
    InvalidModelsError,
    packaged_document,
    read_document,
)

Change = Callable[[dict[str, Any], dict[str, Any]], object]


def changed(change: Change) -> str:
    """The document of the package, changed; `change` gets its first model and that one's first backend."""
    document = json.loads(PACKAGED_FILE.read_text())
    model = document["models"][0]
    change(model, model["backends"][0])
    return json.dumps(document)


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidModelsError) as caught:
        read_document(text)
    return list(caught.value.problems)


def with_url(url: str) -> str:
    return changed(lambda model, _: model.update(backends=[{"kind": "openai", "url": url, "model": "m"}]))


def test_the_package_offers_both_models_and_its_backends_can_make_them() -> None:
    document = packaged_document()
    assert document.ids == ("text-to-image", "image-edit")
    serving = {
        each: [model.id for model in document.serving(each)] for each in ("generate", "edit", "variation")
    }
    assert serving == {"generate": ["text-to-image"], "edit": ["image-edit"], "variation": ["image-edit"]}
    assert find_problems(document, bedrock_models="stability.*") == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda model, _: model.pop("sizes"), "models[0].sizes: the field is required."),
        (lambda model, _: model.update(id="A b"), "models[0].id: got 'A b'; allowed: "),
        (lambda model, _: model.update(kind="video"), "models[0].kind: got 'video'; allowed: 'image'."),
        (lambda model, _: model.update(prise=1), "models[0]: got the unknown field 'prise'; allowed: id"),
        (lambda model, _: model.update(operations=["paint"]),
         "models[0].operations[0]: got 'paint'; allowed: 'generate', 'edit'"),
        (lambda model, _: model.update(operations=[]), "models[0].operations: got a list of 0; allowed: at"),
        (lambda model, _: model.update(operations=["edit"]),
         "models[0]: got edit in operations and no capabilities.references; allowed: 1 or more."),
        (lambda model, _: model.update(id="image-edit"), "got 'image-edit' for more than one model"),
        (lambda model, _: model.update(operations=["edit"], capabilities={"references": 1}),
         "got 'dall-e-2' for more than one model; allowed: a name for each operation once."),
        (lambda model, _: model["sizes"].update(max_width="4096"), "models[0].sizes.max_width: got '4096'"),
        (lambda model, _: model["prices"].update({"1K": -1}), "models[0].prices.1K: got '-1'"),
        (lambda model, _: model.update(typical_seconds=0), "models[0].typical_seconds: got '0'; allowed: gr"),
        (lambda model, _: model.update(backends=[]), "models[0].backends: got a list of 0"),
        (lambda _, backend: backend.pop("kind"), "models[0].backends[0].kind: the field is required"),
        (lambda _, backend: backend.update(kind="oven"), "models[0].backends[0].kind: got 'oven'; allowed"),
        (lambda _, backend: backend.update(retries=6), "models[0].backends[0].retries: got '6'"),
        (lambda _, backend: backend.update(retries=True), "models[0].backends[0].retries: got 'True'"),
        (lambda _, backend: backend.update(region="here"), "models[0].backends[0].region: got 'here'"),
        (lambda _, backend: backend.update(url="https://a"), "models[0].backends[0]: got the unknown field"),
        (lambda _, backend: backend.update(api_key="x"), "got the unknown field 'api_key'"),
    ],
)  # fmt: skip
def test_what_a_document_may_not_say_is_refused_by_name(change: Change, problem: str) -> None:
    (found,) = problems(changed(change))
    assert problem in found


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"models": {}}', '{"models": []}', "\ud800"])
def test_what_is_no_document_is_refused(text: str) -> None:
    assert len(problems(text)) == 1


def test_every_problem_is_named_at_once_and_a_document_has_a_bound() -> None:
    assert len(problems(changed(lambda model, _: model.update(id="", name="", typical_seconds="x")))) == 3
    assert problems(" " * MAX_DOCUMENT_BYTES + "{}") == ["document: got more than 350,000 bytes."]


@pytest.mark.parametrize(
    "url",
    [
        "gpu.example.com", "ftp://gpu.example.com", "/v1", "http://", "http:///v1", "http://[nonsense/v1",
        "http://gpu.example.com:port", "http://gpu.example.com:99999", "http://gpu.example.com:0",
        "https://gpu.example.com/v1?key", "https://gpu.example.com/v1#there", "https://f\u00fcchse.example.com",
        "https://gpu.example.com/\x00", "https://gpu..example.com/v1", f"https://{'x' * 64}.example.com",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_backend_is_refused_with_what_is_allowed(url: str) -> None:
    (found,) = problems(with_url(url))
    assert found.startswith("models[0].backends[0].url: got '")
    assert "; allowed: an http:// or https:// URL" in found


@pytest.mark.parametrize("url", ["http://[::1]:8000", "http://127.0.0.1:8000/v1", "https://gpu.example.com/"])
def test_what_is_a_url_is_taken_without_its_last_slash(url: str) -> None:
    (backend,) = read_document(with_url(url)).models[0].backends
    assert getattr(backend, "url", None) == url.rstrip("/")


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    assert "hunter2" not in str(problems(with_url("https://operator:hunter2@gpu.example.com/v1")))


@pytest.mark.parametrize(
    ("size", "is_offered"),
    [(Size(4096, 1024), True), (Size(4097, 64), False), (Size(64, 4097), False), (Size(4096, 1090), False)],
    ids=str,
)
def test_a_model_is_offered_up_to_each_of_its_bounds(size: Size, is_offered: bool) -> None:
    assert packaged_document().models[0].sizes.admit(size) == is_offered


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda model, _: model["capabilities"].update(lora=True),
         ["models[0].capabilities.lora: got True; allowed with backends[0] (bedrock): False."]),
        (lambda model, _: model.update(
            capabilities={"negative_prompt": True, "guidance": True, "lora": True},
            backends=[{"kind": "vllm-omni", "url": "https://a/v1", "model": "m", "lora": "/loras/mugs"},
                      {"kind": "sglang", "url": "https://a/v1", "model": "m"}]),
         ["models[0].capabilities.lora: got True; allowed with backends[1] (sglang): False."]),
        (lambda model, _: model["capabilities"].update(references=5),
         ["models[0].capabilities.references: got 5; allowed with backends[0] (bedrock): 4."]),
        (lambda model, _: model["backends"].append({"kind": "openai", "url": "https://a/v1", "model": "m"}),
         ["models[0].capabilities.seed: got True; allowed with backends[1] (openai): False.",
          "models[0].capabilities.negative_prompt: got True; allowed with backends[1] (openai): False."]),
        (lambda model, _: model.update(
            operations=["inpaint"], aliases=[], capabilities={"references": 1},
            backends=[{"kind": "sglang", "url": "https://a/v1", "model": "m"}]),
         ["models[0].operations: got inpaint; allowed with backends[0] (sglang): generate, edit, "
          "variation."]),
    ],
)  # fmt: skip
def test_what_backends_cannot_do_is_found(change: Change, expected: list[str]) -> None:
    assert find_problems(read_document(changed(change)), bedrock_models="stability.*") == expected


def test_bedrock_models_that_the_role_does_not_allow_are_found() -> None:
    found = find_problems(packaged_document(), bedrock_models="stability.sta*")
    assert found == [
        "models[1].backends[0]: the functions may not invoke stability.sd3-5-large-v1:0; allowed: "
        "stability.sta*, as the stack's parameter BedrockModels says."
    ]
