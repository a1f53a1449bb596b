"""The examples of the reference: whole programs in contract/examples, each of which a test runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "examples"
PUBLIC_URL: Final = "https://api.ml.imagine.art"
"""What the examples call; `make docs` and the tests put another deployment in its place."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the examples; `fence` is what Markdown calls it, `lang` what Redocly does."""

    suffix: str
    label: str
    fence: str
    lang: str


LANGUAGES: Final = (
    Language(".curl.sh", "curl", "sh", "Shell"),
    Language(".py", "Python", "python", "Python"),
    Language(".mjs", "JavaScript", "javascript", "JavaScript"),
    Language(".openai.py", "OpenAI client", "python", "Python"),
)


@dataclass(frozen=True, slots=True)
class CodeSample:
    """One program, as a reader copies it."""

    file: Path
    language: Language

    def source(self, base_url: str = PUBLIC_URL) -> str:
        """Its text, calling the deployment at `base_url`, without the line break at its end."""
        return self.file.read_text(encoding="utf-8").replace(PUBLIC_URL, base_url).rstrip("\n")


def code_samples(name: str) -> list[CodeSample]:
    """The programs that do one thing, in the order of `LANGUAGES`."""
    samples = [CodeSample(FOLDER / f"{name}{language.suffix}", language) for language in LANGUAGES]
    return [sample for sample in samples if sample.file.is_file()]


def sample_names() -> list[str]:
    """What there are programs for."""
    names = {file.name.partition(".")[0] for file in FOLDER.iterdir()}
    return sorted(name for name in names if code_samples(name))
