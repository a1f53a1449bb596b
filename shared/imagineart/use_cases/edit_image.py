"""A picture from reference images and an instruction."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from imagineart.domain.catalogue import EDIT_MODEL
from imagineart.domain.images import ReferenceImage
from imagineart.domain.orders import EditOrder, Picture, SeriesRequest
from imagineart.domain.ports import ReferenceReader
from imagineart.domain.seeds import RandomBelow, choose_seed
from imagineart.domain.sizes import AUTO_ASPECT_RATIO, nearest_aspect_ratio, output_size
from imagineart.use_cases.call_backends import CallBackends
from imagineart.use_cases.fetch_upload import FetchUpload
from imagineart.use_cases.paint_series import paint_series


@dataclass(frozen=True, slots=True)
class EditImage:
    """Reads the references and has a backend edit them."""

    backends: CallBackends
    reader: ReferenceReader
    fetch_upload: FetchUpload
    random_below: RandomBelow

    def __call__(
        self,
        consumer_id: str,
        request: SeriesRequest,
        images: Sequence[bytes | str],
        *,
        deadline_seconds: float,
    ) -> tuple[Picture, ...]:
        """The pictures that `request` and `images`, files or upload ids, ask for (see `EDIT_PARAMETERS`).

        All come within the deadline. Raises InvalidRequestError, InvalidImageError, and what `CallBackends`
        raises; see also `paint_series`.
        """
        values = EDIT_MODEL.parameters.parse_scalars(request.fields)
        if EDIT_MODEL.parameters.files:
            EDIT_MODEL.parameters.files.check_count(len(images))
        started = time.monotonic()
        references = tuple(
            self._read(consumer_id, image, label=f"images[{position}]")
            for position, image in enumerate(images)
        )
        ratio = values["aspect_ratio"]
        if ratio == AUTO_ASPECT_RATIO:
            ratio = nearest_aspect_ratio(references[0].size)
        order = EditOrder(
            prompt=values["prompt"],
            size=output_size(ratio, values["resolution"]),
            seed=choose_seed(values["seed"], self.random_below),
            references=references,
            delivered_as=request.delivered_as,
        )
        read = time.monotonic()
        left_seconds = max(0.0, deadline_seconds - (read - started))
        return paint_series(self._paint, order, request.count, left_seconds)

    def _paint(self, order: EditOrder, deadline_seconds: float, whole: bool) -> Picture:
        painting = self.backends.edit(order, deadline_seconds=deadline_seconds, whole=whole)
        return painting.deliver(order, EDIT_MODEL.id)

    def _read(self, consumer_id: str, image: bytes | str, *, label: str) -> ReferenceImage:
        content = self.fetch_upload(consumer_id, image, label=label) if isinstance(image, str) else image
        return self.reader.read(content, label=label)
