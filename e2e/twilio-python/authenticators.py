"""Two software authenticators behind one protocol of JSON lines: soft-webauthn, which is not ours, and the testkit's."""

import json
import subprocess
import sys
import threading

from passkeyd import SOFT_WEBAUTHN_LINES, TESTKIT_AUTHENTICATOR

SOURCES = {
    "soft-webauthn": [sys.executable, SOFT_WEBAUTHN_LINES],
    "testkit": [TESTKIT_AUTHENTICATOR],
}


class Authenticators:
    """Any number of devices in one process."""

    def __init__(self, source):
        self._process = subprocess.Popen(SOURCES[source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()

    def _ask(self, request):
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the authenticator ended with code {self._process.wait()}")
        answer = json.loads(line)
        if not answer["ok"]:
            raise RuntimeError(f"{answer['error']}: {answer['message']}")
        return answer["credential"]

    def create(self, options, origin, **more):
        return self._ask({"op": "create", "options": options, "origin": origin, **more})

    def get(self, options, origin, **more):
        return self._ask({"op": "get", "options": options, "origin": origin, **more})

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(timeout=10) == 0
