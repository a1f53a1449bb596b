"""Files on disk and in archives, the same bytes wherever and whenever they are written."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tooling.package.contents import is_program

EPOCH_SECONDS: Final = 315_532_800
"""1980-01-01, the earliest that an archive can tell and what SAM gives every file."""

_COMPILER: Final = Path(__file__).with_name("compile_files.py")
_CODE_LINE: Final = re.compile(r"^( +(?:CodeUri|ContentUri): )(\w+)$", re.MULTILINE)
_SEALED_LINE: Final = re.compile(r"^ +(?:CodeUri|ContentUri): \w+\.zip$", re.MULTILINE)
_CODE_TYPE: Final = re.compile(
    r"^ +Type: AWS::(?:Serverless|Lambda)::(?:Function|LayerVersion)$", re.MULTILINE
)


def write_tree(
    files: Mapping[str, bytes], folder: Path, lambda_folder: str, python: str = sys.executable
) -> None:
    """Write the files and compile the modules among them with `python`; whatever was in `folder` goes.

    Raises subprocess.CalledProcessError where a module cannot be compiled.
    """
    if folder.exists():
        shutil.rmtree(folder)
    write_files(files, folder)
    compile_tree(folder, lambda_folder, python)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755 if path.is_dir() or is_program(path.read_bytes()) else 0o644)
        os.utime(path, (EPOCH_SECONDS, EPOCH_SECONDS))


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files where their paths say."""
    for path, content in sorted(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def compile_tree(folder: Path, lambda_folder: str, python: str = sys.executable) -> None:
    """Compile every module; sets have the order in memory that hashes give them, so those are fixed."""
    subprocess.run(
        [python, "-s", "-S", "-P", "-W", "ignore", str(_COMPILER), str(folder), lambda_folder],
        env={"PYTHONHASHSEED": "0"},
        check=True,
    )


def write_archive(folder: Path, archive: Path) -> None:
    """The folder as a zip file: in order, without times, with the modes of the files."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            entry.create_system = 3
            entry.external_attr = path.stat().st_mode << 16
            written.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def seal(build: Path) -> list[Path]:
    """Make an archive of every artefact that SAM built, and let the built template name the archives.

    SAM zips folders in the order in which the file system lists them, which differs between machines.
    Raises ValueError where the template is not as SAM builds it from ours, or sealed already.
    """
    template = build / "template.yaml"
    text = template.read_text()
    if _SEALED_LINE.search(text):
        raise ValueError(f"{template} names archives: it is sealed already.")
    folders = [build / name for _, name in _CODE_LINE.findall(text)]
    expected = len(_CODE_TYPE.findall(text))
    if len(folders) != expected:
        raise ValueError(
            f"{template} has {expected} functions and layers, and {len(folders)} folders of their code."
        )
    if not folders or not all(folder.is_dir() for folder in folders):
        raise ValueError(f"{template} does not name the folders that were built.")
    archives = []
    for folder in folders:
        archive = folder.with_suffix(".zip")
        write_archive(folder, archive)
        archives.append(archive)
    template.write_text(_CODE_LINE.sub(r"\1\2.zip", text))
    return archives
