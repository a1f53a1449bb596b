"""The reference's own examples, to the letter but for the base URL."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.target import Target

EXAMPLES = Path(__file__).parent / "reference_examples"
PUBLIC_URL = "https://api.ml.imagine.art"
# Where an example uses `token` without setting it, the reader has it from the example before.
PRELUDES = {
    ".sh": "set -eu\n",
    ".py": "import os\ntoken = os.environ['IMAGINEART_TOKEN']\n",
    ".mjs": "const token = process.env.IMAGINEART_TOKEN;\n",
}
PROGRAMS = {".sh": "bash", ".py": sys.executable, ".mjs": "node"}

in_every_language = pytest.mark.parametrize("suffix", [".curl.sh", ".py", ".mjs"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an example runs; it holds the two pictures that the examples name."""
    Image.linear_gradient("L").resize((600, 900)).convert("RGB").save(tmp_path / "portrait.jpg")
    Image.new("RGBA", (320, 200), (200, 80, 40, 128)).save(tmp_path / "reference.png")
    return tmp_path


def run_example(name: str, target: Target, folder: Path) -> str:
    """Run an example against the deployment; return what it printed."""
    example = EXAMPLES / name
    for program in {PROGRAMS[example.suffix], *(["curl"] if ".curl" in name else [])}:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    text = example.read_text()
    assert text.count(PUBLIC_URL) == 1
    prelude = "" if "const token" in text else PRELUDES[example.suffix]
    script = folder / f"example{example.suffix}"
    script.write_text(prelude + text.replace(PUBLIC_URL, target.base_url))
    done = subprocess.run(
        [PROGRAMS[example.suffix], script.name],
        cwd=folder,
        env=os.environ | target.variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def open_png(path: Path) -> Image.Image:
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n"), path.read_bytes()[:300]
    with Image.open(path) as image:
        image.load()
        return image


@in_every_language
def test_the_models_example_works(suffix: str, target: Target, folder: Path) -> None:
    printed = run_example(f"models{suffix}", target, folder)
    assert '"text-to-image"' in printed or suffix != ".curl.sh"


@in_every_language
def test_the_generation_example_makes_its_picture(suffix: str, target: Target, folder: Path) -> None:
    run_example(f"generations{suffix}", target, folder)
    assert open_png(folder / "image.png").size == (2496, 1664)


@in_every_language
def test_the_edit_example_makes_its_picture_in_the_portraits_shape(
    suffix: str, target: Target, folder: Path
) -> None:
    run_example(f"edits{suffix}", target, folder)
    assert open_png(folder / "edited.png").size == (1664, 2496)


def test_an_example_with_a_wrong_token_fails(target: Target, folder: Path) -> None:
    script = (EXAMPLES / "models.py").read_text().replace(PUBLIC_URL, target.base_url)
    wrong = os.environ | {"IMAGINEART_TOKEN": target.token[:-1] + "_"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=wrong, capture_output=True, text=True, check=False
    )
    assert "401 Unauthorized" in done.stderr
