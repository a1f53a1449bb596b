"""What an operator sees of a trial of the backends."""

import io

from PIL import Image
from rich.console import Console

from cli.smoke import make_reference, show_trials
from imagineart.backends.try_backends import Trial
from imagineart.images.kinds import PNG, detect_image_kind

SUCCESS = Trial("text-to-image", "bedrock", 4.25, file_bytes=1_234_567)
FAILURE = Trial("image-edit", "vllm-omni", 0.1, failure="refused [Errno 111]", advice="Check that it runs.")


def shown(*trials: Trial) -> tuple[bool, list[str]]:
    out = io.StringIO()
    all_succeeded = show_trials(trials, Console(file=out, width=80))
    return all_succeeded, out.getvalue().splitlines()


def test_each_trial_is_a_line_and_a_failure_has_advice_below_it() -> None:
    assert shown(SUCCESS, FAILURE) == (
        False,
        [
            "text-to-image, bedrock: 1,234,567 bytes in 4.2 s",
            "image-edit, vllm-omni: failed after 0.1 s: refused [Errno 111]",
            "  Check that it runs.",
        ],
    )


def test_one_failure_is_enough_to_fail() -> None:
    assert shown(SUCCESS, SUCCESS)[0]
    assert shown()[0]
    assert not shown(FAILURE, SUCCESS)[0]


def test_the_reference_is_an_image() -> None:
    reference = make_reference()
    assert detect_image_kind(reference.content) == PNG
    assert Image.open(io.BytesIO(reference.content)).size == (reference.size.width, reference.size.height)
