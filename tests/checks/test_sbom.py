import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from checks import sbom
from fraud import bundle

INVENTORY = {
    "system": {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"},
    "python": "3.12.9",
    "debian": [["libc6", "2.36-9+deb12u10", "amd64"], ["gcc-12-base", "12.2.0-14", "amd64"]],
    "distributions": [["typing_extensions", "4.16.0", "PSF-2.0"], ["granian", "2.8.7", None]],
}


@pytest.fixture
def written(bundle_folder):
    return sbom.document(INVENTORY, bundle.read(bundle_folder).manifest, "registry:5000/fraud-gate:1.2")


def test_it_keeps_to_the_published_schema(written):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None


def test_packages_are_named_as_scanners_look_them_up(written):
    listed = {part["purl"]: part for part in json.loads(written)["components"] if "purl" in part}
    assert set(listed) == {
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
        "pkg:deb/debian/gcc-12-base@12.2.0-14?arch=amd64&distro=debian-12",
        "pkg:generic/python@3.12.9",
        "pkg:pypi/typing-extensions@4.16.0",
        "pkg:pypi/granian@2.8.7",
    }
    assert listed["pkg:pypi/typing-extensions@4.16.0"]["licenses"] == [{"expression": "PSF-2.0"}]
    assert "licenses" not in listed["pkg:pypi/granian@2.8.7"]


def test_the_model_is_listed_with_its_digests(written, bundle_folder):
    manifest = bundle.read(bundle_folder).manifest
    (model,) = (part for part in json.loads(written)["components"] if part["type"] == "machine-learning-model")
    assert model["version"] == manifest.version
    assert {file["name"]: file["hashes"][0]["content"] for file in model["components"]} == manifest.files


def test_the_image_is_named(written):
    named = json.loads(written)["metadata"]["component"]
    assert (named["type"], named["name"], named["version"]) == ("container", "registry:5000/fraud-gate", "1.2")
