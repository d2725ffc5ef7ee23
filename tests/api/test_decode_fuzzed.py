"""A fuzzer that looks for bytes which take the parser where no bytes took it before."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fraud import schema

pytest.importorskip("atheris", reason="atheris has no wheel for this machine")

TARGET = Path(__file__).with_name("fuzz_decode.py")


def seeds(folder: Path, transaction: dict[str, float]) -> None:
    """Texts to begin with: whole ones, so that the fuzzer need not find 30 names by chance, and their faults."""
    whole = json.dumps(transaction, separators=(",", ":"))
    texts = {
        "one": whole,
        "list": f"[{whole},{whole}]",
        "lines": f"{whole}\n\n{whole}\n",
        "doubled": whole[:-1] + ',"V1":2}',
        "unknown": whole.replace('"V3"', '"V29"'),
        "null": whole.replace(str(transaction["V3"]), "null"),
        "huge": whole.replace(str(transaction["V3"]), "1e999"),
        "escaped": whole.replace('"V3"', r'"\u00563"'),
        "deep": "[" * 2_000,
        "marked": "\ufeff" + whole,
        "short": "{}",
    }
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def words(path: Path) -> None:
    """What the fuzzer may put in at once."""
    tokens = [
        *(f'"{name}"' for name in schema.FEATURES),
        "null",
        "true",
        "NaN",
        "-Infinity",
        "1e999",
        "\\u0056",
        "-0.0",
    ]
    path.write_text("".join(json.dumps(token) + "\n" for token in tokens), encoding="utf-8")


@pytest.mark.parametrize(
    "seconds", [20, pytest.param(600, marks=[pytest.mark.endurance, pytest.mark.timeout(900)])], ids=["brief", "long"]
)
def test_any_bytes_are_read_alike_by_both_parsers_or_refused(
    seconds: int, blog_transaction: dict[str, float], tmp_path: Path
) -> None:
    seeds(tmp_path / "corpus", blog_transaction)
    words(tmp_path / "words")
    # Coverage would trace what the fuzzer instruments.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TARGET.parents[2]), environment.get("PYTHONPATH")]))
    options = [f"-max_total_time={seconds}", f"-dict={tmp_path / 'words'}", "-max_len=8192", "-timeout=20"]
    options += ["-rss_limit_mb=2048", f"-artifact_prefix={tmp_path}/", "-print_final_stats=1"]
    done = subprocess.run(
        [sys.executable, str(TARGET), *options, str(tmp_path / "corpus")],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-10_000:]
    [cases] = re.findall(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    print(f"{int(cases):,} cases")
    assert int(cases) > 1_000
