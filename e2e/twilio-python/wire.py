"""What the tests share: a service on which every ceremony works, a user with a passkey, and refusals."""

import base64
import re
import secrets
from datetime import datetime, timedelta, timezone

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest.verify.v2.service.approve_challenge import ApproveChallengeList
from twilio.rest.verify.v2.service.new_challenge import NewChallengeList
from twilio.rest.verify.v2.service.new_factor import NewFactorList
from twilio.rest.verify.v2.service.new_verify_factor import NewVerifyFactorList

RP_ID = "acme.test"
ORIGIN = "https://login.acme.test"

SERVICE = {
    "friendly_name": "Acme login",
    "passkeys_relying_party_id": RP_ID,
    "passkeys_relying_party_name": "Acme",
    "passkeys_relying_party_origins": f"https://{RP_ID},{ORIGIN}",
    "passkeys_authenticator_attachment": "any",
    "passkeys_discoverable_credentials": "preferred",
    "passkeys_user_verification": "preferred",
}

FactorRequest = NewFactorList.CreateNewPasskeysFactorRequest
ChallengeRequest = NewChallengeList.CreatePasskeysChallengeRequest
VerifyRequest = NewVerifyFactorList.VerifyPasskeysFactorRequest
ApproveRequest = ApproveChallengeList.ApprovePasskeysChallengeRequest


class Raw:
    """A request body that is sent unchanged; the SDK's own classes drop unknown members."""

    def __init__(self, body):
        self._body = body

    def to_dict(self):
        return self._body


class User:
    """A user with a verified passkey."""

    def __init__(self, identity, device, factor, credential):
        self.identity = identity
        self.device = device
        self.factor = factor
        self.credential = credential


def new_identity():
    return f"user-{secrets.token_hex(6)}"


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(value):
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")


def new_service(client, **parameters):
    return client.verify.v2.services(client.verify.v2.services.create(**{**SERVICE, **parameters}).sid)


def start_registration(service, identity, **more):
    return service.new_factors.create(FactorRequest({"friendly_name": "Phone", "identity": identity, **more}))


def register(service, authenticators, identity=None, device=None, config=None, friendly_name="Phone", **ceremony):
    identity = identity or new_identity()
    device = device or identity
    factor = start_registration(service, identity, config=config, friendly_name=friendly_name)
    credential = authenticators.create(factor.options, ORIGIN, device=device, **ceremony)
    verified = service.new_verify_factors.update(VerifyRequest(credential))
    assert verified.status == "verified"
    return User(identity, device, verified, credential)


def answer_challenge(service, authenticators, user, **ceremony):
    challenge = service.new_challenge().create(ChallengeRequest({"identity": user.identity}))
    return challenge, authenticators.get(challenge.options, ORIGIN, device=user.device, **ceremony)


def approve(service, credential):
    return service.approve_challenge.update(ApproveRequest(credential))


def without_allow_list(options):
    return {"publicKey": {**options["publicKey"], "allowCredentials": []}}


def refused(code, status, call, *arguments, **keywords):
    """The exception with which the call is refused; anything else fails."""
    with pytest.raises(TwilioRestException) as caught:
        call(*arguments, **keywords)
    error = caught.value
    assert (error.code, error.status) == (code, status), f"{error.msg} {error.details}"
    assert error.msg
    return error


def is_recent(moment):
    assert isinstance(moment, datetime), repr(moment)
    assert abs(datetime.now(timezone.utc) - moment) < timedelta(minutes=2)


AAGUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
