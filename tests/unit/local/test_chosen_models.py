"""What the environment of `make run` says of models: a document, or backends written in one line."""

from pathlib import Path

import pytest

from imagineart.images.operations import ModelOperation
from imagineart.models.model import Capabilities
from imagineart.models.read_document import PACKAGED_FILE, read_document
from imagineart.models.routes import BedrockRoute, DeploymentRoute, OtherServerRoute, VllmOmniRoute
from imagineart.settings import SettingsError
from local.chosen_models import FILE_VARIABLE, VARIABLES, choose_models, document_of

GENERATE, EDIT = ModelOperation.GENERATE, ModelOperation.EDIT
PACKAGED = PACKAGED_FILE.read_text()
PAINTER = "http://127.0.0.1:9"


def choose(**variables: str):
    return choose_models(variables, bedrock_models="stability.*,amazon.nova-*")


def test_backends_are_read_in_their_order_with_their_options() -> None:
    text = """
        vllm-omni https://gpu-1.example.com/v1/ Qwen/Qwen-Image attempt=60 retries=0 lora=/loras/mugs,
        openai-compatible http://127.0.0.1:8000/v1 painter response_format=png,
        bedrock us-west-2 stability.stable-image-ultra-v1:1 upscaler=off endpoint=https://vpce.example.com/,
        imagineart https://api.example.com/prod/v1
    """
    generating, editing = read_document(document_of({GENERATE: text})).image_models
    assert generating.backends == (
        VllmOmniRoute(
            kind="vllm-omni", url="https://gpu-1.example.com/v1", model="Qwen/Qwen-Image",
            attempt_seconds=60, retries=0, lora="/loras/mugs",
        ),
        OtherServerRoute(
            kind="openai-compatible", url="http://127.0.0.1:8000/v1", model="painter", response_format="png"
        ),
        BedrockRoute(
            kind="bedrock", region="us-west-2", model="stability.stable-image-ultra-v1:1",
            upscaler=False, endpoint="https://vpce.example.com",
        ),
        DeploymentRoute(kind="imagineart", url="https://api.example.com/prod/v1"),
    )  # fmt: skip
    assert editing == read_document(PACKAGED).models[1]


def test_what_every_backend_can_do_is_promised() -> None:
    texts = ("sglang http://a/v1 m", "sglang http://a/v1 m, openai http://b/v1 m")
    documents = [read_document(document_of({EDIT: text})) for text in texts]
    capable, bare = (each.image_models[1].capabilities for each in documents)
    assert capable == Capabilities(seed=True, negative_prompt=True, guidance=True, references=4)
    assert bare == Capabilities(references=4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (",", "backends[0]: got the kind ''; allowed: bedrock, openai, sglang, vllm-omni"),
        ("dalle https://a m", "got the kind 'dalle'; allowed: "),
        ("openai https://a", "got '' after 'https://a'; allowed: one model"),
        ("openai https://a m n", "got 'm n' after 'https://a'; allowed: one model"),
        ("imagineart https://a/v1 m", "got 'm' after 'https://a/v1'; allowed: no model"),
        ("openai https://a m upscaler=on", "got the unknown field 'upscaler'; allowed: kind"),
        ("sglang https://a m response_format=png", "got the unknown field 'response_format'; allowed: "),
        ("openai https://a m attempt=281", "backends[0].attempt_seconds: got '281'; allowed: less than or"),
        ("openai https://a m attempt=x", "backends[0].attempt_seconds: got 'x'; allowed: a valid integer"),
        ("openai https://a m attempt=6 attempt=60", "allowed: each option once"),
        ("openai-compatible https://a m response_format=", "backends[0].response_format: got ''"),
        ("openai https://a m, sglang https://a m retries=6", "backends[1].retries: got '6'"),
        ("openai https://a m retries=\u00b2", "got '\u00b2'"),
        ("bedrock us-west-2 stability.sd3-5-large-v1:0 upscaler=yes", "upscaler: got 'yes'"),
        ("bedrock us-west-2 nova", "backends[0].model: got 'nova'; allowed: 'stability.stable-image-core"),
        ("bedrock https://a m", "backends[0].region: got 'https://a'; allowed: "),
        ("bedrock us-west-2 m endpoint=nowhere", "got 'nowhere'; allowed: an http:// or https:// URL"),
    ],
)  # fmt: skip
def test_a_backend_that_cannot_be_called_is_named_with_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        choose(IMAGINEART_EDIT_BACKENDS=text)
    assert str(caught.value).startswith("IMAGINEART_EDIT_BACKENDS: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize("variable", VARIABLES.values())
def test_the_painter_serves_what_no_backend_is_chosen_for(variable: str) -> None:
    chosen = choose(**{variable: "openai https://a/v1 m"})
    assert chosen.needs_painter
    models = read_document(chosen.text(PAINTER)).image_models
    urls = {getattr(model.backends[0], "url", None) for model in models}
    assert urls == {"https://a/v1", f"{PAINTER}/v1"}
    media = read_document(chosen.text(PAINTER)).media_models
    assert {getattr(model.backends[0], "url", None) for model in media} == {f"{PAINTER}/v1"}


def test_a_document_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text(PACKAGED)
    chosen = choose(IMAGINEART_MODELS=str(file))
    assert (chosen.needs_painter, chosen.text(PAINTER)) == (False, PACKAGED)


@pytest.mark.parametrize(
    ("content", "variables", "problem"),
    [
        (None, {}, "which cannot be read"),
        ("{", {}, "document: got no JSON"),
        (PACKAGED.replace('"seed": true', '"lora": true'), {}, "got True; allowed"),
        (PACKAGED, {"IMAGINEART_EDIT_BACKENDS": "openai https://a/v1 m"}, "give one of them"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_used_is_refused_before_anything_starts(
    tmp_path: Path, content: str | None, variables: dict[str, str], problem: str
) -> None:
    file = tmp_path / "models.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match=problem) as caught:
        choose(**{FILE_VARIABLE: str(file)}, **variables)
    assert str(caught.value).startswith("IMAGINEART_MODELS: ")
