"""Checks bills of materials against CycloneDX's schema; runs in `.venv-audit`, which has its library."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(files: Sequence[str]) -> str | None:
    """What is wrong with the files, if anything is."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    wrong = [
        f"{file}: {error}" for file in files if (error := validator.validate_str(Path(file).read_text()))
    ]
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
