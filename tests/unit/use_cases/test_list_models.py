"""The models list has the reference's shape."""

import json

from imagineart.use_cases.list_models import list_models


def test_both_models_are_listed_with_their_parameters() -> None:
    text_to_image, image_edit = list_models()["data"]
    assert list(text_to_image) == list(image_edit) == ["id", "name", "modality", "parameters"]
    assert text_to_image["parameters"]["seed"]["maximum"] == 2**63 - 1
    assert image_edit["parameters"]["images"]["max_items"] == 4


def test_the_list_is_plain_json_and_a_new_one_each_time() -> None:
    first = list_models()
    assert json.loads(json.dumps(first)) == first
    first["data"].clear()
    assert list_models()["data"]
