from pathlib import Path

from settings_file import load_settings


def test_a_missing_file_gives_no_settings() -> None:
    assert load_settings(Path("there-is-no-such-file.json")) == {}
