#!/usr/bin/env python3
"""Prints the crates that a binary of passkeyd was built from. The list is in the binary: scripts/release-build.sh puts it there.

    scripts/binary-crates.py BINARY          name and version of each crate
    scripts/binary-crates.py BINARY SBOM     also compares the list with the one beside the packages (CycloneDX)

It fails if there is no list, or if the SBOM does not name one of its crates.
"""

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path


def crates(binary):
    """The crates in the section that cargo-auditable writes: zlib over JSON. Crates that only a build used are not among them."""
    with tempfile.TemporaryDirectory() as folder:
        section = Path(folder) / "section"
        subprocess.run(["objcopy", f"--dump-section=.dep-v0={section}", binary, "/dev/null"], check=True, stderr=subprocess.DEVNULL)
        if not section.exists():
            raise SystemExit(f"{binary} has no list of its crates: scripts/release-build.sh makes binaries that have one")
        packages = json.loads(zlib.decompress(section.read_bytes()))["packages"]
    return {(one["name"], one["version"]) for one in packages if one.get("kind", "runtime") == "runtime"}


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    listed = crates(sys.argv[1])
    if not any(name == "passkeyd" for name, _ in listed):
        raise SystemExit(f"{sys.argv[1]}: the list does not name passkeyd itself")
    for name, version in sorted(listed):
        print(name, version)
    if len(sys.argv) == 3:
        sbom = json.loads(Path(sys.argv[2]).read_text())
        named = {(one["name"], one["version"]) for one in [sbom["metadata"]["component"], *sbom["components"]]}
        if listed - named:
            raise SystemExit(f"{sys.argv[2]} does not name {sorted(listed - named)}")


main()
