"""The models list has the reference's shape."""

import json
from datetime import UTC, datetime

from imagineart.domain.consumers import TIERS, Consumer
from imagineart.use_cases.list_models import list_models

ACME = Consumer("acme", TIERS["basic"])


def test_both_models_are_listed_with_their_parameters() -> None:
    text_to_image, image_edit = list_models(ACME)["data"]
    assert list(text_to_image) == list(image_edit) == [
        "id", "name", "modality", "parameters", "object", "created", "owned_by",
    ]  # fmt: skip
    assert text_to_image["parameters"]["seed"]["maximum"] == 2**63 - 1
    assert image_edit["parameters"]["images"]["max_items"] == 4


def test_the_list_is_one_that_clients_of_openai_read_too() -> None:
    listed = list_models(ACME)
    assert listed["object"] == "list"
    for model in listed["data"]:
        assert (model["object"], model["owned_by"]) == ("model", "imagineart")
        assert model["created"] == datetime(2026, 11, 21, tzinfo=UTC).timestamp()


def test_the_list_is_plain_json_and_a_new_one_each_time() -> None:
    first = list_models(ACME)
    assert json.loads(json.dumps(first)) == first
    first["data"].clear()
    assert list_models(ACME)["data"]


def test_a_consumer_is_listed_the_models_that_are_available_to_it() -> None:
    editor = Consumer("editor", TIERS["basic"], frozenset({"image-edit"}))
    assert [model["id"] for model in list_models(editor)["data"]] == ["image-edit"]
