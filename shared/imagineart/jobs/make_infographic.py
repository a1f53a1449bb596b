"""Makes the image of an infographic, whose prompt a text model writes first.

The text is kept in the job before it is used, so that a worker that dies later leads to no second one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from imagineart.jobs.make_media import MakesMedia
from imagineart.jobs.model import Job, JobClaim
from imagineart.jobs.run_job import Made, Makes
from imagineart.media.model import MadeMedia, TextRequest

LAYOUT_SHARE: Final = 0.3
"""The part of a worker's time that the text may take."""

MAX_LAYOUT_CHARACTERS: Final = 4_000
_MAX_TOKENS: Final = 1_000
_INSTRUCTIONS: Final = (
    "You write the prompt from which an image model draws an infographic about what the user describes. "
    "Describe a title, three to six sections from top to bottom with a heading and an icon each, and the "
    "colours. Give every word that is to be read in quotation marks: at most six words a heading, at most "
    "ten words below it. State only facts that you are sure of or that the user gave. Write the prompt in "
    "the user's language, as plain text of at most 300 words, and nothing else."
)


class JobLayouts(Protocol):
    """The jobs. See `JobStore.keep_layout`."""

    def keep_layout(self, claim: JobClaim, layout: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class MakeInfographic:
    """Makes infographics. `writer_of` gives the backends of a job's text model, and the most tokens of it."""

    jobs: JobLayouts
    writer_of: Callable[[Job], tuple[MakesMedia, int]]
    images: Makes

    async def make(self, job: Job, claim: JobClaim, deadline_seconds: float) -> Made:
        """Make and keep the text and then the image, as far as they are missing.

        Raises the error of the last backend that was tried.
        """
        now = asyncio.get_running_loop().time
        ends_at = now() + deadline_seconds
        layout = job.layout
        if layout is None:
            layout = await self._write(job, LAYOUT_SHARE * deadline_seconds)
            if not self.jobs.keep_layout(claim, layout):
                return Made.FOR_NOBODY
        drawn = replace(job, request=replace(job.image_request, prompt=layout))
        return await self.images.make(drawn, claim, ends_at - now())

    async def _write(self, job: Job, seconds: float) -> str:
        backends, max_tokens = self.writer_of(job)
        request = TextRequest(job.image_request.prompt, min(_MAX_TOKENS, max_tokens), _INSTRUCTIONS)
        made = await backends.make(request, None, deadline_seconds=seconds)
        if not isinstance(made, MadeMedia):
            raise TypeError(f"the text of {job.key.id} was ordered")
        return made.file.content.decode()[:MAX_LAYOUT_CHARACTERS]
