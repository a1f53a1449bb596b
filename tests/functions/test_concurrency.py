"""Many callers at once, each with a picture of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.fault_backend import Answer, RecordedRequest
from tests.functions.deployment import Deployment, generate, open_png
from tests.functions.painting_backend import PaintingBackend, colour_of, paint

CALLERS = 16


def test_sixteen_callers_at_once_each_get_their_own_picture(
    api: Deployment, backend: PaintingBackend
) -> None:
    all_at_work = threading.Barrier(CALLERS, timeout=60)

    def paint_when_all_have_asked(request: RecordedRequest) -> Answer:
        all_at_work.wait()
        return paint(request)

    backend.reply = paint_when_all_have_asked
    client = api.client(api.issue_token())

    def colour_made_of(prompt: str) -> object:
        answer = generate(client, prompt=prompt, aspect_ratio="4:1")
        assert answer.status_code == 200, answer.text
        return open_png(answer.content).getpixel((100, 100))

    prompts = [f"picture number {number}" for number in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as callers:
        colours = list(callers.map(colour_made_of, prompts))
    assert colours == [colour_of(prompt) for prompt in prompts]
    assert len(set(colours)) == CALLERS
