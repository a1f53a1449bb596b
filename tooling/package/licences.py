"""Under which licences the third-party code is that is shipped; writes docs/licences.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from tooling.package.distributions import PROJECT, Distribution

LICENCE_FILE: Final = "THIRD_PARTY_LICENCES.txt"
DOCUMENT: Final = PROJECT / "docs" / "licences.md"

_TEXTS: Final = [Path(__file__).parent / "texts" / f"{name}-3.0.txt" for name in ("LGPL", "GPL")]
"""What the packages that bundle libraries under these name without the text."""

PACKAGE_LICENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws_lambda_powertools": "MIT-0",
        "jmespath": "MIT",
        "mangum": "MIT",
        "pillow_heif": "BSD-3-Clause",
    }
)
"""SPDX identifiers of packages whose metadata has none, as read in their licence files."""


@dataclass(frozen=True, slots=True)
class Library:
    """A library that a package bundles as compiled code."""

    project: str
    licence: str
    source: str


LIBRARIES: Final[Mapping[str, Library]] = MappingProxyType(
    {
        "libde265": Library("libde265", "LGPL-3.0-or-later", "https://github.com/strukturag/libde265"),
        "libheif": Library("libheif", "LGPL-3.0-or-later", "https://github.com/strukturag/libheif"),
        "libjpeg": Library(
            "libjpeg-turbo", "IJG AND BSD-3-Clause AND Zlib", "https://github.com/libjpeg-turbo/libjpeg-turbo"
        ),
        "liblcms2": Library("Little CMS", "MIT", "https://github.com/mm2/Little-CMS"),
        "liblzma": Library("XZ Utils", "0BSD", "https://github.com/tukaani-project/xz"),
        "libopenjp2": Library("OpenJPEG", "BSD-2-Clause", "https://github.com/uclouvain/openjpeg"),
        "libsharpyuv": Library("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
        "libtiff": Library("LibTIFF", "libtiff", "https://gitlab.com/libtiff/libtiff"),
        "libwebp": Library("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
        "libwebpdemux": Library("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
        "libwebpmux": Library("libwebp", "BSD-3-Clause", "https://chromium.googlesource.com/webm/libwebp"),
        "libzstd": Library("Zstandard", "BSD-3-Clause", "https://github.com/facebook/zstd"),
    }
)
"""The bundled libraries by the beginning of their files' names. Sources: the packages' own licence files and
bills of materials."""

_HEAD: Final = """\
The code of other people in this layer, and its licences.

libheif and libde265 are under the GNU Lesser General Public License, version 3, whose text is at the end,
with that of the GNU General Public License, version 3, to which it adds. They are used as shared libraries,
in files of their own under python/pillow_heif.libs, and may be replaced there. libde265 is unchanged. libheif
was changed in one way: the encoder x265 was taken off the list of libraries that the loader has to find, and
its two symbols of x265 were marked as weak. The sources are at https://github.com/strukturag/libheif and
https://github.com/strukturag/libde265, under the tags that the text of pillow_heif below names. x265, which
that text names too, is not part of this layer.
"""


def licence_of(package: Distribution) -> str:
    """The SPDX expression of a package. Raises KeyError where neither it nor the table has one."""
    metadata = message_from_bytes(package.read(f"{package.information}/METADATA"))
    return metadata["License-Expression"] or PACKAGE_LICENCES[package.name.replace("-", "_")]


def library_stem(path: str) -> str:
    """The name of a bundled library without the digest that auditwheel puts behind it, and the version."""
    return PurePosixPath(path).name.partition("-")[0].partition(".")[0]


def licence_texts(packages: Iterable[Distribution]) -> str:
    """Every licence file of the packages, one after another, for whoever the layer is passed on to."""
    texts = [_HEAD]
    for package in sorted(packages, key=lambda each: each.name.lower()):
        for path in package.licence_files:
            text = package.read(path).decode("utf-8", "replace").replace("\r\n", "\n").strip()
            texts.append(f"{package.name} {package.version}: {PurePosixPath(path).name}\n\n{text}\n")
    texts += [path.read_text() for path in _TEXTS]
    return f"\n{'=' * 80}\n\n".join(texts)


def document(packages: Iterable[Distribution], files: Iterable[str]) -> str:
    """docs/licences.md: of the packages, those that are in the layer with the given files."""
    files = set(files)
    shipped = [each for each in packages if any(f"python/{path}" in files for path in each.readers)]
    left_out = [each for each in packages if each not in shipped]
    rows = [f"| {each.name} | {each.version} | {licence_of(each)} |" for each in shipped]
    libraries = {
        (LIBRARIES[library_stem(path)], package.name)
        for package in shipped
        for path in package.libraries
        if f"python/{path}" in files
    }
    library_rows = [
        f"| [{library.project}]({library.source}) | {package} | {library.licence} |"
        for library, package in sorted(libraries, key=lambda pair: pair[0].project.lower())
    ]
    absent = ", ".join(each.name for each in left_out)
    return _DOCUMENT.format(
        rows="\n".join(rows),
        libraries="\n".join(library_rows),
        absent=f"{absent} is" if absent else "Nothing is",
    )


_DOCUMENT: Final = """\
# Licences of what is deployed

`make licences` writes this page from the packages themselves; a test holds it to them. This project's own
code is under [Apache 2.0](../LICENSE). The texts of all licences are in the layer itself, as
`/opt/THIRD_PARTY_LICENCES.txt`.

| Package | Version | Licence |
|---|---|---|
{rows}

{absent} locked and not shipped: no code that runs can reach it.

## Compiled libraries inside them

| Library | In | Licence |
|---|---|---|
{libraries}

## What that means for you

**Deploying into your own account** passes nothing on to anybody, as far as these licences are concerned.

**Passing the built layer on**, as a public layer or to a customer's account, does. Then keep the file of
licences in it. libheif and libde265 are under the LGPL 3: whoever gets the layer must be able to replace
them, which files of their own allow, and to get their sources, which the file says where to find.

**x265 is not shipped.** The wheels of pillow-heif bundle that encoder, which is under the GPL 2 and would put
the layer under it. Nothing here writes HEIC. The build leaves it out and takes it off the list of libraries
that libheif needs; [decision 0012](decisions/0012-the-package-that-ships.md) has the details. The development
environment does have x265: tests make their HEIC samples with it.

Patents are another matter: HEVC, in which HEIC pictures are coded, has holders of patents in many countries.
No licence here covers those. This is no legal advice.
"""
