"""Callers: each sends one request after another, of every kind, and checks every response."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from httpx import AsyncClient, HTTPError, Response

from load.images import draw_reference, find_fault

WEIGHTS: Final = {
    "generation 1K": 44, "generation 2K": 12, "edit 1K": 14, "edit 2K": 4, "json": 10, "keyed": 8,
    "models": 4, "mistake": 2, "wrong token": 2,
}  # fmt: skip
"""Every kind of request but jobs. A keyed one is sent twice; `json` asks for two images."""

_SIZES: Final = {"1:1": (1024, 1024), "16:9": (1408, 792), "2:3": (832, 1248), "3:1": (1776, 592)}
_STATUS: Final = {
    "invalid_request": 400, "invalid_token": 401, "rate_limited": 429, "model_error": 502, "timeout": 504,
}  # fmt: skip
"""The documented status of each error that may happen here."""


class Consumer(NamedTuple):
    """A consumer with a token for its callers; it may make as many requests at a time as it has slots."""

    id: str
    token: str
    slots: int


class Order(NamedTuple):
    """A request, with references by their marks, and its response: `images` of `size`, or a refusal."""

    kind: str
    consumer: Consumer
    fields: Mapping[str, Any]
    headers: Mapping[str, str]
    size: tuple[int, int]
    path: str = "/v1/images/generations"
    model: str = "text-to-image"
    images: int = 1
    files: Mapping[bytes, bytes] = {}
    refused_as: str = ""


class Seen(NamedTuple):
    """A response, or the end of a `job`; `ending` is ok, replayed, accepted, an error's code, or lost."""

    order: Order
    ending: str
    problems: Sequence[str]
    headers: Mapping[str, str] = {}
    digest: str = ""
    job: Any = None


def make_order(kind: str, consumer: Consumer, dice: Random) -> Order:
    """A request of a kind, unlike every other one."""
    ratio, (width, height) = dice.choice([*_SIZES.items()])
    scale, prompt = 2 if kind.endswith("2K") else 1, f"a lighthouse, {dice.getrandbits(128):032x}"
    fields = {"prompt": prompt, "aspect_ratio": ratio, "resolution": f"{scale}K"}
    seed = {"seed": dice.randrange(1, 2**63 - 1)} if dice.random() < 0.5 else {}
    headers = {"Authorization": f"Bearer {consumer.token}"}
    marks = [bytes(dice.choices((0, 255), k=64)) for _ in range(dice.randint(1, 3))]
    files = {mark: draw_reference(mark, dice.choice(["PNG", "JPEG"])) for mark in marks}
    changes: dict[str, dict[str, Any]] = {
        "models": {"path": "/v1/models", "model": "models", "images": 0},
        "mistake": {"fields": fields | {"resolution": "3K"}, "images": 0, "refused_as": "invalid_request"},
        "wrong": {"headers": {"Authorization": "Bearer x"}, "images": 0, "refused_as": "invalid_token"},
        "keyed": {"headers": headers | {"Idempotency-Key": prompt[-32:]}},
        "json": {"fields": fields | seed | {"n": 2}, "images": 2},
        "edit": {"path": "/v1/images/edits", "model": "image-edit", "files": files},
        "job": {"headers": headers | {"Prefer": "respond-async"}, "images": 0},
    }
    order = Order(kind, consumer, fields | seed, headers, (scale * width, scale * height))
    return order._replace(**changes.get(kind.split()[0], {}))


async def send(client: AsyncClient, order: Order) -> Seen:
    """Send a request and check its response."""
    body: dict[str, Any] = {"json" if order.kind == "json" else "data": order.fields}
    files = [("images", file) for file in order.files.values()] or None
    method = "POST" if order.path.startswith("/v1/images") else "GET"
    try:
        response = await client.request(method, order.path, headers=order.headers, files=files, **body)
    except HTTPError as error:
        return Seen(order, "lost", [f"no response: {error!r}"])
    # In a thread, since decoding an image takes the time of several requests.
    ending, problems = await asyncio.to_thread(_check, response, order)
    return Seen(order, ending, problems, response.headers, hashlib.sha256(response.content).hexdigest())


def found_no_slot(seen: Seen) -> bool:
    """Whether a request was refused since its consumer had too many in progress."""
    return seen.ending == "rate_limited" and seen.headers["x-ratelimit-resource"] == "concurrent_requests"


async def call(client: AsyncClient, owner: Consumer, dice: Random, ends_at: float, seen: list[Seen]) -> None:
    """Send one request after another until `ends_at`."""
    while time.monotonic() < ends_at:
        order = make_order(dice.choices([*WEIGHTS], [*WEIGHTS.values()])[0], owner, dice)
        first = await send(client, order)
        seen.append(first)
        if first.ending == "ok" and order.kind == "keyed":
            again = await send(client, order)
            is_replay = (again.ending, again.digest) == ("replayed", first.digest)
            seen.append(again if is_replay else again._replace(problems=[f"{again.ending}, not a replay"]))


async def submit(client: AsyncClient, owner: Consumer, url: str, count: int, seconds: int) -> list[Seen]:
    """Send jobs one after another, evenly over `seconds`, with webhooks to places below `url`."""
    seen, dice = list[Seen](), Random(owner.id)
    for number in range(count):
        order = make_order("job", owner, dice)
        webhook = {"webhook_url": f"{url}{owner.id}/{number}"}
        seen.append(await send(client, order._replace(fields={**order.fields, **webhook})))
        await asyncio.sleep(seconds / count)
    return seen


async def follow(client: AsyncClient, accepted: Seen, ends_at: float) -> Seen:
    """The end of a job: its image, an error, or lost where it has not ended at `ends_at`."""
    order, url = accepted.order._replace(images=1), accepted.headers["location"]
    while not (job := (await client.get(url, headers=order.headers)).json())["ended_at"]:
        if time.monotonic() > ends_at:
            return Seen(order, "lost", [], job=job)
        await asyncio.sleep(1)
    if job["error"]:
        return Seen(order, job["error"]["code"], [], job=job)
    (image,) = job["images"]
    fields = {"seed": image["seed"], **order.fields}
    return (await send(client, order._replace(path=image["url"], fields=fields)))._replace(job=job)


def _check(response: Response, order: Order) -> tuple[str, list[str]]:
    """The ending of a request, and what is wrong with the response."""
    headers, status, problems = response.headers, response.status_code, list[str]()
    try:
        remaining, limit = (int(headers.get(f"x-ratelimit-{name}", -1)) for name in ("remaining", "limit"))
        if status != 401 and not 0 <= remaining <= limit:
            problems.append(f"X-RateLimit-Remaining is {remaining} of {limit}")
        if status >= 400:
            error = response.json()["error"]
            lacks = {"x-should-retry", *(["retry-after"] if status == 429 else [])} - headers.keys()
            if lacks or (_STATUS[error["code"]], error["request_id"]) != (status, headers["x-request-id"]):
                problems.append(f"the status {status} with {error} and without {lacks}")
            return error["code"], problems
        seed = int(headers.get("x-seed", order.fields.get("seed", 0)))
        images = [(seed, response.content)] * order.images
        if order.kind == "json":
            images = [(each["seed"], base64.b64decode(each["b64_json"])) for each in response.json()["data"]]
        first = int(order.fields.get("seed", seed))
    except (KeyError, TypeError, ValueError) as error:
        return "malformed", [*problems, f"a malformed response with the status {status}: {error!r}"]
    if [seed for seed, _ in images] != [*range(first, first + order.images)]:
        problems.append(f"the seeds {[seed for seed, _ in images]} instead of {first} and so on")
    faults = (find_fault(png, order.size, order.fields["prompt"], order.files, seed) for seed, png in images)
    problems += filter(None, faults)
    is_replay = headers.get("idempotent-replayed") == "true"
    return "replayed" if is_replay else "accepted" if status == 202 else "ok", problems
