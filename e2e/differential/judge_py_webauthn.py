"""py_webauthn as a judge: cases of `passkeyd verify` in, one verdict per line out.

A verdict is {"name", "verdict": "accepts" | "refuses" | "cannot", "message"}. "cannot" is what the library does not offer at all, by
its own lists of formats and algorithms; nothing of a case but its label decides that.
"""

import importlib
import json
import logging
import sys
from datetime import datetime

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import AttestationFormat

# Functions of the package have the names of its modules, so `import` would return the function.
safetynet_time = importlib.import_module("webauthn.helpers.verify_safetynet_timestamp")

ALGORITHMS = {int(algorithm) for algorithm in COSEAlgorithmIdentifier}
# The labels distinguish the two kinds of packed.
FORMATS = {"-", "packed-self", "packed-x5c"} | {str(format.value) for format in AttestationFormat}


class StoppedClock:
    """The `time` module of the one check that reads a clock: it returns the time of the case."""

    def __init__(self, moment):
        self.moment = moment

    def time(self):
        return self.moment


def judge(case):
    if case["format"] not in FORMATS:
        return "cannot", "no such format"
    if case["key_algorithm"] not in ALGORITHMS:
        return "cannot", "no such algorithm"
    moment = datetime.fromisoformat(case["at"].replace("Z", "+00:00")).timestamp()
    safetynet_time.time = StoppedClock(moment)
    common = {
        "credential": case["credential"],
        "expected_challenge": base64url_to_bytes(case["challenge"]),
        "expected_rp_id": case["rp_id"],
        "expected_origin": case["origins"],
        "require_user_verification": case.get("user_verification_required", False),
    }
    try:
        if case["kind"] == "registration":
            anchors = [pem.encode() for pem in case.get("trust_anchors", [])]
            verify_registration_response(
                **common,
                require_user_presence=not case.get("conditional_create", False),
                supported_pub_key_algs=case["algorithms"],
                # Separate lists: some procedures add to their arguments.
                pem_root_certs_bytes_by_fmt={format: list(anchors) for format in AttestationFormat},
            )
        else:
            verify_authentication_response(
                **common,
                credential_public_key=base64url_to_bytes(case["credential_public_key"]),
                credential_current_sign_count=case["stored_sign_count"],
            )
    # Every exception is a refusal, also one that is not the library's own.
    except Exception as error:
        return "refuses", f"{type(error).__name__}: {error}"
    return "accepts", ""


def main():
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        case = json.loads(line)
        verdict, message = judge(case)
        print(json.dumps({"name": case["name"], "verdict": verdict, "message": message[:200]}))


if __name__ == "__main__":
    main()
