"""What callers ask for: requests of every kind, made from dice, with what each answer has to be."""

import base64
import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from imagineart.domain.catalogue import EDIT_MODEL, GENERATION_MODEL
from imagineart.domain.operations import EDIT_IMAGE, GENERATE_IMAGE, LIST_MODELS
from imagineart.domain.parameters import MAX_SEED
from imagineart.domain.sizes import EDIT_ASPECT_RATIOS, GENERATION_ASPECT_RATIOS, Size, output_size
from imagineart.domain.tokens import parse_token

from load.references import MARK_BYTES, draw_reference
from load.stamps import digest_of_prompt, digest_of_references

SUBJECTS: Final = ("a lighthouse", "a fox in the snow", "a harbour at dusk", "a bowl of pears", "two dancers")
REFERENCE_SIZES: Final = ((512, 384), (384, 512), (1024, 768))


@dataclass(frozen=True, slots=True)
class ExpectedPictures:
    """What the pictures of an answer have to be; `seeds` are theirs in order, None where one is chosen."""

    prompt: str
    size: Size
    count: int = 1
    seed: int | None = None
    marks: tuple[bytes, ...] = ()

    @property
    def prompt_digest(self) -> bytes:
        return digest_of_prompt(self.prompt)

    @property
    def references_digest(self) -> bytes:
        return digest_of_references(self.marks)


@dataclass(frozen=True, slots=True)
class Order:
    """A request, and what to expect of its answer where nothing fails: pictures, or a refusal with a code."""

    kind: str
    method: str
    path: str
    model: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    pictures: ExpectedPictures | None = None
    refused_as: str | None = None
    is_json: bool = False
    token: str | None = None
    """What to send in place of the caller's own token; empty for none."""


def generation(dice: random.Random, caller: str, resolution: str) -> Order:
    """A form that asks for a picture in one of the shapes."""
    ratio = dice.choice(GENERATION_ASPECT_RATIOS)
    seed = dice.choice((None, dice.randrange(1, MAX_SEED)))
    expected = ExpectedPictures(_prompt(dice, caller), output_size(ratio, resolution), seed=seed)
    fields = {
        "prompt": expected.prompt,
        "aspect_ratio": ratio,
        "resolution": resolution,
        "reasoning": dice.choice(("low", "high")),
        **({} if seed is None else {"seed": str(seed)}),
    }
    return _form(f"generation {resolution}", GENERATE_IMAGE.path, GENERATION_MODEL.id, fields, expected)


def keyed_generation(dice: random.Random, caller: str) -> Order:
    """The same with an Idempotency-Key, to be sent twice."""
    order = generation(dice, caller, "1K")
    return _with_key(order, str(uuid.UUID(int=dice.getrandbits(128))))


def edit(dice: random.Random, caller: str, resolution: str) -> Order:
    """A form with one to three references, PNGs and JPEGs."""
    ratio = dice.choice(EDIT_ASPECT_RATIOS)
    marks = tuple(dice.randbytes(MARK_BYTES) for _ in range(dice.choice((1, 1, 2, 3))))
    expected = ExpectedPictures(_prompt(dice, caller), output_size(ratio, resolution), marks=marks)
    fields = {"prompt": expected.prompt, "aspect_ratio": ratio, "resolution": resolution}
    files = [
        draw_reference(mark, dice.choice(("PNG", "JPEG")), *dice.choice(REFERENCE_SIZES)) for mark in marks
    ]
    return _form(f"edit {resolution}", EDIT_IMAGE.path, EDIT_MODEL.id, fields, expected, files)


def openai_pair(dice: random.Random, caller: str) -> Order:
    """A JSON body in OpenAI's words that asks for two pictures."""
    size = output_size(dice.choice(("1:1", "16:9", "2:3")), "1K")
    seed = dice.randrange(1, MAX_SEED)
    expected = ExpectedPictures(_prompt(dice, caller), size, count=2, seed=seed)
    document = {"prompt": expected.prompt, "size": str(size), "n": 2, "seed": seed}
    return Order(
        "OpenAI's, n=2",
        "POST",
        GENERATE_IMAGE.path,
        GENERATION_MODEL.id,
        {"Content-Type": "application/json"},
        json.dumps(document).encode(),
        expected,
        is_json=True,
    )


def models(dice: random.Random, caller: str) -> Order:
    """The list of models."""
    return Order("models", LIST_MODELS.method, LIST_MODELS.path, LIST_MODELS.name, is_json=True)


def mistake(dice: random.Random, caller: str) -> Order:
    """A form with a resolution that does not exist."""
    fields = {"prompt": _prompt(dice, caller), "resolution": "3K"}
    order = _form("mistake", GENERATE_IMAGE.path, GENERATION_MODEL.id, fields, None)
    return _refused(order, "invalid_request")


def wrong_token(dice: random.Random, caller: str, token: str) -> Order:
    """A good request with no token, with one that is mistyped, or with another secret in it."""
    order = generation(dice, caller, "1K")
    known = parse_token(token)
    assert known is not None
    stranger = type(known)(known.id, known.secret[::-1]).text
    choices = {"": "missing_bearer_token", token[:-1] + "!": "invalid_token", stranger: "invalid_token"}
    sent, code = dice.choice(list(choices.items()))
    return _refused(order, code, kind="wrong token", token=sent)


Maker = Callable[[random.Random, str], Order]

MIX: Final[Mapping[str, tuple[int, Maker]]] = {
    "generation 1K": (34, lambda dice, caller: generation(dice, caller, "1K")),
    "generation 2K": (20, lambda dice, caller: generation(dice, caller, "2K")),
    "edit 1K": (14, lambda dice, caller: edit(dice, caller, "1K")),
    "edit 2K": (6, lambda dice, caller: edit(dice, caller, "2K")),
    "OpenAI's, n=2": (10, openai_pair),
    "keyed, sent twice": (6, keyed_generation),
    "models": (4, models),
    "mistake": (2, mistake),
}
"""Every kind of request but those with a wrong token, with its weight."""

WRONG_TOKENS_WEIGHT: Final = 4


def _prompt(dice: random.Random, caller: str) -> str:
    return f"{dice.choice(SUBJECTS)}, for {caller}, {dice.getrandbits(64):016x}"


def _form(
    kind: str,
    path: str,
    model: str,
    fields: Mapping[str, str],
    expected: ExpectedPictures | None,
    files: list[bytes] | None = None,
) -> Order:
    boundary = "a-boundary-" + base64.b32encode(digest_of_prompt(fields["prompt"])[:15]).decode()
    parts = [f'"{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [
        f'"images"; filename="{position}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode() + file
        for position, file in enumerate(files or [])
    ]
    lines = [f"--{boundary}\r\nContent-Disposition: form-data; name=".encode() + part for part in parts]
    body = b"\r\n".join([*lines, f"--{boundary}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Order(kind, "POST", path, model, headers, body, expected)


def _with_key(order: Order, key: str) -> Order:
    headers = {**order.headers, "Idempotency-Key": key}
    return Order("keyed", "POST", order.path, order.model, headers, order.body, order.pictures)


def _refused(order: Order, code: str, *, kind: str | None = None, token: str | None = None) -> Order:
    return Order(
        kind or order.kind,
        order.method,
        order.path,
        order.model,
        order.headers,
        order.body,
        refused_as=code,
        token=token,
    )
