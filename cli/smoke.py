"""What `smoke` shows of a trial of the backends, and the reference picture that it edits."""

import io
from collections.abc import Iterable
from typing import Final

from PIL import Image
from rich.console import Console

from imagineart.domain.images import PNG, ReferenceImage
from imagineart.domain.sizes import Size
from imagineart.use_cases.try_backends import Trial

_SIDE: Final = 512


def paint_reference() -> ReferenceImage:
    """A soft gradient of 512 x 512 pixels."""
    ramp = Image.linear_gradient("L").resize((_SIDE, _SIDE))
    image = Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180)))
    content = io.BytesIO()
    image.save(content, "PNG")
    return ReferenceImage(content.getvalue(), PNG, Size(_SIDE, _SIDE))


def show_trials(trials: Iterable[Trial], out: Console) -> bool:
    """Print each trial as it ends; return whether all gave a picture."""
    all_gave_one = True
    for each in trials:
        name = f"{each.model_id}, {each.route}"
        if each.failure is None:
            line, style = f"{each.picture_bytes:,} bytes in {each.seconds:.1f} s", "green"
        else:
            all_gave_one = False
            line, style = f"failed after {each.seconds:.1f} s: {each.failure}\n  {each.advice}", "red"
        out.print(f"{name}: {line}", style=style, markup=False, highlight=False, soft_wrap=True)
    return all_gave_one
