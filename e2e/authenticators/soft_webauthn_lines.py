"""soft-webauthn, an authenticator that is not ours, as a process that speaks JSON lines.

The protocol is that of testkit-authenticator: {"op": "create"|"get", "options": {...}, "origin": "...", "device": "..."} in,
{"ok": true, "credential": {...}} or {"ok": false, "error": "...", "message": "..."} out, one line each. A device of
soft-webauthn holds one credential; `device` names one of any number of them.
"""

import json
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode

from soft_webauthn import SoftWebauthnDevice


def decode(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(value):
    return urlsafe_b64encode(value).decode("ascii").rstrip("=")


def binary_options(options):
    """The options for the browser's own method: binary values as bytes."""
    public_key = dict(options.get("publicKey", options))
    public_key["challenge"] = decode(public_key["challenge"])
    if "user" in public_key:
        public_key["user"] = {**public_key["user"], "id": decode(public_key["user"]["id"])}
    return {"publicKey": public_key}


def to_json(credential):
    """The credential as `toJSON()` returns it in a browser."""
    raw_id = encode(credential["rawId"])
    response = {name: encode(value) for name, value in credential["response"].items() if value is not None}
    return {
        "id": raw_id,
        "rawId": raw_id,
        "type": credential["type"],
        "authenticatorAttachment": "cross-platform",
        "response": response,
        "clientExtensionResults": {},
    }


class Devices:
    """Any number of devices by name."""

    def __init__(self):
        self._devices = {}

    def answer(self, request):
        unknown = set(request) - {"op", "options", "origin", "device"}
        if unknown:
            raise ValueError(f"not understood here: {', '.join(sorted(unknown))}")
        device = self._devices.setdefault(request.get("device", ""), SoftWebauthnDevice())
        ceremony = {"create": device.create, "get": device.get}[request["op"]]
        return to_json(ceremony(binary_options(request["options"]), request["origin"]))


def main():
    devices = Devices()
    for line in sys.stdin:
        try:
            reply = {"ok": True, "credential": devices.answer(json.loads(line))}
        except Exception as error:  # Whatever it is, the test that asked has to see it.
            reply = {"ok": False, "error": type(error).__name__, "message": str(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
