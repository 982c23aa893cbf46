"""Pin every distribution that `.venv` holds in requirements.lock, with hashes and for every platform."""

import sys

from tools.workspace import BIN, distributions, inside, run


def main() -> int:
    """Resolve anew, keeping the versions that still fit; `--upgrade` takes the newest of everything."""
    manifests = [inside(distribution.folder / "pyproject.toml") for distribution in distributions()]
    # Every extra and the tools of `dev`; crmcore itself is the checkout's. No index address comes into the
    # file, so that it installs from whichever index the user trusts.
    options = ["--universal", "--python-version=3.11", "--generate-hashes", "--all-extras", "--group=dev"]
    options += ["--no-emit-package=crmcore", "--no-emit-index-url", "--no-emit-find-links", "--no-config"]
    options += ["--custom-compile-command=make lock", "--quiet", "--output-file=requirements.lock"]
    return run(BIN / "uv", "pip", "compile", *options, *sys.argv[1:], *manifests)


if __name__ == "__main__":
    sys.exit(main())
