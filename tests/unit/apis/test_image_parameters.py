"""Fields are understood, refused by name or without effect, and never silently ignored."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.apis.common.validation import validate
from imagineart.apis.imagineart.describe_models import FIELDS_BY_OPERATION, describe_parameters
from imagineart.apis.imagineart.image_requests import (
    check_capabilities,
    check_fields,
    edit_request,
    generation_request,
)
from imagineart.apis.imagineart.parameters import (
    FOREIGN_SIZES,
    MAX_SEED,
    EditFields,
    GenerationFields,
)
from imagineart.errors import InvalidRequestError
from imagineart.images.kinds import JPEG, PNG, WEBP
from imagineart.images.model import AS_PNG, ImageRequest, OutputFormat, ReferenceImage
from imagineart.images.sizes import (
    EDIT_ASPECT_RATIOS,
    GENERATION_ASPECT_RATIOS,
    RESOLUTIONS,
    Size,
    output_size,
)
from imagineart.models.model import Model
from imagineart.models.read_document import packaged_document

BOTH = pytest.mark.parametrize("kind", [GenerationFields, EditFields])
GENERATION_MODEL, EDIT_MODEL = packaged_document().image_models
ABLE = ("transparency", "moderation", "input_fidelity")
TALL = ReferenceImage(b"", PNG, Size(900, 1600))


def read(kind: Any = GenerationFields, *, is_json: bool = False, **values: Any) -> Any:
    fields = validate(kind, {"prompt": "a fox"} | values, is_json=is_json)
    check_fields(fields)
    return fields


def request(kind: Any = GenerationFields, **values: str) -> ImageRequest:
    fields = read(kind, **values)
    if kind is EditFields:
        return edit_request(fields, EDIT_MODEL, (TALL,), seed=1)
    return generation_request(fields, GENERATION_MODEL, seed=1)


def refusal(kind: Any = GenerationFields, *, is_json: bool = False, **values: Any) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        read(kind, is_json=is_json, **values)
    assert caught.value.message.startswith(f"{caught.value.field}: ")
    return caught.value.message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prompt": "   "}, "prompt: got 0 characters after trimming; allowed: 1 to 4000 characters."),
        ({"prompt": "x" * 4001}, "prompt: got 4001 characters after trimming; allowed: 1 to 4000 char"),
        ({"resolution": "3K"}, "resolution: got '3K'; allowed: 1K, 2K."),
        ({"aspect_ratio": "2:1"}, "aspect_ratio: got '2:1'; allowed: 1:1, 16:9, 9:16"),
        ({"seed": "abc"}, "seed: got 'abc'; allowed: an integer from -1 to 9223372036854775807 (0 and -1"),
        ({"seed": "-2"}, "seed: got '-2'; allowed: an integer from -1"),
        ({"seed": "1_000"}, "seed: got '1_000'; allowed"),
        ({"seed": " 1"}, "seed: got ' 1'; allowed"),
        ({"seed": "9" * 400}, "seed: got '" + "9" * 60 + "…'; allowed"),
        ({"n": "11"}, "n: got '11'; allowed: an integer from 1 to 10."),
        ({"n": "1.0"}, "n: got '1.0'; allowed: an integer from 1 to 10."),
        ({"sized": "1"}, "form: got the unknown field 'sized'; allowed: prompt, aspect_ratio, resolution"),
        ({"model": "x" * 129}, "model: got 129 characters after trimming; allowed: 0 to 128 characters."),
        ({"stream": "yes"}, "stream: got 'yes'; allowed: false, true."),
        ({"partial_images": "4", "stream": "true"}, "partial_images: got '4'; allowed: an integer from"),
        ({"partial_images": "1"}, "partial_images: got '1'; allowed without stream: 0."),
        ({"style": "natural"}, "style: got 'natural'; allowed: vivid."),
        ({"user": "x" * 513}, "user: got 513 characters after trimming; allowed: 0 to 512 characters."),
        ({"size": "9x9"}, "size: got '9x9'; allowed: auto, 1024x1024, "),
        ({"output_format": "gif"}, "output_format: got 'gif'; allowed: png, jpeg, webp."),
        ({"output_compression": "50"}, "output_compression: got '50' for a PNG, which loses nothing; allow"),
        ({"output_compression": "101"}, "output_compression: got '101'; allowed: an integer from 0 to 100."),
        ({"svg": "1"}, "svg: is not supported; images are PNG, JPEG or WebP."),
        ({"svg": b"<svg/>"}, "svg: is not supported; images are PNG, JPEG or WebP."),
        ({"resolution": b"1K"}, "resolution: got a file; allowed: a text field, without a filename."),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_with_what_came_and_what_is_allowed(
    values: dict[str, str], message: str
) -> None:
    assert refusal(**values).startswith(message)


def test_a_missing_prompt_is_named() -> None:
    with pytest.raises(InvalidRequestError, match="prompt: the field is required; allowed: 1 to 4000 char"):
        validate(GenerationFields, {}, is_json=False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": "7"}, "seed: got the text '7'; allowed: an integer"),
        ({"seed": True}, "seed: got 'true'; allowed: an integer"),
        ({"seed": 7.5}, "seed: got '7.5'; allowed: an integer"),
        ({"seed": 1e300}, "seed: got a very large number; allowed"),
        ({"n": [1]}, "n: got a list; allowed"),
        ({"prompt": 5}, "prompt: got '5'; allowed: 1 to 4000 characters."),
        ({"partial_images": False}, "partial_images: got 'false'; allowed: an integer from 0 to 3."),
        ({"stream": 0}, "stream: got '0'; allowed: false, true."),
        ({"stream": "false"}, "stream: got 'false'; allowed: false, true."),
        ({"resolution": [1]}, "resolution: got a list; allowed: 1K, 2K."),
        ({"prompt": "a\ud800"}, "prompt: got a lone surrogate, which is no character; allowed: 1 to 4000 "),
        ({"\ud800": 1}, r"form: got the unknown field '\ud800'; allowed: prompt"),
    ],
)
def test_json_is_strict_about_types(values: dict[str, Any], message: str) -> None:
    assert refusal(is_json=True, **values).startswith(message)


@pytest.mark.parametrize("seed", [7, 7.0])
def test_json_may_spell_an_integer_as_json_schema_allows(seed: float) -> None:
    assert read(is_json=True, seed=seed).seed == 7


@pytest.mark.parametrize("seed", ["0", "-1"])
def test_zero_and_minus_one_choose_a_seed_at_random(seed: str) -> None:
    assert read(seed=seed).chosen_seed is read().chosen_seed is None
    assert read(seed="7").chosen_seed == 7


@pytest.mark.parametrize("name", ["markup", "reasoning", "style", "svg", "frame_count"])
def test_an_edit_says_what_to_do_in_place_of_what_it_lacks(name: str) -> None:
    assert refusal(EditFields, **{name: "x"}).startswith(f"{name}: is not supported; ")


@BOTH
@pytest.mark.parametrize(
    ("values", "output"),
    [
        ({}, AS_PNG),
        ({"output_compression": "100"}, AS_PNG),
        ({"output_format": "jpeg"}, OutputFormat(JPEG, 95)),
        ({"output_format": "webp", "output_compression": "70"}, OutputFormat(WEBP, 70)),
        ({"output_format": "webp", "output_compression": "0"}, OutputFormat(WEBP, 1)),
    ],
)
def test_format_and_compression_are_those_of_the_file(
    kind: Any, values: dict[str, str], output: OutputFormat
) -> None:
    made = request(kind, **values).output_format
    assert (made.kind, made.kind is PNG or made.quality) == (
        output.kind,
        output.kind is PNG or output.quality,
    )


@pytest.mark.parametrize(
    ("kind", "name", "value", "allowed"),
    [(GenerationFields, "background", "transparent", "auto, opaque"),
     (GenerationFields, "moderation", "low", "auto"), (EditFields, "input_fidelity", "high", "low")],
)  # fmt: skip
def test_what_only_some_models_can_do_is_refused_for_the_others_and_named(
    kind: Any, name: str, value: str, allowed: str
) -> None:
    fields, model = read(kind, **{name: value}), GENERATION_MODEL if kind is GenerationFields else EDIT_MODEL
    with pytest.raises(InvalidRequestError) as caught:
        check_capabilities(fields, model)
    assert caught.value.message == f"{name}: got '{value}'; allowed for the model '{model.id}': {allowed}."
    able = model.capabilities.model_copy(update=dict.fromkeys(ABLE, True))
    check_capabilities(fields, model.model_copy(update={"capabilities": able}))
    assert getattr(request(kind, **{name: value}), name) == value


def test_a_jpeg_is_never_transparent() -> None:
    message = refusal(background="transparent", output_format="jpeg")
    assert message == "background: got 'transparent' for a JPEG; allowed with output_format png, webp."


@BOTH
def test_every_size_of_the_table_is_made_as_it_is(kind: Any) -> None:
    ratios = GENERATION_ASPECT_RATIOS if kind is GenerationFields else EDIT_ASPECT_RATIOS
    for size in (output_size(ratio, resolution) for ratio in ratios for resolution in RESOLUTIONS):
        made = request(kind, size=str(size))
        assert (made.size, made.delivered_as) == (size, None)


@BOTH
@pytest.mark.parametrize("size", FOREIGN_SIZES, ids=str)
def test_another_size_that_openai_knows_is_cut_from_a_larger_one(kind: Any, size: Size) -> None:
    made = request(kind, size=str(size))
    assert made.delivered_size == size
    assert made.size.width >= size.width
    assert made.size.height >= size.height


def test_an_edit_has_no_size_whose_ratio_edits_lack() -> None:
    assert request(size="4096x1024").size == Size(4096, 1024)
    assert refusal(EditFields, size="4096x1024").startswith("size: got '4096x1024'")


@pytest.mark.parametrize(
    ("size", "name", "text"),
    [("2496x1664", "aspect_ratio", "1:1"), ("2496x1664", "resolution", "1K"),
     ("1024x1024", "resolution", "2K"), ("1536x1024", "resolution", "2K"),
     ("1792x1024", "aspect_ratio", "16:9")],
)  # fmt: skip
def test_a_size_that_contradicts_ratio_or_resolution_is_refused(size: str, name: str, text: str) -> None:
    assert refusal(size=size, **{name: text}) == (
        f"size: got '{size}', which contradicts {name} '{text}'; allowed: size alone, or aspect_ratio and "
        "resolution without it."
    )


def test_a_size_may_come_with_the_ratio_and_resolution_that_it_has() -> None:
    assert request(size="832x1248", aspect_ratio="2:3", resolution="1K") == request(size="832x1248")


@pytest.mark.parametrize(
    ("quality", "reasoning"),
    [
        ("auto", "low"),
        ("low", "low"),
        ("medium", "low"),
        ("standard", "low"),
        ("high", "high"),
        ("hd", "high"),
        ("xhigh", "high"),
        ("max", "high"),
    ],
)
@BOTH
def test_quality_stands_for_reasoning(kind: Any, quality: str, reasoning: str) -> None:
    assert request(kind, quality=quality).reasoning == reasoning


@pytest.mark.parametrize(("quality", "reasoning"), [("low", "high"), ("hd", "low")])
def test_quality_that_contradicts_reasoning_is_refused(quality: str, reasoning: str) -> None:
    assert refusal(quality=quality, reasoning=reasoning).startswith(
        f"quality: got '{quality}', which contradicts reasoning '{reasoning}'"
    )


def test_auto_takes_the_ratio_nearest_to_the_first_reference() -> None:
    assert request(EditFields).size == output_size("9:16", "2K")


@given(st.integers(1, 10), st.integers(-5, 9))
def test_every_seed_of_a_series_is_a_seed(count: int, beyond: int) -> None:
    seed = MAX_SEED - count + 1 + min(beyond, count - 1)
    if beyond <= 0:
        assert read(seed=str(seed), n=str(count)).seed == seed
    elif count > 1:
        assert f"allowed: an integer up to {MAX_SEED - count + 1}." in refusal(seed=str(seed), n=str(count))


@pytest.mark.parametrize("model", [GENERATION_MODEL, EDIT_MODEL], ids=lambda model: model.id)
def test_the_description_of_a_model_names_the_parameters_of_the_reference_alone(model: Model) -> None:
    described = describe_parameters(model)
    operation = model.operations[0]
    assert tuple(described) == FIELDS_BY_OPERATION[operation].reference_names
    assert described["seed"]["random"] == [-1, 0]
    assert described["resolution"]["sizes"]["2K"]["1:1"] == {"width": 2048, "height": 2048}
