"""OpenAI's words are understood, refused or without effect, and never silently ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.openai_parameters import (
    FOREIGN_SIZES,
    OPENAI_EDIT_PARAMETERS,
    OPENAI_GENERATION_PARAMETERS,
    read_series,
)
from imagineart.domain.orders import SeriesRequest
from imagineart.domain.parameters import (
    EDIT_PARAMETERS,
    GENERATION_PARAMETERS,
    MAX_SEED,
    EndpointParameters,
)
from imagineart.domain.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, Size, output_size

BOTH = pytest.mark.parametrize(
    "parameters", [OPENAI_GENERATION_PARAMETERS, OPENAI_EDIT_PARAMETERS], ids=["generation", "edit"]
)
OWN = {id(OPENAI_GENERATION_PARAMETERS): GENERATION_PARAMETERS, id(OPENAI_EDIT_PARAMETERS): EDIT_PARAMETERS}
RATIOS = {
    id(OPENAI_GENERATION_PARAMETERS): GENERATION_ASPECT_RATIOS,
    id(OPENAI_EDIT_PARAMETERS): EDIT_ASPECT_RATIOS,
}


def read(parameters: EndpointParameters = OPENAI_GENERATION_PARAMETERS, **fields: str) -> SeriesRequest:
    return read_series(parameters, {"prompt": "a fox"} | fields)


def refusal(parameters: EndpointParameters = OPENAI_GENERATION_PARAMETERS, **fields: str) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        read(parameters, **fields)
    assert caught.value.message.startswith(f"{caught.value.field}: ")
    return caught.value.message


def ordered_size(parameters: EndpointParameters, series: SeriesRequest) -> Size:
    values = OWN[id(parameters)].parse_scalars(series.fields)
    return output_size(values["aspect_ratio"], values["resolution"])


@BOTH
def test_a_prompt_alone_asks_for_one_picture_by_our_own_defaults(parameters: EndpointParameters) -> None:
    assert read(parameters) == SeriesRequest({"prompt": "a fox"}, None, 1)


def test_our_own_fields_are_passed_on_as_they_came() -> None:
    own = {"prompt": "a fox", "aspect_ratio": "3:2", "resolution": "1K", "seed": "7", "reasoning": "high"}
    assert read(**own, n="2", size="auto") == SeriesRequest(own, None, 2)


@BOTH
def test_every_size_of_the_table_is_understood_and_needs_no_scaling(parameters: EndpointParameters) -> None:
    for ratio in RATIOS[id(parameters)]:
        for resolution in ("1K", "2K"):
            size = output_size(ratio, resolution)
            series = read(parameters, size=str(size))
            assert series.delivered_as is None
            assert ordered_size(parameters, series) == size


@BOTH
@pytest.mark.parametrize("size", FOREIGN_SIZES, ids=str)
def test_another_size_that_openai_knows_is_made_from_a_larger_one(
    parameters: EndpointParameters, size: Size
) -> None:
    series = read(parameters, size=str(size))
    assert series.delivered_as == size
    made = ordered_size(parameters, series)
    assert made.width >= size.width
    assert made.height >= size.height


def test_a_larger_one_is_of_the_nearest_ratio_and_no_larger_than_it_has_to_be() -> None:
    made = {
        str(size): str(ordered_size(OPENAI_GENERATION_PARAMETERS, read(size=str(size))))
        for size in FOREIGN_SIZES
    }
    assert made == {
        "1536x1024": "2496x1664", "1024x1536": "1664x2496", "1792x1024": "2816x1584",
        "1024x1792": "1584x2816", "512x512": "1024x1024", "256x256": "1024x1024",
    }  # fmt: skip


@BOTH
@pytest.mark.parametrize("size", ["", "1024", "1024x1024 ", "1024X1024", "1024x1023", "0x0", "2K", "1:1"])
def test_any_other_size_is_refused_with_the_allowed_ones(parameters: EndpointParameters, size: str) -> None:
    message = refusal(parameters, size=size)
    assert message.startswith(f"size: got '{size}'; allowed are auto, 1024x1024, ")
    assert all(str(each) in message for each in (*FOREIGN_SIZES, Size(2048, 2048), Size(592, 1776)))


def test_an_edit_has_no_size_whose_ratio_edits_lack() -> None:
    assert read(size="4096x1024").fields["aspect_ratio"] == "4:1"
    assert refusal(OPENAI_EDIT_PARAMETERS, size="4096x1024").startswith("size: got '4096x1024'")


@pytest.mark.parametrize(
    ("size", "fields"),
    [("2496x1664", {"aspect_ratio": "3:2"}), ("2496x1664", {"resolution": "2K"}),
     ("832x1248", {"aspect_ratio": "2:3", "resolution": "1K"}), ("1536x1024", {"aspect_ratio": "3:2"}),
     ("3136x1344", {"aspect_ratio": "21:9"})],
)  # fmt: skip
def test_a_size_may_come_with_the_ratio_and_resolution_that_it_has(size: str, fields: dict[str, str]) -> None:
    assert read(size=size, **fields) == read(size=size)


@pytest.mark.parametrize(
    ("size", "name", "text"),
    [("2496x1664", "aspect_ratio", "1:1"), ("2496x1664", "aspect_ratio", "2:3"),
     ("2496x1664", "resolution", "1K"), ("1024x1024", "resolution", "2K"),
     ("1536x1024", "resolution", "1K"), ("1536x1024", "resolution", "2K"),
     ("1792x1024", "aspect_ratio", "16:9")],
)  # fmt: skip
def test_a_size_that_contradicts_the_ratio_or_resolution_is_refused(size: str, name: str, text: str) -> None:
    assert refusal(size=size, **{name: text}) == (
        f"size: got '{size}', which contradicts {name} '{text}'; allowed is size alone, or aspect_ratio and "
        "resolution without it."
    )


def test_an_edit_of_any_ratio_has_the_size_that_came() -> None:
    series = read(OPENAI_EDIT_PARAMETERS, size="1024x1024", aspect_ratio="auto")
    assert series.fields["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(
    ("quality", "reasoning"), [("auto", None), ("low", "low"), ("medium", "low"), ("high", "high")]
)
def test_quality_stands_for_reasoning(quality: str, reasoning: str | None) -> None:
    assert read(quality=quality).fields.get("reasoning") == reasoning


@pytest.mark.parametrize("quality", ["auto", "high"])
def test_quality_may_come_with_the_reasoning_it_stands_for(quality: str) -> None:
    assert read(quality=quality, reasoning="high").fields["reasoning"] == "high"


@pytest.mark.parametrize(("quality", "reasoning"), [("low", "high"), ("medium", "high"), ("high", "low")])
def test_quality_that_contradicts_reasoning_is_refused(quality: str, reasoning: str) -> None:
    assert refusal(quality=quality, reasoning=reasoning) == (
        f"quality: got '{quality}', which contradicts reasoning '{reasoning}'; allowed is either alone."
    )


@pytest.mark.parametrize("quality", ["low", "medium", "high"])
def test_an_edit_has_no_quality_to_choose(quality: str) -> None:
    assert refusal(OPENAI_EDIT_PARAMETERS, quality=quality) == (
        f"quality: got '{quality}'; allowed is auto alone."
    )
    assert read(OPENAI_EDIT_PARAMETERS, quality="auto") == read(OPENAI_EDIT_PARAMETERS)


@BOTH
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_one_to_four_pictures_may_be_asked_for(parameters: EndpointParameters, count: int) -> None:
    assert read(parameters, n=str(count)).count == count


@BOTH
@pytest.mark.parametrize("count", ["0", "5", "10", "-1", "1.0", "two", ""])
def test_any_other_number_of_pictures_is_refused(parameters: EndpointParameters, count: str) -> None:
    assert refusal(parameters, n=count) == f"n: got '{count}'; allowed is an integer from 1 to 4."


@given(st.integers(1, 4), st.integers(-5, 3))
def test_every_seed_of_a_series_is_a_seed(count: int, beyond: int) -> None:
    seed = MAX_SEED - count + 1 + min(beyond, count - 1)
    if beyond <= 0:
        assert read(seed=str(seed), n=str(count)).fields["seed"] == str(seed)
    elif count > 1:
        assert refusal(seed=str(seed), n=str(count)) == (
            f"seed: got '{seed}' with n = {count}, so that the last seed is too large; allowed is an integer "
            f"up to {MAX_SEED - count + 1}."
        )


@pytest.mark.parametrize(
    ("parameters", "own", "other"),
    [(OPENAI_GENERATION_PARAMETERS, "text-to-image", "image-edit"),
     (OPENAI_EDIT_PARAMETERS, "image-edit", "text-to-image")],
    ids=["generation", "edit"],
)  # fmt: skip
def test_only_the_model_of_the_endpoint_may_be_named(
    parameters: EndpointParameters, own: str, other: str
) -> None:
    assert read(parameters, model=own) == read(parameters)
    for name in (other, "gpt-image-2", ""):
        assert refusal(parameters, model=name) == f"model: got '{name}'; allowed are {own}."


NO_EFFECT = [
    ("response_format", "b64_json", "url"), ("output_format", "png", "webp"),
    ("output_compression", "100", "50"), ("background", "auto", "transparent"), ("moderation", "auto", "low"),
    ("stream", "false", "true"), ("partial_images", "0", "1"),
]  # fmt: skip


@BOTH
@pytest.mark.parametrize(("name", "harmless", "ignored"), NO_EFFECT)
def test_what_would_be_ignored_is_refused_and_what_happens_anyway_is_not(
    parameters: EndpointParameters, name: str, harmless: str, ignored: str
) -> None:
    assert read(parameters, **{name: harmless}) == read(parameters)
    assert refusal(parameters, **{name: ignored}) == (
        f"{name}: got '{ignored}'; allowed is {harmless} alone."
    )  # fmt: skip


def test_an_edit_takes_the_fidelity_that_it_has() -> None:
    assert read(OPENAI_EDIT_PARAMETERS, input_fidelity="low") == read(OPENAI_EDIT_PARAMETERS)
    assert refusal(OPENAI_EDIT_PARAMETERS, input_fidelity="high").startswith("input_fidelity: got 'high'")


@BOTH
@pytest.mark.parametrize("name", ["user", "safety_identifier"])
def test_who_the_end_user_is_changes_nothing_and_goes_nowhere(
    parameters: EndpointParameters, name: str
) -> None:
    assert read(parameters, **{name: "x" * 512}) == read(parameters, **{name: ""}) == read(parameters)
    assert refusal(parameters, **{name: "x" * 513}).startswith(f"{name}: got 513 characters")


@BOTH
def test_no_name_is_both_refused_and_accepted(parameters: EndpointParameters) -> None:
    assert not {name for name, _ in parameters.refusals} & set(parameters.names)


def test_files_of_edits_have_the_names_that_openai_s_clients_send() -> None:
    assert OPENAI_EDIT_PARAMETERS.file_names == ("images", "image", "image[]")
    assert OPENAI_GENERATION_PARAMETERS.file_names == ()
    assert EDIT_PARAMETERS.file_names == ("images",)
