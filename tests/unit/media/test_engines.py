"""Each engine asks its server as the server's documentation says, and makes a file or an order of it."""

import io
from collections.abc import Callable
from typing import Any

import av
import pytest

from imagineart.backends.http import HttpClient
from imagineart.backends.model import MAX_DOCUMENT_BYTES
from imagineart.errors import (
    ImagineArtError,
    InvalidRequestError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelTimeoutError,
    RequestRefusedError,
    ResponseTooLargeError,
)
from imagineart.images.sizes import Size
from imagineart.media import try_media as try_media_module
from imagineart.media.engine import OrderFailedError
from imagineart.media.engine_builder import EngineBuilder
from imagineart.media.make_media import ORDER_SECONDS
from imagineart.media.model import (
    MadeMedia,
    MediaRequest,
    MusicRequest,
    Order,
    TextRequest,
    VideoRequest,
    VoiceRequest,
    request_from_fields,
    request_to_fields,
)
from imagineart.media.try_media import try_media
from tests.fakes.clock import FakeClock
from tests.fakes.image_making import Attempts
from tests.fault_backend import Delivery, Response, document, page, raw_image, refusal
from tests.media_server import TEXT, MediaServer
from tests.sample_media import SECONDS, mp3, mp4, wav
from tests.unit.media.conftest import Make, model_of

Route = dict[str, Any]
WRITE = TextRequest("Write of a \u26f5.", 64, "In German.", 1.5)
SPEAK = VoiceRequest("Hello <b>&amp;", "Joanna")
PLAY = MusicRequest("a waltz", 2.0, 7)
FILM = VideoRequest("a boat", 4, Size(1280, 720), 7)
REQUESTS: list[MediaRequest] = [WRITE, SPEAK, PLAY, MusicRequest("a waltz", 2.0, 7, "audio/wav"), FILM]


def openai(server: MediaServer, kind: str = "openai-compatible", **more: Any) -> Route:
    return {"kind": kind, "url": server.base_url, "model": "m", "retries": 0, **more}


def bedrock(server: MediaServer) -> Route:
    model = "eu.amazon.nova-2-lite-v1:0"
    return {"kind": "bedrock", "region": "eu-west-1", "model": model, "endpoint": server.origin, "retries": 0}


def polly(server: MediaServer) -> Route:
    return {"kind": "polly", "region": "eu-west-1", "endpoint": server.origin, "retries": 0}


def made(result: MadeMedia | Order) -> MadeMedia:
    assert isinstance(result, MadeMedia)
    return result


def plays(content: bytes) -> float:
    """How many seconds another reader than the product's finds in a file, all of it decoded."""
    with av.open(io.BytesIO(content)) as file:
        frames = list(file.decode(0))
        assert frames
        assert frames[-1].time is not None
        return frames[-1].time


def failure(make: Make, request: MediaRequest, *routes: Route, **options: Any) -> ImagineArtError:
    with pytest.raises(ImagineArtError) as caught:
        make(request, *routes, **options)
    return caught.value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: each.kind)
def test_a_request_is_read_as_it_was_written(request_: MediaRequest) -> None:
    assert request_from_fields(request_to_fields(request_)) == request_


@pytest.mark.parametrize(
    ("kind", "limit"), [("openai", "max_completion_tokens"), ("openai-compatible", "max_tokens")]
)
def test_text_comes_from_a_chat(make: Make, server: MediaServer, kind: str, limit: str) -> None:
    text = made(make(WRITE, openai(server, kind)))
    assert (text.file.content.decode(), text.file.media_type, text.file.seconds) == (TEXT, "text/plain", None)
    (asked,) = server.asked("/v1/chat/completions")
    assert asked.json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "In German."},
            {"role": "user", "content": WRITE.prompt},
        ],
        limit: 64,
        "temperature": 1.5,
    }


def test_text_comes_from_converse_without_the_thoughts_of_the_model(make: Make, server: MediaServer) -> None:
    text = made(make(WRITE, bedrock(server)))
    assert (text.file.content.decode(), text.backend) == (TEXT, "bedrock")
    (asked,) = server.asked("/model/eu.amazon.nova-2-lite-v1%3A0/converse")
    assert "/eu-west-1/bedrock/aws4_request" in asked.headers["authorization"]
    assert asked.json["system"] == [{"text": "In German."}]
    assert asked.json["messages"] == [{"role": "user", "content": [{"text": WRITE.prompt}]}]
    assert asked.json["inferenceConfig"] == {"maxTokens": 64, "temperature": 1.0}


def test_speech_comes_from_a_server_of_openai_s_protocol(make: Make, server: MediaServer) -> None:
    speech = made(make(SPEAK, openai(server)))
    assert speech.file.media_type == "audio/mpeg"
    assert speech.file.seconds == pytest.approx(SECONDS, abs=0.2)
    (asked,) = server.asked("/v1/audio/speech")
    assert (asked.json["input"], asked.json["voice"]) == (SPEAK.prompt, "Joanna")


def test_speech_comes_from_polly_as_plain_text(make: Make, server: MediaServer) -> None:
    speech = made(make(SPEAK, polly(server) | {"engine": "generative"}))
    assert speech.file.content == mp3()
    (asked,) = server.asked("/v1/speech")
    assert "/eu-west-1/polly/aws4_request" in asked.headers["authorization"]
    assert (asked.json["Text"], asked.json["TextType"]) == (SPEAK.prompt, "text")
    assert (asked.json["Engine"], asked.json["VoiceId"]) == ("generative", "Joanna")


@pytest.mark.parametrize("request_", REQUESTS[2:4], ids=lambda each: each.media_type)
def test_music_comes_in_the_format_that_is_asked_for(
    make: Make, server: MediaServer, request_: MusicRequest
) -> None:
    music = made(make(request_, openai(server, "vllm-omni")))
    assert music.file.media_type == request_.media_type
    assert music.file.seconds == pytest.approx(plays(music.file.content), abs=0.2)
    (asked,) = server.asked("/v1/audio/generate")
    assert (asked.json["input"], asked.json["audio_length"], asked.json["seed"]) == ("a waltz", 2.0, 7)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("openai-compatible", {"seconds": "4", "size": "1280x720"}),
        ("vllm-omni", {"width": "1280", "height": "720", "num_frames": "96", "fps": "24", "seed": "7"}),
    ],
)
def test_a_video_is_ordered_once_and_polled_until_it_is_finished(
    make: Make, server: MediaServer, clock: FakeClock, kind: str, fields: dict[str, str]
) -> None:
    route = openai(server, kind, fps=24)
    order = make(FILM, route)
    assert order == Order(f"{server.base_url} m", "video_0", clock())
    clock.advance(30)
    for _ in range(2):
        assert make(FILM, route, order=order) == order
    video = made(make(FILM, route, order=order))
    assert (video.file.content, video.file.seconds) == (mp4(), SECONDS)
    assert (video.backend, video.backend_seconds) == (kind, 30)
    assert [each.fields for each in server.videos.values()] == [{"model": "m", "prompt": "a boat", **fields}]


def test_a_poll_that_fails_does_not_end_an_order_and_time_does(
    make: Make, server: MediaServer, clock: FakeClock
) -> None:
    route = openai(server)
    order = make(FILM, route)
    lost = document({}).delivered(Delivery.RESET)
    for response in (refusal(500), refusal(429), page(502), page(200), document({}), refusal(401), lost):
        server.script(response)
        assert make(FILM, route, order=order) == order
    clock.advance(ORDER_SECONDS + 1)
    assert isinstance(failure(make, FILM, route, order=order), ModelTimeoutError)
    assert len(server.videos) == 1


def test_a_video_that_was_finished_while_nobody_polled_is_delivered(
    make: Make, server: MediaServer, clock: FakeClock
) -> None:
    route = openai(server)
    order = make(FILM, route)
    server.videos["video_0"].looks = 2
    clock.advance(ORDER_SECONDS + 1)
    assert made(make(FILM, route, order=order)).file.content == mp4()


def test_a_video_that_is_too_large_is_fetched_once(make: Make, server: MediaServer) -> None:
    route = openai(server)
    order = make(FILM, route)
    server.script(document({"status": "completed"}), raw_image(bytes(MAX_DOCUMENT_BYTES + 1), "video/mp4"))
    error = failure(make, FILM, route, order=order)
    assert (type(error), error.code) == (ResponseTooLargeError, "model_error")


def failed(code: str) -> Response:
    return document({"status": "failed", "error": {"code": code, "message": "the memory is full"}})


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (failed("moderation_blocked"), InvalidRequestError),
        (failed("out_of_memory"), OrderFailedError),
        (document({"status": "cancelled"}), OrderFailedError),
        (refusal(404), ModelNotAvailableError),
    ],
)  # fmt: skip
def test_an_order_that_will_not_be_fulfilled_fails(
    make: Make, server: MediaServer, response: Response, expected: type[ImagineArtError]
) -> None:
    route = openai(server)
    order = make(FILM, route)
    server.script(response)
    error = failure(make, FILM, route, order=order)
    assert isinstance(error, expected)
    assert "memory" not in error.message


def test_an_order_is_polled_where_it_was_made_and_nowhere_else(
    make: Make, server: MediaServer, attempts: Attempts
) -> None:
    with MediaServer() as other:
        order = make(FILM, openai(server))
        routes = (openai(other), openai(server, fps=20))
        attempts.outcomes.clear()
        server.script(refusal(500))
        for _ in range(2):
            assert make(FILM, *routes, order=order) == order
        assert attempts.outcomes == [("openai-compatible-2", True), ("openai-compatible-2", False)]
        assert not other.requests
        assert isinstance(failure(make, FILM, openai(other), order=order), ModelNotAvailableError)


@pytest.mark.parametrize("document_", [{}, {"id": 7}, {"id": "../secrets"}, {"id": ""}])
def test_an_order_without_an_id_that_can_be_polled_is_refused(
    make: Make, server: MediaServer, document_: dict[str, Any]
) -> None:
    server.script(document(document_))
    assert isinstance(failure(make, FILM, openai(server)), ModelError)


def test_another_backend_makes_what_the_first_one_cannot(
    make: Make, server: MediaServer, attempts: Attempts
) -> None:
    server.script(refusal(500))
    speech = made(make(SPEAK, openai(server), polly(server)))
    assert speech.backend == "polly"
    assert attempts.outcomes == [("openai-compatible", True), ("polly", False)]


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (WRITE, document({"choices": [{"finish_reason": "content_filter", "message": {"content": ""}}]})),
        (WRITE, document({"choices": [{"finish_reason": "stop", "message": {"refusal": "I cannot."}}]})),
        (SPEAK, refusal(400, "content_policy_violation")),
    ],
)
def test_a_refused_prompt_is_the_caller_s_to_change(
    make: Make, server: MediaServer, request_: MediaRequest, response: Response
) -> None:
    server.script(response)
    error = failure(make, request_, openai(server))
    assert isinstance(error, InvalidRequestError)
    assert error.field == "prompt"


def aws_refusal(status: int, code: str) -> Response:
    headers = {"x-amzn-ErrorType": code}
    return Response(status, body=b'{"message": "no"}', headers=headers)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (aws_refusal(400, "TextLengthExceededException"), RequestRefusedError),
        (aws_refusal(400, "ValidationException"), RequestRefusedError),
        (aws_refusal(403, "AccessDeniedException"), ModelAuthError),
        (aws_refusal(500, "ServiceFailureException"), ModelError),
    ],
)
def test_what_polly_refuses_is_told_apart(
    make: Make, server: MediaServer, response: Response, expected: type[ImagineArtError]
) -> None:
    server.script(response)
    assert type(failure(make, SPEAK, polly(server))) is expected
    assert len(server.requests) == 1


@pytest.mark.parametrize("reason", ["content_filtered", "guardrail_intervened"])
def test_text_that_bedrock_filtered_is_the_caller_s_to_change(
    make: Make, server: MediaServer, reason: str
) -> None:
    message = {"role": "assistant", "content": [{"text": "Sorry."}]}
    server.script(document({"output": {"message": message}, "stopReason": reason}))
    assert isinstance(failure(make, WRITE, bedrock(server)), InvalidRequestError)


def test_half_a_character_at_the_end_of_a_text_does_not_cost_the_rest(
    make: Make, server: MediaServer
) -> None:
    message = {"role": "assistant", "content": [{"text": "A boat.\ud83d"}]}
    server.script(document({"output": {"message": message}, "stopReason": "max_tokens"}))
    assert made(make(WRITE, bedrock(server))).file.content == b"A boat.?"


@pytest.mark.parametrize(
    "response",
    [document({}), document({"choices": []}), document({"choices": [{"message": {"content": None}}]}), page(),
     document([1])],
)  # fmt: skip
def test_a_response_without_text_is_a_failure_of_the_backend(
    make: Make, server: MediaServer, response: Response
) -> None:
    server.script(response)
    assert type(failure(make, WRITE, openai(server))) is ModelError


@pytest.mark.parametrize(
    ("request_", "content"),
    [
        (SPEAK, b""), (SPEAK, b"<html>"), (SPEAK, b"\xff" * 4_000), (SPEAK, wav()), (SPEAK, mp4()),
        (SPEAK, b"ID3" + b"\0" * 300),
        (REQUESTS[3], wav()[:20_000]), (REQUESTS[3], wav(0)), (REQUESTS[3], mp3()),
        (REQUESTS[3], b"RIFF\xff\xff\xff\xffWAVEfmt "), (REQUESTS[3], wav(901.0)),
    ],
)  # fmt: skip
def test_a_file_that_does_not_play_or_is_of_another_kind_is_not_delivered(
    make: Make, server: MediaServer, request_: MediaRequest, content: bytes
) -> None:
    server.script(raw_image(content, request_.media_type))
    route = openai(server, "vllm-omni" if isinstance(request_, MusicRequest) else "openai")
    assert isinstance(failure(make, request_, route), ModelError)


@pytest.mark.parametrize("route", [polly, openai])
def test_speech_that_breaks_off_is_not_delivered(
    make: Make, server: MediaServer, route: Callable[[MediaServer], Route]
) -> None:
    server.script(raw_image(mp3(), "audio/mpeg").delivered(Delivery.CUT))
    assert type(failure(make, SPEAK, route(server))) is ModelError


@pytest.mark.parametrize("content", [b"", mp3(), mp4()[:600], mp4()[:40], b"\0\0\0\x18ftypmp42" + b"\0" * 99])
def test_a_video_that_does_not_play_is_not_delivered(make: Make, server: MediaServer, content: bytes) -> None:
    route = openai(server)
    order = make(FILM, route)
    server.script(document({"status": "completed"}), raw_image(content, "video/mp4"))
    assert isinstance(failure(make, FILM, route, order=order), ModelError)


def test_an_operator_gets_a_file_of_each_engine_and_what_to_do_where_none_comes(
    server: MediaServer, http: HttpClient, builder: EngineBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_media_module, "POLL_SECONDS", 0)
    routes = {"text": [bedrock(server)], "voice": [polly(server), openai(server)]}
    routes |= {kind: [openai(server, "vllm-omni")] for kind in ("music", "video")}
    models = [model_of(kind, each) for kind, each in routes.items()]
    server.script(refusal(401))
    trials = list(try_media([(model, builder.build(model)) for model in models], http))
    assert [each.route for each in trials] == [
        "bedrock",
        "polly",
        "openai-compatible",
        "vllm-omni",
        "vllm-omni",
    ]
    assert "enable access to the model" in (trials[0].advice or "")
    assert [each.file_bytes > 1_000 for each in trials] == [False, True, True, True, True]
