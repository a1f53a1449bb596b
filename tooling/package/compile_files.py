"""Compiles every module in a folder; runs in a fresh interpreter, on which alone the result then depends.

``python compile_files.py <folder> <where Lambda will have it>``. The compiled files are of PEP 552's
unchecked kind: whatever times files have where they are unpacked, nothing is compared or compiled again.
"""

import sys
from pathlib import Path
from py_compile import PycInvalidationMode, compile


def main(folder: Path, lambda_folder: str) -> None:
    """Write ``__pycache__`` beside every module; tracebacks name the file where Lambda has it."""
    for path in sorted(folder.rglob("*.py")):
        compile(
            str(path),
            dfile=f"{lambda_folder}/{path.relative_to(folder).as_posix()}",
            doraise=True,
            optimize=0,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
