"""Make `.venv`: the versions of requirements.lock, then crmcore and the bundled plugins as editable installs.

Run by `make setup` with the machine's own python3, so it needs the standard library only and must still be
readable by the Pythons that it refuses. pip installs, not uv: uv reads neither the mirror nor the
certificates that a user has given to pip, and the 15 seconds that it would save are spent once. Only the
checkout and pip's cache are written to.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "setup.stamp"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOWEST, BEYOND = (3, 11), (3, 14)
VERSION = "{}.{}".format(*sys.version_info)


def main() -> None:
    """Bring `.venv` up to date; a second call finds nothing to do."""
    refuse_unsuitable_python()
    state = wanted_state()
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == state and succeeds(PYTHON):
        return
    if not succeeds(PYTHON, f"import pip, sys; assert sys.version.startswith('{VERSION}.')"):
        refuse_missing_venv()
        say(f"making .venv with Python {VERSION}")
        run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    STAMP.unlink(missing_ok=True)
    say("installing the versions of requirements.lock (the first time takes a minute)")
    install()
    STAMP.write_text(state, encoding="utf-8")


def refuse_unsuitable_python() -> None:
    """Go on under a python3.x of PATH that we support where python3 itself is too old or too new."""
    if LOWEST <= sys.version_info[:2] < BEYOND:
        return
    for minor in reversed(range(LOWEST[1], BEYOND[1])):
        other = shutil.which(f"python3.{minor}")
        if other and succeeds(other):
            os.execv(other, [other, __file__])  # noqa: S606 -- no shell is wanted
    refuse(f"python3 is {VERSION}, and crmcore needs Python 3.11, 3.12 or 3.13: put one of them on PATH.")


def refuse_missing_venv() -> None:
    """Say the one command that helps where the system's Python comes without venv, as on Debian."""
    if succeeds(sys.executable, "import ensurepip, venv"):
        return
    sudo = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
    refuse(f"this Python has no venv: run `{sudo}apt install python{VERSION}-venv` and try again.")


def wanted_state() -> str:
    """Return a digest of all that decides what `.venv` holds, its own place included."""
    import tomllib

    digest = hashlib.sha256(os.fsencode(VENV))
    for path in (Path(__file__), ROOT / "requirements.lock"):
        digest.update(path.read_bytes())
    for manifest in manifests():
        tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
        # The settings of linters and tests in the same file change nothing that is installed.
        digest.update(repr((tables["project"], tables.get("build-system"))).encode())
    return f"{VERSION} {digest.hexdigest()}\n"


def manifests() -> "list[Path]":
    """Return the pyproject.toml of each distribution of the workspace."""
    return [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]


def install() -> None:
    """Install the lock by its hashes, then the workspace itself, whose dependencies are all in the lock."""
    # -qq: a second index of the user's that lacks a package would warn once for each.
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")])
    editables = [word for manifest in manifests() for word in ("-e", str(manifest.parent))]
    run([*pip, "--no-build-isolation", *editables])


def succeeds(python: "str | Path", code: str = "") -> bool:
    """Tell whether this interpreter starts and the code in it succeeds."""
    try:
        return subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def run(command: "list[str]") -> None:
    """Run a command; where it fails, its own words stand above our sentence."""
    # uv_build looks for its program on PATH.
    path = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", os.defpath)])
    if subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode:
        refuse("this step failed, its own words stand above: " + " ".join(command[:4]))


def say(text: str) -> None:
    """Tell the user what takes time."""
    sys.stderr.write(f"crm setup: {text}\n")
    sys.stderr.flush()


def refuse(text: str) -> None:
    """End with one sentence that says what to do."""
    say(text)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
