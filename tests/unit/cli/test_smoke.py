"""What an operator sees of a trial of the backends."""

import io

from PIL import Image
from rich.console import Console

from cli.smoke import paint_reference, show_trials
from imagineart.domain.images import PNG, detect_image_kind
from imagineart.use_cases.try_backends import Trial

WELL = Trial("text-to-image", "bedrock", 4.25, picture_bytes=1_234_567)
FAILED = Trial("image-edit", "vllm-omni", 0.1, failure="refused [Errno 111]", advice="Check that it runs.")


def shown(*trials: Trial) -> tuple[bool, list[str]]:
    out = io.StringIO()
    well = show_trials(trials, Console(file=out, width=80))
    return well, out.getvalue().splitlines()


def test_each_trial_is_a_line_and_a_failure_has_advice_below_it() -> None:
    assert shown(WELL, FAILED) == (
        False,
        [
            "text-to-image, bedrock: 1,234,567 bytes in 4.2 s",
            "image-edit, vllm-omni: failed after 0.1 s: refused [Errno 111]",
            "  Check that it runs.",
        ],
    )


def test_only_pictures_from_all_is_well() -> None:
    assert shown(WELL, WELL)[0]
    assert shown()[0]
    assert not shown(FAILED, WELL)[0]


def test_the_reference_is_a_picture() -> None:
    reference = paint_reference()
    assert detect_image_kind(reference.content) == PNG
    assert Image.open(io.BytesIO(reference.content)).size == (reference.size.width, reference.size.height)
