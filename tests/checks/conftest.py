"""Fixtures that the tests of several checks share."""

from functools import partial

import pytest

from checks import thresholds


@pytest.fixture
def limits(monkeypatch, tmp_path):
    """`limits(gate, ...)`: holds runs against these gates of the model instead of those of the file that ships."""

    def give(*gates):
        shipped = thresholds.PATH.read_text().split("[[model]]")[0]
        path = tmp_path / "thresholds.toml"
        path.write_text(shipped + "".join(f'[[model]]\nreason = "because"\n{gate}\n' for gate in gates))
        monkeypatch.setattr(thresholds, "read", partial(thresholds.read, path))
        monkeypatch.setattr(thresholds, "PATH", path)

    return give
