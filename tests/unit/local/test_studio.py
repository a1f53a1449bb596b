"""The studio serves each kind of media to the product's engines, and each file says that it is no model's."""

import asyncio
import io
import os
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from tinytag import TinyTag

from imagineart.aws import AwsClients
from imagineart.backends.http import HttpClient
from imagineart.backends.keys import BackendKeys
from imagineart.images.sizes import Size
from imagineart.media.engine_builder import EngineBuilder
from imagineart.media.make_media import MediaBackends
from imagineart.media.model import (
    MadeMedia,
    MediaFile,
    MediaRequest,
    MusicRequest,
    Order,
    TextRequest,
    VideoRequest,
    VoiceRequest,
)
from imagineart.models.model import MediaModel, ModelsDocument
from imagineart.models.read_document import read_document
from local.child_server import await_listening, launch
from local.chosen_models import ChosenModels
from local.studio.files import STAND_IN
from local.studio.sounds import play, speak
from local.studio.voices import VOICES
from local.studio.writing import SIGNATURE, write
from tests.sample_media import SECONDS, wav

POLL_SECONDS = 0.05


@pytest.fixture(scope="module")
def document() -> Iterator[ModelsDocument]:
    """What `make run` offers, from a studio that runs."""
    server = await_listening(launch("local.painter", "--port", "0"))
    yield read_document(ChosenModels(None, {}).text(server.url))
    server.stop()


async def make(model: MediaModel, request: MediaRequest) -> MediaFile:
    http = HttpClient()
    backends = MediaBackends(
        EngineBuilder(AwsClients({}), BackendKeys(lambda: {}), lambda: http).build(model),
        random_fraction=lambda: 0.0,
        attempt_finished=lambda *_, **__: None,
        report_failure=lambda *_: None,
        clock=lambda: 0.0,
    )
    made: MadeMedia | Order | None = None
    while not isinstance(made, MadeMedia):
        made = await backends.make(request, made, deadline_seconds=60)
        await asyncio.sleep(POLL_SECONDS if isinstance(made, Order) else 0)
    await http.close()
    return made.file


def made_by(document: ModelsDocument, request: MediaRequest) -> MediaFile:
    (model,) = [model for model in document.media_models if model.kind == request.kind]
    return asyncio.run(make(model, request))


def said_in(content: bytes) -> str:
    """What the metadata of a file say of it."""
    return str(TinyTag.get(file_obj=io.BytesIO(content)).as_dict())


def test_a_text_has_the_words_of_its_prompt_and_its_signature(document: ModelsDocument) -> None:
    text = made_by(document, TextRequest("A note on lighthouses {and} %s", 200)).content.decode()
    assert "lighthouses" in text
    assert text.endswith(SIGNATURE)
    assert len(write("A note on lighthouses", 5).removesuffix(SIGNATURE).split()) == 5


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (VoiceRequest("Hello, world. \u00fc!", "alloy"), None),
        (MusicRequest("a waltz", 5.0, 7), 5.0),
        (MusicRequest("a waltz", 5.0, 7, "audio/wav"), 5.0),
        (VideoRequest("a boat", 4, Size(1280, 720), 7), 4.0),
    ],
    ids=["voice", "mp3", "wav", "video"],
)
def test_a_file_is_small_says_that_it_is_a_stand_in_s_and_is_as_long_as_asked_for(
    document: ModelsDocument, request_: MediaRequest, seconds: float | None
) -> None:
    file = made_by(document, request_)
    assert STAND_IN in said_in(file.content)
    assert len(file.content) < 300_000
    assert file.seconds == pytest.approx(seconds or file.seconds, abs=0.2)


def test_a_clip_has_the_shape_that_is_asked_for_and_moves(document: ModelsDocument) -> None:
    file = made_by(document, VideoRequest("a boat", 4, Size(720, 1280), 7))
    with av.open(io.BytesIO(file.content)) as video:
        first, *_, last = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    height, width, _ = first.shape
    assert width / height == pytest.approx(720 / 1280, rel=0.02)
    assert abs(first.astype(int) - last.astype(int)).mean() > 5


def test_a_melody_is_its_seed_s() -> None:
    first, again, other = (play("a waltz", seed, 3, "wav") for seed in (7, 7, 8))
    assert first == again != other


def test_speech_is_espeak_s_where_it_is_installed_and_says_which_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "tones" in said_in(speak("Hello", "alloy"))
    (tmp_path / "spoken.wav").write_bytes(wav())
    speaker = tmp_path / "espeak-ng"
    speaker.write_text(f'#!/bin/sh\n[ "$3" = {VOICES["nova"]} ] && exec /bin/cat {tmp_path}/spoken.wav\n')
    speaker.chmod(0o700)
    assert os.access(speaker, os.X_OK)
    spoken = speak("Hello", "nova")
    assert "espeak-ng" in said_in(spoken)
    assert TinyTag.get(file_obj=io.BytesIO(spoken)).duration == pytest.approx(SECONDS, abs=0.2)
