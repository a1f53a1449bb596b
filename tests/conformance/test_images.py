"""Whatever the backend, a request gives the same kind of image, and the adapter says the same of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import ImageBackend
from imagineart.errors import InternalError
from imagineart.images.model import ImageRequest
from imagineart.images.png import read_png
from imagineart.images.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, RESOLUTIONS, output_size
from tests.conformance.conftest import Run
from tests.conformance.requests import EDIT, GENERATION, REFERENCES, SIZE, finished
from tests.conformance.subject import Asked, Subject, essence, generated, plain_png
from tests.fault_backend import Delivery, FaultBackend, RecordedRequest


@pytest.fixture
def asked_in_turn(subject: Subject, server: FaultBackend, backend: ImageBackend, run: Run):
    """What each request asked for, with which HTTP requests, and its image."""

    def ask(requests: Sequence[ImageRequest]) -> list[tuple[Asked, list[RecordedRequest], bytes]]:
        found = []
        for request in requests:
            before = len(server.requests)
            png = run(finished(backend, request))
            sent = server.requests[before:]
            found.append((subject.read(sent), sent, png))
        return found

    return ask


@pytest.mark.parametrize(
    ("request_", "ratios"),
    [(GENERATION, GENERATION_ASPECT_RATIOS), (EDIT, EDIT_ASPECT_RATIOS)],
    ids=["generation", "edit"],
)
def test_every_size_of_the_table_is_made_exactly(
    subject: Subject, asked_in_turn, request_: ImageRequest, ratios: Sequence[str]
) -> None:
    sizes = [output_size(ratio, resolution) for resolution in RESOLUTIONS for ratio in ratios]
    found = asked_in_turn([replace(request_, size=size) for size in sizes])
    for size, (asked, _, png) in zip(sizes, found, strict=True):
        assert read_png(png).size == size
        if subject.makes_every_size:
            assert png == generated(asked, size), f"{size}: not the image that the server made"


def test_the_prompt_arrives_as_it_was_written(asked_in_turn, request_: ImageRequest) -> None:
    ((asked, _, _),) = asked_in_turn([request_])
    assert asked.prompt == request_.prompt


def test_the_same_request_is_sent_in_the_same_words_and_gives_the_same_image(
    asked_in_turn, request_: ImageRequest
) -> None:
    first, second = asked_in_turn([request_, request_])
    assert first[0] == second[0]
    assert list(map(essence, first[1])) == list(map(essence, second[1]))
    assert first[2] == second[2]


def test_another_seed_is_another_request_where_the_model_has_one_and_otherwise_none_is_sent(
    subject: Subject, backend: ImageBackend, run: Run, asked_in_turn, request_: ImageRequest
) -> None:
    seeds = [request_.seed, request_.seed + 1, 2**63 - 1]
    found = asked_in_turn([replace(request_, seed=seed) for seed in seeds])
    sent = [asked.seed for asked, _, _ in found]
    images = {png for _, _, png in found}
    assert run(backend.generate(request_)).has_seed is subject.has_seed
    if subject.has_seed:
        assert None not in sent
        assert (len(set(sent)), len(images)) == (3, 3)
    else:
        assert sent == [None, None, None]
        assert len(images) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_references_arrive_whole_and_in_their_order(subject: Subject, asked_in_turn, count: int) -> None:
    request = replace(EDIT, references=REFERENCES[:count])
    ((asked, _, _),) = asked_in_turn([request])
    assert asked.references == tuple(map(subject.arrived, request.references))


def test_the_same_references_in_another_order_are_another_request(asked_in_turn) -> None:
    requests = [replace(EDIT, references=each) for each in permutations(REFERENCES[:3])]
    assert len({png for _, _, png in asked_in_turn(requests)}) == len(requests)


def test_images_are_made_at_the_same_time_and_each_request_gets_its_own(
    subject: Subject, server: FaultBackend, backend: ImageBackend, run: Run, request_: ImageRequest
) -> None:
    pngs = [plain_png(bytes([level, 0, 0]), SIZE) for level in range(4)]
    server.script(*[subject.image(png).delivered(Delivery.HELD) for png in pngs])

    async def generate_all() -> list[bytes]:
        tasks = [asyncio.create_task(finished(backend, request_)) for _ in pngs]
        await asyncio.to_thread(server.wait_for_requests, len(pngs))
        server.release()
        return await asyncio.gather(*tasks)

    assert sorted(run(generate_all())) == sorted(pngs)


def test_the_credential_is_read_for_every_request(
    subject: Subject, server: FaultBackend, http: HttpClient, run: Run, request_: ImageRequest
) -> None:
    if not subject.has_api_key:
        pytest.skip("boto3 holds the credentials")
    credentials = iter(["first-credential", "rotated-credential"])
    backend = subject.connect(http, server.origin, lambda: next(credentials))
    for expected in ("first-credential", "rotated-credential"):
        run(backend.generate(request_))
        assert subject.read(server.requests[-1:]).credential == expected


def test_a_credential_that_cannot_be_read_is_our_own_failure(
    subject: Subject, server: FaultBackend, http: HttpClient, run: Run, request_: ImageRequest
) -> None:
    if not subject.has_api_key:
        pytest.skip("boto3 holds the credentials")

    def unreadable() -> str:
        raise InternalError(detail="no such secret")

    with pytest.raises(InternalError):
        run(subject.connect(http, server.origin, unreadable).generate(request_))
    assert server.requests == []
