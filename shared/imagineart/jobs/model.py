"""A job: the images or the file of other media that a request asks for, made by a worker after its response.

States: queued, then processing, then completed, failed or cancelled. A worker claims a job for the time that
it can last at most, which is its lease. A lease that ended belongs to a worker that crashed, and the job is
claimed again, up to `MAX_ATTEMPTS` times in all. While a backend works on an order, the job is paused: no
worker has it, and a message comes when the backend is to be polled.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from imagineart.access.base62 import from_base62, to_base62
from imagineart.images.model import ImageRequest
from imagineart.images.seeds import RandomBelow
from imagineart.images.sizes import Size
from imagineart.media.model import KeptMedia, MediaRequest, Order
from imagineart.results.model import NONCE_BITS, nonce_of, result_key

MAX_ATTEMPTS: Final = 3
"""How often a job is started; only a crash of its worker starts it again."""

KEPT_SECONDS: Final = 30 * 86_400
"""How long a job and its images are kept."""

DEADLINE_SECONDS: Final = 86_400
"""A job that has not ended so long after it was accepted fails."""

SEND_SECONDS: Final = 60
"""How long a job may wait for its first message before the sweeper looks at it."""

RESEND_SECONDS: Final = 120
"""How long after a message the sweeper sends another, if no worker claims the job; it doubles each time."""

EARLY_SECONDS: Final = 1.0
"""How far the clocks of two workers may be apart."""

_MAX_DOUBLINGS: Final = 6
_ID_FORMAT: Final = re.compile(r"job_[0-9A-Za-z]{22}")
_TIME_DIGITS: Final = 8
_NONCE_DIGITS: Final = 14
_ATTEMPT_BITS: Final = 128


class JobState(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobKey:
    """What names a job: a consumer, and an id that is larger the later the job was accepted."""

    consumer_id: str
    id: str

    @property
    def accepted_at(self) -> float:
        """When the job was accepted, in Unix seconds."""
        return from_base62(self.id[4 : 4 + _TIME_DIGITS]) / 1000

    @property
    def deadline(self) -> float:
        """When the job fails unless it has ended, in Unix seconds."""
        return self.accepted_at + DEADLINE_SECONDS

    def image_object(self, position: int) -> str:
        """Where an image of the job is kept, from 0."""
        return f"{self._folder}/images/{position}"

    def reference_object(self, position: int) -> str:
        """Where a reference image of the job is kept, from 0."""
        return f"{self._folder}/references/{position}"

    @property
    def mask_object(self) -> str:
        """Where the mask of the job is kept, if it has one."""
        return f"{self._folder}/references/mask"

    @property
    def watermark_object(self) -> str:
        """Where the watermark of the job is kept, where that is an image."""
        return f"{self._folder}/watermark"

    @property
    def _folder(self) -> str:
        return f"{jobs_folder(self.consumer_id)}{self.id}"

    def image_number(self, position: int) -> int:
        """A number of `NONCE_BITS` that names an image of the job, known before it is made."""
        digest = hashlib.sha256(self.image_object(position).encode()).digest()
        return int.from_bytes(digest[: NONCE_BITS // 8], "big")

    def result_nonce(self, position: int) -> int:
        """What an image of the job is kept under as a result: the same for every attempt that makes it."""
        return nonce_of(self.consumer_id, self.image_number(position))


@dataclass(frozen=True, slots=True)
class KeptImage:
    """A finished image whose content is kept; `attempt` is the number of the attempt that made it.

    `seed` is None where the model has none. `backend_seconds` is how long the backends took. `result` is the
    name of the result that it is kept as, where it is one. `is_unsafe` is None where nobody checked.
    """

    size: Size
    seed: int | None
    backend: str
    backend_seconds: float
    attempt: int
    result: str | None = None
    is_unsafe: bool | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: a public code, a message for the caller, and the field that was at fault, if any."""

    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored; times are in Unix seconds.

    `api` is the API that accepted it, which alone shows it, and `base_url` where that was, for the URLs of
    results. Images are kept as results for `result_life_seconds` each, or, where that is None, as long as the
    job, for its consumer alone.

    The references and the mask in `request` have no content: `JobKey` says where it is. `counted_images`
    count for the day on which it was accepted. `attempt` names the attempt that claimed the job last, of so
    many `attempts`, until `lease_ends_at`. `webhook_url` is a secret. It and `session_id`, the session of
    WebSocket connections that gets the results, are None once the end of the job was reported there.
    `upload_url` is another, to which each image is sent, and is None once the job has ended. `details` are
    what `api` needs to show the job.

    A job of images has `images`, and one of other media `media`, which is a result always. `order` is what a
    backend works on, and no worker looks at it before `paused_until`. For an infographic, the text model
    `layout_model` writes the `layout` first, which is the prompt of the image.
    """

    key: JobKey
    api: str
    model_id: str
    resolution: str
    request: ImageRequest | MediaRequest
    base_url: str = ""
    result_life_seconds: int | None = None
    counted_images: int = 0
    state: JobState = JobState.QUEUED
    messages: int = 0
    attempts: int = 0
    attempt: str | None = None
    lease_ends_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    images: Mapping[int, KeptImage] = field(default_factory=dict)
    error: JobError | None = None
    webhook_url: str | None = field(default=None, repr=False)
    session_id: str | None = None
    upload_url: str | None = field(default=None, repr=False)
    details: Mapping[str, Any] = field(default_factory=dict)
    media: KeptMedia | None = None
    order: Order | None = None
    paused_until: float = 0.0
    layout_model: str | None = None
    layout: str | None = None

    @property
    def image_request(self) -> ImageRequest:
        """The request of a job of images. Raises TypeError for another."""
        if not isinstance(self.request, ImageRequest):
            raise TypeError(f"the job {self.key.id} is for {self.request.kind}")
        return self.request

    @property
    def image_count(self) -> int:
        """How many images it is for."""
        return images_of(self.request)

    @property
    def has_ended(self) -> bool:
        """Whether the state is final."""
        return self.state not in (JobState.QUEUED, JobState.PROCESSING)

    @property
    def has_listener(self) -> bool:
        """Whether its end has to be reported to a webhook or a session."""
        return self.webhook_url is not None or self.session_id is not None

    @property
    def repeated_calls(self) -> int:
        """How many calls of a backend may be repetitions: for each image, those of workers that crashed."""
        return sum(image.attempt - 1 for image in self.images.values())

    def is_leased(self, now: float) -> bool:
        """Whether a worker may be busy with it, though it may have been cancelled meanwhile."""
        return self.lease_ends_at is not None and now <= self.lease_ends_at

    def is_paused(self, now: float) -> bool:
        """Whether its backend is not to be polled yet; another message comes for that."""
        return now < self.paused_until - EARLY_SECONDS

    def objects(self) -> list[str]:
        """Where everything is that may be kept of the job, except results."""
        request = self.request
        if not isinstance(request, ImageRequest):
            return []
        references = [self.key.reference_object(each) for each in range(len(request.references))]
        references += [self.key.mask_object] if request.mask is not None else []
        if request.watermark and not request.watermark.text:
            references.append(self.key.watermark_object)
        if self.result_life_seconds is not None:
            return references
        return [self.key.image_object(position) for position in range(request.count)] + references

    def results(self) -> list[str]:
        """Where the results are that may be kept of the job."""
        count, media_type = self.image_count, self.request.media_type
        if not isinstance(self.request, ImageRequest):
            count = 1
        elif self.result_life_seconds is None:
            return []
        return [result_key(self.key.result_nonce(each), media_type=media_type) for each in range(count)]


@dataclass(frozen=True, slots=True)
class JobClaim:
    """One worker's right to run a job, until `lease_ends_at` (Unix seconds)."""

    key: JobKey
    attempt: str
    lease_ends_at: float


@dataclass(frozen=True, slots=True)
class JobQueue:
    """What of a consumer's jobs is in the queue: those of which it has a message, and the latest of them.

    `late` are jobs that wait though a later one was sent: requests that come at the same time overtake each
    other.
    """

    in_flight: frozenset[str] = frozenset()
    last_sent: str = ""
    late: frozenset[str] = frozenset()


def jobs_folder(consumer_id: str) -> str:
    """What the keys of all that is kept of a consumer's jobs begin with, except results."""
    return f"jobs/{consumer_id}/"


def images_of(request: ImageRequest | MediaRequest) -> int:
    """How many images a request asks for, which count for its consumer's limit."""
    return request.count if isinstance(request, ImageRequest) else 0


def create_key(consumer_id: str, *, now: float, random_below: RandomBelow) -> JobKey:
    """The key of a new job; `random_below` must be strong, since an id may be used as a secret."""
    nonce = to_base62(random_below(62**_NONCE_DIGITS), _NONCE_DIGITS)
    return JobKey(consumer_id, f"{first_id_at(now)}{nonce}")


def create_attempt(random_below: RandomBelow) -> str:
    """What names an attempt at a job."""
    return to_base62(random_below(2**_ATTEMPT_BITS), 22)


def first_id_at(now: float) -> str:
    """What the ids of all jobs begin with, or are larger than, that are accepted from `now` on."""
    return f"job_{to_base62(max(0, int(now * 1000)), _TIME_DIGITS)}"


def is_job_id(text: str) -> bool:
    """Whether `text` can be the id of a job."""
    return _ID_FORMAT.fullmatch(text) is not None


def resend_at(job: Job, now: float) -> float:
    """When the sweeper looks again at a job of which it sends another message."""
    return now + RESEND_SECONDS * 2.0 ** min(job.messages, _MAX_DOUBLINGS)


def unstarted_error(job: Job, now: float) -> JobError | None:
    """Why a job that no worker holds must not be started, or None where it may be."""
    if now >= job.key.deadline:
        return JobError("timeout", "The job did not end within 24 hours. Send it again.")
    if job.attempts >= MAX_ATTEMPTS:
        return crash_error()
    return None


def crash_error() -> JobError:
    """The error of a job whose worker crashed each time."""
    return JobError(
        "internal_error",
        f"The worker of this job failed {MAX_ATTEMPTS} times. Send the job again; if it persists, report its "
        "id.",
    )
