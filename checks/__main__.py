"""The command line of the gates: `python -m checks data|model|gate|image`. Parses, calls one function, prints."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fraud import artefacts, settings
from fraud.errors import reported

EPILOG = "Exit code: 0 yes, 1 no, 2 wrong call or unusable input."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one check and return the exit code."""
    asked = _parser().parse_args(arguments)
    return reported(f"checks {asked.check}", lambda: int(asked.run(asked)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m checks", description="The gates of the data, the model and the image.", epilog=EPILOG
    )
    checks = parser.add_subparsers(dest="check", required=True, metavar="CHECK")
    data = checks.add_parser("data", help="does the data keep its contract?", epilog=EPILOG)
    data.add_argument("path", metavar="PATH", type=Path, nargs="?", help="a file (default: the data of this run)")
    data.add_argument("--json", action="store_true", help="print the findings as JSON")
    data.set_defaults(run=_data)
    model = checks.add_parser("model", help="may this model ship? writes gate.json and gate.xml", epilog=EPILOG)
    model.set_defaults(run=_model)
    gate = checks.add_parser("gate", help="repeat the verdict of gate.json", epilog=EPILOG)
    gate.add_argument("--github", action="store_true", help="annotate each limit that is crossed, for GitHub Actions")
    gate.set_defaults(run=_gate)
    image = checks.add_parser("image", help="build the image, if the gates passed for this very bundle", epilog=EPILOG)
    image.add_argument("--tag", default="fraud-gate:latest", help="default: %(default)s")
    image.set_defaults(run=_image)
    return parser


def _data(asked: argparse.Namespace) -> int:
    from checks.data import run

    return run.run(settings.load(), asked.path, asked.json)


def _model(asked: argparse.Namespace) -> int:
    from checks import model
    from fraud.terminal import table

    document = model.run(settings.load())
    rows = [
        (gate["name"], f"{gate['bound']:.6g}", gate["limit"], "pass" if gate["passed"] else "FAIL", gate["detail"])
        for gate in document["gates"]
    ]
    print(table("gates", ("gate", "measured", "limit", "verdict", "note"), rows))
    return _verdict(document)


def _gate(asked: argparse.Namespace) -> int:
    from checks import annotations, thresholds

    path = settings.load().build / artefacts.GATE
    document = artefacts.read_json(path, "make all", ("gates", "sentence", "verdict"))
    if asked.github:
        for error in annotations.errors(document["gates"], thresholds.PATH.read_text(encoding="utf-8")):
            print(error)
    return _verdict(document)


def _verdict(document: dict[str, object]) -> int:
    print(document["sentence"])
    return 0 if document["verdict"] == "pass" else 1


def _image(asked: argparse.Namespace) -> int:
    from checks import image

    return image.run(settings.load(), asked.tag)


if __name__ == "__main__":
    sys.exit(main())
