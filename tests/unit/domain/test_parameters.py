"""What the image endpoints accept, and that they accept exactly what they describe."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imagineart.domain.catalogue import CATALOGUE, EDIT_MODEL, GENERATION_MODEL, Model
from imagineart.domain.errors import InvalidRequestError
from imagineart.domain.images import MAX_UPLOAD_BYTES
from imagineart.domain.parameters import (
    EDIT_PARAMETERS,
    GENERATION_PARAMETERS,
    UPLOAD_PARAMETERS,
    ChoiceParameter,
    EndpointParameters,
    FixedParameter,
    IntegerParameter,
    TextParameter,
    shown,
)

BOTH = pytest.mark.parametrize("parameters", [GENERATION_PARAMETERS, EDIT_PARAMETERS], ids=["text", "edit"])
MAX_SEED = 9_223_372_036_854_775_807

CHOICES = {
    ("text-to-image", "aspect_ratio"): (
        "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3", "4:1", "1:4",
    ),
    ("text-to-image", "resolution"): ("1K", "2K"),
    ("text-to-image", "reasoning"): ("low", "high"),
    ("image-edit", "aspect_ratio"): (
        "auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4", "3:1", "1:3",
    ),
    ("image-edit", "resolution"): ("1K", "2K"),
}  # fmt: skip
MODELS = {model.id: model for model in CATALOGUE}
EVERY_CHOICE = [(model, name, choice) for (model, name), choices in CHOICES.items() for choice in choices]


def parse(parameters: EndpointParameters, **fields: str):
    return parameters.parse_scalars({"prompt": "a fox"} | fields)


def refusal(parameters: EndpointParameters, **fields: str) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        parse(parameters, **fields)
    return caught.value


def test_a_prompt_alone_gets_the_documented_defaults_of_a_generation() -> None:
    assert parse(GENERATION_PARAMETERS) == {
        "prompt": "a fox", "aspect_ratio": "1:1", "resolution": "2K", "seed": None, "reasoning": "low",
    }  # fmt: skip


def test_a_prompt_alone_gets_the_documented_defaults_of_an_edit() -> None:
    assert parse(EDIT_PARAMETERS) == {
        "prompt": "a fox", "aspect_ratio": "auto", "resolution": "2K", "seed": None,
    }  # fmt: skip


@BOTH
@pytest.mark.parametrize("character", ["a", "é", "字", "🦊", "\u0301"], ids=ascii)
@pytest.mark.parametrize("length", [1, 4000])
def test_prompts_are_counted_in_characters_whatever_their_bytes(
    parameters: EndpointParameters, character: str, length: int
) -> None:
    assert parse(parameters, prompt=character * length)["prompt"] == character * length


@BOTH
@pytest.mark.parametrize("character", ["a", "字", "🦊"], ids=ascii)
def test_one_character_more_than_4000_is_refused(parameters: EndpointParameters, character: str) -> None:
    error = refusal(parameters, prompt=character * 4001)
    assert error.message == "prompt: got 4001 characters after trimming; allowed are 1 to 4000 characters."


def test_an_emoji_of_several_code_points_counts_as_several() -> None:
    family = "👨‍👩‍👧"
    assert parse(GENERATION_PARAMETERS, prompt=family * 800)["prompt"] == family * 800
    assert "got 4005 characters" in refusal(GENERATION_PARAMETERS, prompt=family * 801).message


@BOTH
def test_white_space_around_a_prompt_does_not_count(parameters: EndpointParameters) -> None:
    spaced = " \t\r\n\u3000" + "x" * 4000 + "\u00a0\n"
    assert parse(parameters, prompt=spaced)["prompt"] == "x" * 4000


def test_white_space_inside_a_prompt_is_kept() -> None:
    assert parse(GENERATION_PARAMETERS, prompt="a\r\n  fox")["prompt"] == "a\r\n  fox"


@BOTH
@pytest.mark.parametrize("blank", ["", " ", "\n\t\u2003"], ids=ascii)
def test_a_prompt_of_white_space_is_refused(parameters: EndpointParameters, blank: str) -> None:
    assert refusal(parameters, prompt=blank).message.startswith("prompt: got 0 characters")


@BOTH
def test_an_absent_prompt_is_refused(parameters: EndpointParameters) -> None:
    with pytest.raises(InvalidRequestError, match=r"^prompt: the field is required \(1 to 4000 characters\)"):
        parameters.parse_scalars({})


@pytest.mark.parametrize(("model", "name", "choice"), EVERY_CHOICE)
def test_every_documented_choice_is_accepted(model: str, name: str, choice: str) -> None:
    assert parse(MODELS[model].parameters, **{name: choice})[name] == choice


@pytest.mark.parametrize(("model", "name"), CHOICES)
@given(text=st.text())
def test_any_other_choice_is_refused_by_name_with_what_came_and_what_is_allowed(
    model: str, name: str, text: str
) -> None:
    assume(text not in CHOICES[model, name])
    error = refusal(MODELS[model].parameters, **{name: text})
    assert error.field == name
    assert error.message.startswith(f"{name}: got '{text[:60]}")
    assert error.message.endswith(f"allowed are {', '.join(CHOICES[model, name])}.")


@pytest.mark.parametrize(
    ("name", "text"),
    [("aspect_ratio", ""), ("aspect_ratio", "1:1 "), ("aspect_ratio", "16/9"), ("aspect_ratio", "auto"),
     ("resolution", "2k"), ("resolution", "4K"), ("resolution", "2048"), ("reasoning", "HIGH"),
     ("reasoning", "medium")],
)  # fmt: skip
def test_near_misses_of_a_choice_are_refused(name: str, text: str) -> None:
    assert refusal(GENERATION_PARAMETERS, **{name: text}).field == name


@pytest.mark.parametrize("ratio", ["4:1", "1:4"])
def test_edits_refuse_the_ratios_that_only_generations_have(ratio: str) -> None:
    assert refusal(EDIT_PARAMETERS, aspect_ratio=ratio).field == "aspect_ratio"


@BOTH
@pytest.mark.parametrize("text", ["0", "-1", "-0", "00"])
def test_seeds_0_and_minus_1_mean_random(parameters: EndpointParameters, text: str) -> None:
    assert parse(parameters, seed=text)["seed"] is None


@BOTH
@given(seed=st.integers(1, MAX_SEED) | st.sampled_from([1, 2**32 - 1, 2**32, 2**53 + 1, MAX_SEED]))
def test_every_other_seed_up_to_63_bits_is_taken_as_it_is(parameters: EndpointParameters, seed: int) -> None:
    assert parse(parameters, seed=str(seed))["seed"] == seed


@BOTH
@pytest.mark.parametrize(
    "text",
    ["", " ", "+5", " 5", "5 ", "5\n", "1e3", "1.0", "0x10", "1_000", "--1", "-", "-2", "٣", "５", "²", "NaN",
     "null", "random", str(2**63), str(-(2**63)), "9" * 19, "0" * 20, "1" * 100_000],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_anything_else_is_no_seed(parameters: EndpointParameters, text: str) -> None:
    error = refusal(parameters, seed=text)
    assert error.field == "seed"
    assert error.message.startswith(f"seed: got '{text[:60]}")
    assert error.message.endswith(
        f"allowed is an integer from -1 to {MAX_SEED} (0 and -1 mean random)."
    )  # fmt: skip


@pytest.mark.parametrize("name", ["aspect_ratio", "resolution", "seed", "reasoning"])
def test_a_long_hostile_value_is_cut_in_the_message(name: str) -> None:
    message = refusal(GENERATION_PARAMETERS, **{name: "A" * 1_000_000}).message
    assert f"got '{'A' * 60}…'" in message
    assert len(message) < 300


def test_a_long_prompt_is_not_repeated_in_the_message() -> None:
    assert "AAAA" not in refusal(GENERATION_PARAMETERS, prompt="A" * 5000).message


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_one_to_four_images_are_accepted(count: int) -> None:
    EDIT_PARAMETERS.files.check_count(count)


@pytest.mark.parametrize(
    ("count", "message"),
    [(0, "images: the field is required (1 to 4 files); got none."),
     (5, "images: got 5 files; allowed are 1 to 4 files.")],
)  # fmt: skip
def test_no_image_and_a_fifth_image_are_refused(count: int, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        EDIT_PARAMETERS.files.check_count(count)
    assert caught.value.message == message


def test_the_fields_are_those_of_the_reference() -> None:
    assert GENERATION_PARAMETERS.names == ("prompt", "aspect_ratio", "resolution", "seed", "reasoning")
    assert EDIT_PARAMETERS.names == ("prompt", "images", "aspect_ratio", "resolution", "seed")


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.id)
def test_every_described_enum_value_is_accepted_and_its_default_is_what_absence_means(model: Model) -> None:
    described = {name: each for name, each in model.parameters.describe().items() if "enum" in each}
    assert described
    for name, description in described.items():
        for choice in description["enum"]:
            assert parse(model.parameters, **{name: choice})[name] == choice
        assert parse(model.parameters)[name] == description["default"]


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.id)
def test_described_bounds_are_accepted_and_one_beyond_is_refused(model: Model) -> None:
    described = model.parameters.describe()
    seed, prompt = described["seed"], described["prompt"]
    for accepted in (seed["minimum"], seed["maximum"], seed["default"], *seed["random"]):
        parse(model.parameters, seed=str(accepted))
    for refused in (seed["minimum"] - 1, seed["maximum"] + 1):
        refusal(model.parameters, seed=str(refused))
    for accepted in (prompt["min_length"], prompt["max_length"]):
        parse(model.parameters, prompt="x" * accepted)
    for refused in (prompt["min_length"] - 1, prompt["max_length"] + 1):
        refusal(model.parameters, prompt="x" * refused)


def test_described_file_counts_are_accepted_and_one_beyond_is_refused() -> None:
    files = EDIT_PARAMETERS.files
    described = files.describe()
    files.check_count(described["min_items"])
    files.check_count(described["max_items"])
    for refused in (described["min_items"] - 1, described["max_items"] + 1):
        with pytest.raises(InvalidRequestError):
            files.check_count(refused)


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.id)
def test_exactly_the_parameters_described_as_required_are_required(model: Model) -> None:
    required = {name for name, each in model.parameters.describe().items() if each["required"]}
    assert required == ({"prompt", "images"} if model.parameters.files else {"prompt"})


@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.id)
def test_the_resolution_describes_the_pixels_of_every_ratio(model: Model) -> None:
    described = model.parameters.describe()
    ratios = [ratio for ratio in described["aspect_ratio"]["enum"] if ratio != "auto"]
    sizes = described["resolution"]["sizes"]
    assert list(sizes) == ["1K", "2K"]
    assert all(list(by_ratio) == ratios for by_ratio in sizes.values())
    assert sizes["2K"]["16:9"] == {"width": 2816, "height": 1584}
    assert sizes["1K"]["1:3"] == {"width": 592, "height": 1776}


def test_the_images_describe_their_media_types_and_their_pixel_bound() -> None:
    described = EDIT_PARAMETERS.describe()["images"]
    assert described["media_types"] == ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]
    assert described["max_pixels"] == 50_000_000


def test_the_catalogue_is_the_references() -> None:
    assert [(model.id, model.name, model.modality) for model in CATALOGUE] == [
        ("text-to-image", "ImagineArt 2.0", "text-to-image"),
        ("image-edit", "ImagineArt 2.0 Edit", "image-to-image"),
    ]
    assert (GENERATION_MODEL, EDIT_MODEL) == CATALOGUE


COLOUR = ChoiceParameter("colour", "The colour.", ("red", "blue"), default=None)
COUNT = IntegerParameter("count", "How many.", minimum=2, maximum=900)


def test_a_choice_without_a_default_is_required_and_says_what_is_allowed() -> None:
    assert COLOUR.required
    assert COLOUR.parse("blue") == "blue"
    with pytest.raises(InvalidRequestError) as caught:
        COLOUR.parse(None)
    assert caught.value.message == "colour: the field is required; allowed are red, blue."
    with pytest.raises(InvalidRequestError, match=r"^colour: got ''; allowed are red, blue\.$"):
        COLOUR.parse("")


def test_a_required_choice_describes_no_default() -> None:
    assert COLOUR.describe() == {
        "type": "string", "required": True, "enum": ["red", "blue"], "description": "The colour.",
    }  # fmt: skip


@given(st.integers(2, 900), st.integers(0, 12))
def test_an_integer_within_its_bounds_is_taken_with_leading_zeros_too(number: int, zeros: int) -> None:
    assert COUNT.parse("0" * zeros + str(number)) == number


@given(st.integers().filter(lambda number: not 2 <= number <= 900).map(str) | st.text())
def test_anything_else_is_no_integer_within_bounds(text: str) -> None:
    assume(not (text.isascii() and text.isdigit() and len(text) < 20 and 2 <= int(text) <= 900))
    with pytest.raises(InvalidRequestError) as caught:
        COUNT.parse(text)
    assert caught.value.message == f"count: got {shown(text)}; allowed is an integer from 2 to 900."


@pytest.mark.parametrize("text", ["+5", "-5", " 5", "5\n", "5.0", "5e1", "0x5", "٥", "²", "5_0"], ids=ascii)
def test_near_misses_of_an_integer_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^count: got "):
        COUNT.parse(text)


def test_an_integer_is_required_and_describes_its_bounds() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        COUNT.parse(None)
    assert caught.value.message == (
        "count: the field is required; allowed is an integer from 2 to 900."
    )  # fmt: skip
    assert COUNT.describe() == {
        "type": "integer", "required": True, "minimum": 2, "maximum": 900, "description": "How many.",
    }  # fmt: skip


MANY = IntegerParameter("many", "How many.", minimum=1, maximum=4, default=2)
NOTE = TextParameter("note", "A note.", min_length=0, max_length=3, required=False)


def test_an_integer_with_a_default_may_be_absent_and_says_so() -> None:
    assert not MANY.required
    assert (MANY.parse(None), MANY.parse("3")) == (2, 3)
    assert MANY.describe() == {
        "type": "integer", "required": False, "minimum": 1, "maximum": 4, "default": 2,
        "description": "How many.",
    }  # fmt: skip


def test_an_optional_text_may_be_absent_or_empty_and_not_too_long() -> None:
    assert (NOTE.parse(None), NOTE.parse(" "), NOTE.parse("abc")) == ("", "", "abc")
    assert NOTE.describe()["required"] is False
    with pytest.raises(InvalidRequestError, match=r"^note: got 4 characters"):
        NOTE.parse("abcd")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [("png", "string", "png"), (100, "integer", "100"), (False, "boolean", "false")],
)
def test_a_fixed_parameter_takes_its_one_value_and_no_other(
    value: str | int | bool, kind: str, text: str
) -> None:
    fixed = FixedParameter("kind", "The kind.", value)
    fixed.parse(None)
    fixed.parse(text)
    for other in ("", "jpeg", "0", "true", f"{text} "):
        with pytest.raises(InvalidRequestError) as caught:
            fixed.parse(other)
        assert caught.value.message == f"kind: got '{other}'; allowed is {text} alone."
    assert fixed.describe() == {
        "type": kind, "required": False, "enum": [value], "default": value, "description": "The kind.",
    }  # fmt: skip


def test_an_upload_is_asked_for_by_the_media_types_and_sizes_that_images_may_have() -> None:
    described = UPLOAD_PARAMETERS.describe()
    assert UPLOAD_PARAMETERS.names == ("content_type", "size")
    assert described["content_type"]["enum"] == EDIT_PARAMETERS.describe()["images"]["media_types"]
    assert (described["size"]["minimum"], described["size"]["maximum"]) == (1, MAX_UPLOAD_BYTES)
    assert MAX_UPLOAD_BYTES == 25 * 1024 * 1024


@given(st.text(st.characters(categories=["Cs", "Ll", "So"])))
def test_any_text_is_shown_as_text_that_can_be_sent(text: str) -> None:
    assert len(shown(text).encode()) < 400
