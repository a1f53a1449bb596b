"""Each kind of server is asked in its own words, for a size that the ordered one can be cut out of."""

import json

import pytest

from imagineart.adapters.deadline_http import DeadlineHttpClient
from imagineart.adapters.openai_images import OpenAiImagesBackend
from imagineart.adapters.openai_profiles import HIGH_REASONING_STEPS, PROFILES, openai_size
from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.orders import EditOrder, GenerationOrder
from imagineart.domain.sizes import GENERATION_ASPECT_RATIOS, RESOLUTIONS, Size, output_size
from tests.fault_backend import FaultBackend, RecordedRequest

SIZE = Size(1024, 1024)
ALL_SIZES = [
    output_size(ratio, resolution) for ratio in GENERATION_ASPECT_RATIOS for resolution in RESOLUTIONS
]


def asked(profile: str, *, reasoning: str = "low", references: int = 0) -> RecordedRequest:
    """What a server of this kind is asked for a picture, or for an edit of `references`."""
    with FaultBackend() as server:
        backend = OpenAiImagesBackend(
            DeadlineHttpClient(server.base_url), PROFILES[profile], "a-model", lambda: None
        )
        if references:
            images = tuple(ReferenceImage(b"photo %d" % each, PNG, SIZE) for each in range(references))
            list(backend.edit(EditOrder("a fox", SIZE, 7, images), deadline_seconds=30))
        else:
            list(backend.generate(GenerationOrder("a fox", SIZE, 7, reasoning), deadline_seconds=30))
        backend.http.close()
        return server.requests[0]


COMMON = {"n": 1, "model": "a-model", "prompt": "a fox", "size": "1024x1024"}


@pytest.mark.parametrize(
    ("profile", "low", "high"),
    [
        (
            "openai",
            {"output_format": "png", "quality": "medium"}, {"output_format": "png", "quality": "high"},
        ),
        (
            "vllm-omni",
            {"response_format": "b64_json", "seed": 7},
            {"response_format": "b64_json", "seed": 7, "num_inference_steps": HIGH_REASONING_STEPS},
        ),
        (
            "sglang",
            {"response_format": "b64_json", "output_format": "png", "seed": 7},
            {
                "response_format": "b64_json", "output_format": "png", "seed": 7,
                "num_inference_steps": HIGH_REASONING_STEPS,
            },
        ),
        (
            "openai-compatible",
            {"response_format": "b64_json", "seed": 7, "reasoning": "low"},
            {"response_format": "b64_json", "seed": 7, "reasoning": "high"},
        ),
    ],
)  # fmt: skip
def test_a_generation_is_asked_in_the_servers_own_words(
    profile: str, low: dict[str, object], high: dict[str, object]
) -> None:
    assert json.loads(asked(profile, reasoning="low").body) == COMMON | low
    assert json.loads(asked(profile, reasoning="high").body) == COMMON | high


@pytest.mark.parametrize(
    ("profile", "part", "more"),
    [
        ("openai", "image[]", {"output_format": "png"}),
        ("vllm-omni", "image", {"response_format": "b64_json", "seed": "7"}),
        ("sglang", "image", {"response_format": "b64_json", "output_format": "png", "seed": "7"}),
        ("openai-compatible", "image", {"response_format": "b64_json", "seed": "7"}),
    ],
)
def test_an_edit_is_asked_in_the_servers_own_words(profile: str, part: str, more: dict[str, str]) -> None:
    request = asked(profile, references=4)
    assert request.fields == {**COMMON, "n": "1"} | more
    assert [(file.name, file.content) for file in request.files] == [
        (part, b"photo %d" % each) for each in range(4)
    ]


@pytest.mark.parametrize("size", ALL_SIZES, ids=str)
def test_openai_is_asked_for_a_size_that_it_takes_and_that_has_room_for_the_ordered_shape(size: Size) -> None:
    asked_for = openai_size(size)
    assert asked_for.width % 16 == asked_for.height % 16 == 0
    assert max(asked_for.width, asked_for.height) <= 3840
    assert 1 / 3 <= asked_for.width / asked_for.height <= 3
    assert 655_360 <= asked_for.pixels <= 8_294_400
    if max(size.width, size.height) <= 3840:
        assert asked_for.width >= size.width
        assert asked_for.height >= size.height


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size(2048, 2048), Size(2048, 2048)), (Size(1408, 792), Size(1408, 800)),
        (Size(4096, 1024), Size(3840, 1280)), (Size(512, 2048), Size(688, 2048)),
        (Size(256, 256), Size(816, 816)),
    ],
    ids=str,
)  # fmt: skip
def test_openai_is_asked_for_little_more_than_is_needed(size: Size, expected: Size) -> None:
    assert openai_size(size) == expected


@pytest.mark.parametrize("profile", ["vllm-omni", "sglang", "openai-compatible"])
def test_other_servers_are_asked_for_the_ordered_size(profile: str) -> None:
    assert all(PROFILES[profile].choose_size(size) == size for size in ALL_SIZES)
