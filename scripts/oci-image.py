#!/usr/bin/env python3
"""Writes an OCI image of passkeyd from nothing: the binary, the libraries that it names, and a user. It needs no daemon and no base image.

    scripts/oci-image.py target/dist/passkeyd passkeyd-image.tar

The archive has the layout of an OCI image, and the file of `docker load`. The same binary makes the same bytes.
"""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USER = 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# The time of every file, and of the image.
WHEN = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def libraries(binary):
    """The loader and the libraries of a binary, as paths on this machine."""
    listed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


class Layer:
    """A tar archive whose bytes depend on the contents alone."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.USTAR_FORMAT)
        self.folders = set()

    def _add(self, name, kind, mode, user, data=None):
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, user, user, WHEN
        info.size = len(data or b"")
        self.tar.addfile(info, io.BytesIO(data) if data is not None else None)

    def folder(self, name, mode=0o755, user=0):
        above = os.path.dirname(name)
        if above and above not in self.folders:
            self.folder(above)
        if name not in self.folders:
            self.folders.add(name)
            self._add(name, tarfile.DIRTYPE, mode, user)

    def file(self, name, data, mode=0o644):
        if os.path.dirname(name):
            self.folder(os.path.dirname(name))
        self._add(name, tarfile.REGTYPE, mode, 0, data)

    def finish(self):
        self.tar.close()
        return self.bytes.getvalue()


def layer(binary):
    result = Layer()
    result.file("usr/bin/passkeyd", Path(binary).read_bytes(), 0o755)
    for path in sorted(libraries(binary)):
        result.file(path.lstrip("/"), Path(path).read_bytes(), 0o755)
    result.file("etc/passwd", f"passkeyd:x:{USER}:{USER}:passkeyd:/var/lib/passkeyd:/sbin/nologin\n".encode())
    result.file("etc/group", f"passkeyd:x:{USER}:\n".encode())
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        result.file(f"usr/share/doc/passkeyd/{name}", (ROOT / name).read_bytes())
    result.folder("var/lib/passkeyd", 0o700, USER)
    result.folder("tmp", 0o1777)
    return result.finish()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def image(binary, out):
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    tar = layer(binary)
    packed = gzip.compress(tar, 9, mtime=0)
    created = subprocess.run(["date", "-u", "-d", f"@{WHEN}", "+%Y-%m-%dT%H:%M:%SZ"], check=True, capture_output=True, text=True).stdout.strip()
    config = {
        "created": created,
        "architecture": ARCHITECTURES[os.uname().machine],
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "ExposedPorts": {"8080/tcp": {}},
            "Entrypoint": ["/usr/bin/passkeyd"],
            "Cmd": ["serve"],
            # As variables, so that commands which run in the container find the same store.
            "Env": ["PATH=/usr/bin", "PASSKEYD_LISTEN=0.0.0.0:8080", "PASSKEYD_DATA_DIR=/var/lib/passkeyd"],
            "Volumes": {"/var/lib/passkeyd": {}},
            "WorkingDir": "/var/lib/passkeyd",
            "StopSignal": "SIGTERM",
            # Docker's own member; other tools ignore it.
            "Healthcheck": {"Test": ["CMD", "/usr/bin/passkeyd", "health"], "Interval": 10_000_000_000, "Timeout": 5_000_000_000, "Retries": 3},
            "Labels": {
                "org.opencontainers.image.title": "passkeyd",
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(tar)}"]},
        "history": [{"created": created, "created_by": "scripts/oci-image.py"}],
    }
    as_bytes = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    config = as_bytes(config)

    def blob(kind, data):
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest(data)}", "size": len(data)}

    manifest = as_bytes({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", config),
        "layers": [blob("layer.v1.tar+gzip", packed)],
    })
    index = as_bytes({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [blob("manifest.v1+json", manifest) | {"annotations": {"org.opencontainers.image.ref.name": version}}],
    })
    docker = as_bytes([{
        "Config": f"blobs/sha256/{digest(config)}",
        "RepoTags": [f"passkeyd:{version}", "passkeyd:latest"],
        "Layers": [f"blobs/sha256/{digest(packed)}"],
    }])
    archive = Layer()
    archive.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    archive.file("index.json", index)
    archive.file("manifest.json", docker)
    for data in (config, packed, manifest):
        archive.file(f"blobs/sha256/{digest(data)}", data)
    Path(out).write_bytes(archive.finish())
    print(f"{out}: sha256:{digest(manifest)}, {len(packed)} bytes in its layer")


if len(sys.argv) != 3:
    raise SystemExit("usage: scripts/oci-image.py BINARY ARCHIVE")
image(sys.argv[1], sys.argv[2])
