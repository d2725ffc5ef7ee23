"""The bill of materials of an image (CycloneDX): its operating system's packages, its Python's, and the model."""

from collections.abc import Iterable, Mapping
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from fraud.bundle import Manifest


def document(inventory: Mapping[str, Any], manifest: Manifest, image: str) -> str:
    """As JSON.

    Args:
        inventory: what `checks.inventory` printed in the image.
        manifest: of the bundle that the image serves.
        image: its name.
    """
    name, _, version = image.rpartition(":")
    holder = Component(type=ComponentType.CONTAINER, name=name, version=version, bom_ref=image)
    bom = Bom(components=_components(inventory, manifest), metadata=BomMetaData(component=holder))
    bom.register_dependency(holder, bom.components)
    return str(JsonV1Dot6(bom).output_as_string(indent=1))


def _components(inventory: Mapping[str, Any], manifest: Manifest) -> Iterable[Component]:
    system = inventory["system"]
    yield Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=system["ID"],
        version=system.get("VERSION_ID"),
        description=system.get("PRETTY_NAME"),
    )
    for name, version, architecture in inventory["debian"]:
        qualifiers = {"arch": architecture, "distro": f"{system['ID']}-{system.get('VERSION_ID')}"}
        yield _library(name, version, PackageURL("deb", system["ID"], name, version, qualifiers))
    yield _library("python", inventory["python"], PackageURL("generic", None, "python", inventory["python"]))
    for name, version, license_ in inventory["distributions"]:
        licenses = [LicenseExpression(license_)] if license_ else []
        yield _library(name, version, PackageURL("pypi", None, name.lower().replace("_", "-"), version), licenses)
    yield Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=manifest.name,
        version=manifest.version,
        bom_ref=f"model:{manifest.digest}",
        components=[
            Component(
                type=ComponentType.FILE,
                name=file,
                bom_ref=f"model:{manifest.digest}/{file}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
            )
            for file, digest in sorted(manifest.files.items())
        ],
    )


def _library(name: str, version: str, url: PackageURL, licenses: Iterable[LicenseExpression] = ()) -> Component:
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=url.to_string(), licenses=licenses
    )
