"""Makes the pages' pictures out of the screenshots of the last test run.

python tests/editors/vscode/pictures.py
"""

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
SHOTS = ROOT / "build" / "vscode" / "screenshots"
PAGES = ROOT / "docs" / "editors"
WALKTHROUGH = ROOT / "vscode-extension" / "walkthrough"
WHOLE = (0, 0, 900, 520)
CUTS = [
    ("ghost-line", PAGES / "vscode-ghost.png", (0, 0, 900, 200)),
    ("ghost-lines", PAGES / "vscode-lines.png", (0, 0, 900, 240)),
    ("candidates", PAGES / "vscode-candidates.png", (0, 0, 900, 200)),
    ("notebook", PAGES / "vscode-notebook.png", (0, 0, 900, 300)),
    ("lightbulb", PAGES / "vscode-lightbulb.png", (0, 0, 900, 240)),
    ("preview", PAGES / "vscode-preview.png", WHOLE),
    ("stubs", PAGES / "vscode-stubs.png", WHOLE),
    ("regenerate", PAGES / "vscode-regenerate.png", WHOLE),
    ("repair", PAGES / "vscode-repair.png", WHOLE),
    ("ghost-after-word", PAGES / "vscode-word.png", (0, 0, 900, 200)),
    ("off", PAGES / "vscode-off.png", (0, 390, 900, 520)),
    ("install-progress", PAGES / "vscode-progress.png", (0, 390, 900, 520)),
    ("watch", PAGES / "vscode-watch.png", (0, 0, 900, 240)),
    ("menu", PAGES / "vscode-menu.png", WHOLE),
    ("models", PAGES / "vscode-models.png", (0, 0, 900, 200)),
    ("doctor", PAGES / "vscode-doctor.png", (66, 165, 740, 400)),  # above it are paths of the machine
    ("install-offer", PAGES / "vscode-install.png", (0, 390, 900, 520)),
    ("walkthrough", PAGES / "vscode-walkthrough.png", WHOLE),
    ("ghost-lines", WALKTHROUGH / "ghost.png", (0, 0, 900, 240)),
    ("watch", WALKTHROUGH / "watch.png", (0, 0, 900, 240)),
]
"""Screenshot, picture, and which part of it: left, top, right, bottom."""


def main() -> None:
    """Cut all of them, with few colours."""
    for shot, picture, part in CUTS:
        cut = Image.open(SHOTS / f"{shot}.png").convert("RGB").crop(part)
        cut.quantize(128).save(picture, optimize=True)


if __name__ == "__main__":
    main()
