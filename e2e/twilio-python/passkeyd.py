"""The real binary as a child process: free loopback port, empty data directory, SIGTERM at the end."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
PASSKEYD = os.environ.get("PASSKEYD_BIN", str(TARGET / "release" / "passkeyd"))
TESTKIT_AUTHENTICATOR = os.environ.get("TESTKIT_AUTHENTICATOR_BIN", str(TARGET / "release" / "testkit-authenticator"))
SOFT_WEBAUTHN_LINES = str(REPOSITORY / "e2e" / "authenticators" / "soft_webauthn_lines.py")

ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "e2e-auth-token-0123456789abcdef0"
STARTUP_SECONDS = 15


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server that runs already."""

    def __init__(self, url):
        self.url = url

    def stop(self):
        """Leaves it running."""


class Server:
    """`passkeyd serve`, ready to answer."""

    def __init__(self, **environment):
        self._directory = tempfile.TemporaryDirectory(prefix="passkeyd-e2e-")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PASSKEYD_", "TWILIO_"))}
        self._log = tempfile.TemporaryFile(mode="w+")
        self._process = subprocess.Popen(
            [PASSKEYD, "serve"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={
                **inherited,
                "PASSKEYD_LISTEN": f"127.0.0.1:{port}",
                "PASSKEYD_PUBLIC_URL": self.url,
                "PASSKEYD_DATA_DIR": self._directory.name,
                "PASSKEYD_BOOTSTRAP_ACCOUNT_SID": ACCOUNT_SID,
                "PASSKEYD_BOOTSTRAP_AUTH_TOKEN": AUTH_TOKEN,
                **environment,
            },
        )
        self._wait_until_ready()

    def log(self):
        self._log.seek(0)
        return self._log.read()

    def _wait_until_ready(self):
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline:
            code = self._process.poll()
            if code is not None:
                raise RuntimeError(f"passkeyd ended with code {code} before it was ready:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass  # Not listening yet.
            time.sleep(0.02)
        self._process.kill()
        raise RuntimeError(f"passkeyd was not ready after {STARTUP_SECONDS} s:\n{self.log()}")

    def stop(self):
        """Ends it with SIGTERM. An exit code other than 0 fails the suite."""
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        log = self.log()
        self._log.close()
        self._directory.cleanup()
        assert code == 0, f"passkeyd ended with code {code}:\n{log}"
