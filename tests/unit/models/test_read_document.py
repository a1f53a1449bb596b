"""A models document is read strictly, and every problem is named where it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from imagineart.backends.check_models import find_problems
from imagineart.images.operations import ModelOperation
from imagineart.images.sizes import Size
from imagineart.models.read_document import (
    MAX_DOCUMENT_BYTES,
    PACKAGED_FILE,
    InvalidModelsError,
    packaged_document,
    read_document,
)

BEDROCK_MODELS = "stability.*,amazon.nova-*"
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


def test_the_package_offers_its_models_and_its_backends_can_make_them() -> None:
    document = packaged_document()
    assert document.ids == ("text-to-image", "image-edit", "text-to-text", "text-to-speech")
    serving = {
        each: [model.id for model in document.serving(each)] for each in ("generate", "edit", "variation")
    }
    assert serving == {"generate": ["text-to-image"], "edit": ["image-edit"], "variation": ["image-edit"]}
    assert find_problems(document, bedrock_models=BEDROCK_MODELS) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda model, _: model.pop("sizes"), "models[0].sizes: the field is required."),
        (lambda model, _: model.update(id="A b"), "models[0].id: got 'A b'; allowed: "),
        (lambda model, _: model.update(kind="poem"), "models[0].kind: got 'poem'; allowed: image, text, "),
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
    assert find_problems(read_document(changed(change)), bedrock_models=BEDROCK_MODELS) == expected


def test_bedrock_models_that_the_role_does_not_allow_are_found() -> None:
    found = find_problems(packaged_document(), bedrock_models="stability.sta*,amazon.nova-pro*")
    said = "allowed: stability.sta*, amazon.nova-pro*, as the stack's parameters BedrockModels and"
    assert [each.partition(" BedrockTextModels")[0] for each in found] == [
        f"models[1].backends[0]: the functions may not invoke stability.sd3-5-large-v1:0; {said}",
        f"models[2].backends[0]: the functions may not invoke us.amazon.nova-2-lite-v1:0; {said}",
    ]


SERVER = {"kind": "openai-compatible", "url": "https://gpu.example.com/v1", "model": "m"}
OMNI = SERVER | {"kind": "vllm-omni"}
MEDIA: dict[str, dict[str, Any]] = {
    "text": {"backends": [SERVER, {"kind": "bedrock", "region": "eu-west-1", "model": "eu.amazon.nova-x"}]},
    "voice": {"voices": ["alloy"], "backends": [SERVER, {"kind": "polly", "region": "eu-west-1"}]},
    "music": {"backends": [OMNI]},
    "video": {"seconds": [4, 8], "sizes": ["1280x720"], "backends": [SERVER, OMNI | {"fps": 24}]},
}


def with_media(kind: str, **changes: Any) -> str:
    """The document of the package and a model of a kind of media."""
    document = json.loads(PACKAGED_FILE.read_text())
    document["models"].append(
        {"id": "m", "name": "M", "kind": kind, "typical_seconds": 9, **MEDIA[kind], **changes}
    )
    return json.dumps(document)


@pytest.mark.parametrize("kind", MEDIA)
def test_a_model_of_other_media_has_backends_of_its_kind_and_serves_no_operation_of_images(kind: str) -> None:
    document = read_document(with_media(kind))
    assert document.media_models[-1].kind == kind
    assert len(document.media_models[-1].backends) == len(MEDIA[kind]["backends"])
    assert find_problems(document, bedrock_models=BEDROCK_MODELS) == []
    ids = {each.id for operation in ModelOperation for each in document.serving(operation)}
    assert ids == {each.id for each in document.image_models} == {"text-to-image", "image-edit"}


def test_more_than_polly_reads_aloud_is_found() -> None:
    found = find_problems(
        read_document(with_media("voice", max_characters=3_001)), bedrock_models=BEDROCK_MODELS
    )
    assert found == ["models[4].max_characters: got 3001; allowed with backends[1] (polly): 3000."]


@pytest.mark.parametrize(
    ("kind", "backend", "allowed"),
    [
        ("text", {"kind": "polly"}, "openai, openai-compatible, bedrock"),
        ("voice", OMNI, "openai, openai-compatible, polly"),
        ("music", SERVER, "'vllm-omni'"),
        ("video", {"kind": "bedrock"}, "'openai-compatible' or 'vllm-omni'"),
    ],
)
def test_a_backend_that_cannot_make_the_kind_is_refused(
    kind: str, backend: dict[str, Any], allowed: str
) -> None:
    found = problems(with_media(kind, backends=[backend]))
    assert f"models[4].backends[0].kind: got '{backend['kind']}'; allowed: {allowed}." in found


@pytest.mark.parametrize(
    ("kind", "changes", "problem"),
    [
        ("voice", {"voices": []}, "models[4].voices: got a list of 0"),
        ("video", {"sizes": ["large"]}, "models[4].sizes[0]: got 'large'; allowed: pattern"),
        ("music", {"max_seconds": 0}, "models[4].max_seconds: got '0'"),
        ("music", {"backends": [OMNI | {"lora": "x"}]},
         "models[4].backends[0]: got the unknown field 'lora'; allowed: kind, attempt_seconds, retries, url"),
        ("text", {"id": "text-to-text"}, "got 'text-to-text' for more than one model"),
        ("text", {"operations": ["generate"]}, "models[4]: got the unknown field 'operations'; allowed: id"),
    ],
)  # fmt: skip
def test_a_bad_limit_of_a_model_of_other_media_is_refused_by_name(
    kind: str, changes: dict[str, Any], problem: str
) -> None:
    (found,) = problems(with_media(kind, **changes))
    assert problem in found
