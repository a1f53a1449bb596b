"""A picture from reference images and an instruction."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imagineart.domain.catalogue import EDIT_MODEL
from imagineart.domain.orders import EditOrder, Picture
from imagineart.domain.ports import ImageBackend, PictureFinisher, ReferenceReader
from imagineart.domain.seeds import RandomBelow, choose_seed
from imagineart.domain.sizes import AUTO_ASPECT_RATIO, nearest_aspect_ratio, output_size


@dataclass(frozen=True, slots=True)
class EditImage:
    """Reads the references, has the backend edit them and finishes the picture."""

    backend: ImageBackend
    reader: ReferenceReader
    finisher: PictureFinisher
    random_below: RandomBelow

    async def __call__(
        self, fields: Mapping[str, str], images: Sequence[bytes], *, deadline_seconds: float
    ) -> Picture:
        """The picture that the form `fields` and the files `images` ask for (see `EDIT_PARAMETERS`).

        Raises InvalidRequestError, InvalidImageError, and what `ImageBackend` and `PictureFinisher` raise.
        """
        values = EDIT_MODEL.parameters.parse_scalars(fields)
        if EDIT_MODEL.parameters.files:
            EDIT_MODEL.parameters.files.check_count(len(images))
        started = time.monotonic()
        references = tuple(
            self.reader.read(content, label=f"images[{position}]") for position, content in enumerate(images)
        )
        ratio = values["aspect_ratio"]
        if ratio == AUTO_ASPECT_RATIO:
            ratio = nearest_aspect_ratio(references[0].size)
        order = EditOrder(
            prompt=values["prompt"],
            size=output_size(ratio, values["resolution"]),
            seed=choose_seed(values["seed"], self.random_below),
            references=references,
        )
        read = time.monotonic()
        left_seconds = max(0.0, deadline_seconds - (read - started))
        answer = await self.backend.edit(order, deadline_seconds=left_seconds)
        backend_seconds = time.monotonic() - read
        png = self.finisher.finish(answer, order.size)
        return Picture(png, order.size, order.seed, EDIT_MODEL.id, backend_seconds)
