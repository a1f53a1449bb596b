"""Every package and library that is shipped has its licence, in the layer, on the page and in the bill."""

import json
import sys
from collections.abc import Mapping

import pytest

from tooling.package.bill_of_materials import bill_of_materials, bundled_versions, encode
from tooling.package.contents import dependency_files, own_modules
from tooling.package.distributions import LAYER_LOCK, Distribution, installed, read_names
from tooling.package.licences import (
    DOCUMENT,
    LIBRARIES,
    LICENCE_FILE,
    PACKAGE_LICENCES,
    document,
    library_stem,
    licence_of,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="wheels bundle other files elsewhere")


@pytest.fixture(scope="module")
def packages() -> list[Distribution]:
    return installed(read_names(LAYER_LOCK))


@pytest.fixture(scope="module")
def layer(packages: list[Distribution]) -> Mapping[str, bytes]:
    return dependency_files(packages, own_modules())


def test_the_page_is_that_of_the_packages(packages: list[Distribution], layer: Mapping[str, bytes]) -> None:
    """`make licences` writes it anew."""
    assert DOCUMENT.read_text() == document(packages, layer)


def test_every_package_brings_a_text_of_its_licence(
    packages: list[Distribution], layer: Mapping[str, bytes]
) -> None:
    text = layer[LICENCE_FILE].decode()
    for package in packages:
        if any(f"python/{path}" in layer for path in package.readers):
            assert f"{package.name} {package.version}: " in text


def test_the_table_of_licences_is_for_packages_that_name_none(packages: list[Distribution]) -> None:
    named = {package.name.replace("-", "_") for package in packages}
    assert set(PACKAGE_LICENCES) <= named
    for package in packages:
        metadata = package.read(f"{package.information}/METADATA").decode()
        assert ("\nLicense-Expression: " in metadata) != (package.name.replace("-", "_") in PACKAGE_LICENCES)
        assert licence_of(package)


def test_every_library_that_is_shipped_is_known_and_every_known_one_shipped(
    layer: Mapping[str, bytes],
) -> None:
    assert {library_stem(path) for path in layer if ".libs/" in path} == set(LIBRARIES)


def test_no_licence_is_one_that_the_whole_would_fall_under(packages: list[Distribution]) -> None:
    shipped = [licence_of(package) for package in packages] + [each.licence for each in LIBRARIES.values()]
    assert not [each for each in shipped if each.startswith(("GPL", "AGPL"))]


def test_the_bill_lists_what_is_shipped_and_nothing_else(
    packages: list[Distribution], layer: Mapping[str, bytes]
) -> None:
    bill = bill_of_materials(packages, layer, "x86_64")
    files = {
        each["value"]
        for component in bill["components"]
        for each in component.get("properties", ())
        if each["name"] == "file"
    }
    assert files == {path for path in layer if ".libs/" in path}
    purls = {component.get("purl", "").partition("@")[0] for component in bill["components"]}
    assert {"pkg:pypi/pillow", "pkg:pypi/pillow-heif", "pkg:github/aklomp/base64"} <= purls
    assert "pkg:pypi/idna" not in purls


def test_the_bill_tells_the_versions_that_the_packages_tell(packages: list[Distribution]) -> None:
    told = {name: version for package in packages for name, version in bundled_versions(package).items()}
    for library in ("heif", "de", "webp", "tiff", "openjpeg", "jpegturbo", "littlecms"):
        assert told[library][0].isdigit(), library


def test_the_bill_says_which_library_was_changed(
    packages: list[Distribution], layer: Mapping[str, bytes]
) -> None:
    bill = bill_of_materials(packages, layer, "x86_64")
    assert [each["name"] for each in bill["components"] if each.get("modified")] == ["libheif"]


def test_the_same_layer_has_the_same_bill_and_another_layer_another(
    packages: list[Distribution], layer: Mapping[str, bytes]
) -> None:
    bill = encode(bill_of_materials(packages, layer, "x86_64"))
    assert bill == encode(bill_of_materials(list(reversed(packages)), dict(layer), "x86_64"))
    other = json.loads(encode(bill_of_materials(packages, layer, "arm64")))
    assert other["serialNumber"] != json.loads(bill)["serialNumber"]


def test_the_texts_of_the_lesser_licence_go_along(layer: Mapping[str, bytes]) -> None:
    text = layer[LICENCE_FILE].decode()
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in text
    assert "END OF TERMS AND CONDITIONS" in text
