"""docs/openai.md says what becomes here of each parameter and value that OpenAI's client knows."""

import re
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import pytest
from openai.types import image_create_variation_params, image_edit_params, image_generate_params

from local.template import PROJECT

pytestmark = pytest.mark.clients

TYPES: dict[str, list[type]] = {
    "g": [
        image_generate_params.ImageGenerateParamsNonStreaming,
        image_generate_params.ImageGenerateParamsStreaming,
    ],
    "e": [image_edit_params.ImageEditParamsNonStreaming, image_edit_params.ImageEditParamsStreaming],
    "v": [image_create_variation_params.ImageCreateVariationParams],
}
ROW = re.compile(r"^\| `(\w+)` \| ([a-z, ]+) \| (accepted|mapped|refused) \| (.+) \|$", re.MULTILINE)
ROWS = {
    name: (set(at.split(", ")), text)
    for name, at, _, text in ROW.findall((PROJECT / "docs/openai.md").read_text())
}


def values_of(hint: Any) -> set[str]:
    """The values that a type allows, empty where it allows any text."""
    if get_origin(hint) is Literal:
        return {str(each).lower() if isinstance(each, bool) else each for each in get_args(hint)}
    inner = get_args(hint) if get_origin(hint) in (Union, Required, NotRequired) else ()
    return set() if str in inner else {value for each in inner for value in values_of(each)}


@pytest.mark.parametrize("endpoint", TYPES)
def test_every_parameter_of_the_client_is_in_the_table(endpoint: str) -> None:
    hints = {name: hint for each in TYPES[endpoint] for name, hint in get_type_hints(each).items()}
    described = {name for name, (endpoints, _) in ROWS.items() if endpoint in endpoints}
    assert set(hints) - described == set()


@pytest.mark.parametrize("endpoint", TYPES)
def test_every_value_that_a_parameter_may_have_is_in_its_row(endpoint: str) -> None:
    for params in TYPES[endpoint]:
        for name, hint in get_type_hints(params, include_extras=True).items():
            missing = {value for value in values_of(hint) if f"`{value}`" not in ROWS[name][1]}
            assert missing == set(), name
