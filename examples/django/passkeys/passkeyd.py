"""The calls to passkeyd: the FIDO2 API of the Nevis Authentication Cloud."""

# region calls
import os

import requests

PASSKEYD_URL = os.environ.get("PASSKEYD_URL", "http://127.0.0.1:8080")
ACCESS_KEY = os.environ.get("ACCESS_KEY", "")


class NotAccepted(Exception):
    """What passkeyd refused. The page does not get to see it."""


def call(method, path, **body):
    response = requests.request(method, PASSKEYD_URL + path, headers={"Authorization": f"Bearer {ACCESS_KEY}"}, timeout=30, allow_redirects=False, **body)
    if 400 <= response.status_code < 500:
        raise NotAccepted(response.text)
    response.raise_for_status()
    return response.json() if response.content else {}


# Keep the ceremony in the session of the browser, and send the options to the page.
def start_registration(identity, account):
    answer = call("POST", "/api/v1/users/enroll", json={"username": identity, "displayName": account, "channel": "fido2"})
    enrollment = answer["enrollment"]
    return [enrollment["transactionId"], enrollment["statusToken"]], enrollment["credentialCreationOptions"]


# Without an identity, the passkey says who the user is.
def start_sign_in(identity=None):
    answer = call("POST", "/api/v1/approval", json={"channel": "fido2"} | ({"username": identity} if identity else {}))
    return [answer["transactionId"], answer["statusToken"]], answer["credentialRequestOptions"]


# Both return the user whose passkey it is. `ceremony` is what the session kept.
def finish_registration(credential, ceremony):
    return finish("/_app/attestation/result", credential, ceremony)


def finish_sign_in(credential, ceremony):
    return finish("/_app/assertion/result", credential, ceremony)


# The status of the result call proves nothing: the introspection of its token does.
def finish(path, credential, ceremony):
    transaction, status_token = ceremony
    result = call("POST", path, json=credential | {"statusToken": status_token})
    if result["status"] != "ok":
        raise NotAccepted(result["errorMessage"])
    claims = call("POST", "/api/v1/introspect", data={"token": result["token"]})
    if not claims["active"] or claims["txn"] != transaction:
        raise NotAccepted("a credential of another transaction")
    return claims["username"]
# endregion


def list_passkeys(identity):
    user = call("GET", "/api/v1/users", params={"username": identity})
    return [
        {"id": one["authenticatorId"], "name": one.get("name") or "Passkey", "created": one["enrolledAt"], "lastUsed": one["fido2"].get("lastUsedAt")}
        for one in user["authenticators"]
    ]


# The path names no user: the caller checks that the user has this passkey.
def rename(passkey, name):
    call("PATCH", f"/api/v1/authenticators/{passkey}", json={"name": name})


def remove(passkey):
    call("DELETE", f"/api/v1/authenticators/{passkey}")
