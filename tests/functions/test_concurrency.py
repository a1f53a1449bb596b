"""Many callers at once, each with a image of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.fault_backend import RecordedRequest, Response
from tests.functions.deployment import Deployment, generate, open_png
from tests.functions.generating_backend import GeneratingBackend, colour_of, generated

CALLERS = 16


def test_sixteen_callers_at_once_each_get_their_own_image(
    api: Deployment, backend: GeneratingBackend
) -> None:
    all_at_work = threading.Barrier(CALLERS, timeout=60)

    def generate_when_all_wait(request: RecordedRequest) -> Response:
        all_at_work.wait()
        return generated(request)

    backend.reply = generate_when_all_wait
    client = api.client(api.issue_token())

    def colour_made_of(prompt: str) -> object:
        response = generate(client, prompt=prompt, aspect_ratio="4:1")
        assert response.status_code == 200, response.text
        return open_png(response.content).getpixel((100, 100))

    prompts = [f"image number {number}" for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as callers:
        colours = list(callers.map(colour_made_of, prompts))
    assert colours == [colour_of(prompt) for prompt in prompts]
    assert len(set(colours)) == CALLERS
