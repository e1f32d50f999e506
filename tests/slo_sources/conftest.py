from pathlib import Path

import pytest
from live_kit import Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    # A store that is asked although nothing is stored there would be an embedded one.
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    return Site(tmp_path, {"LOCKGATE_HOME": str(tmp_path / "home"), **nowhere})
