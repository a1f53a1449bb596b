"""An image backend that plays a script, and a finisher that handles labelled bytes instead of images."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from imagineart.backends.call_backends import Backends
from imagineart.backends.model import GeneratedImage, Route
from imagineart.errors import ImagineArtError
from imagineart.images.kinds import PNG
from imagineart.images.model import ImageRequest, TokenUsage


@dataclass(slots=True)
class FakeImageBackend:
    """An ImageBackend that raises `failures`, one a call, then makes images; each call takes `seconds`."""

    failures: Sequence[Exception] = ()
    seconds: float = 0.0
    content: bytes = b"image"
    has_seed: bool = True
    usage: TokenUsage | None = None
    requests: list[ImageRequest] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    given_seconds: list[float] = field(default_factory=list)
    """After how many seconds calls were cancelled."""

    async def generate(self, request: ImageRequest) -> GeneratedImage:
        call = len(self.requests)
        self.requests.append(request)
        started = asyncio.get_running_loop().time()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.given_seconds.append(asyncio.get_running_loop().time() - started)
            raise
        finally:
            self.running -= 1
        if call < len(self.failures):
            raise self.failures[call]
        return GeneratedImage(b"%s %d" % (self.content, request.seed), self.has_seed, self.usage)


async def fake_finish(content: bytes, request: ImageRequest) -> bytes:
    """Writes the size behind the content, and the format where it is not PNG."""
    output, size = request.output_format, request.delivered_size
    as_format = "" if output.kind is PNG else f" as {output.kind.name} of {output.quality}"
    return content + f" at {size}{as_format}".encode()


@dataclass(slots=True)
class Attempts:
    """What was reported of attempts."""

    outcomes: list[tuple[str, bool]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """The backends of the attempts that need the operator."""
    failures: list[tuple[str, ImagineArtError]] = field(default_factory=list)

    def finished(self, backend: str, *, failed: bool, needs_operator: bool) -> None:
        self.outcomes.append((backend, failed))
        self.refusals += [backend] if needs_operator else []

    def report(self, backend: str, error: ImagineArtError) -> None:
        self.failures.append((backend, error))


def fake_backends(
    routes: Sequence[Route], *, attempts: Attempts | None = None, random_fraction: float = 0.0
) -> Backends:
    """Backends over fakes."""
    attempts = attempts or Attempts()
    return Backends(
        routes,
        random_fraction=lambda: random_fraction,
        attempt_finished=attempts.finished,
        report_failure=attempts.report,
        finish=fake_finish,
    )
