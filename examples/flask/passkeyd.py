"""The calls to passkeyd: the Twilio Verify Passkeys API, with Twilio's own library."""

import json

# region calls
import os

from twilio.rest import Client
from twilio.rest.verify.v2.service.approve_challenge import ApproveChallengeList
from twilio.rest.verify.v2.service.new_challenge import NewChallengeList
from twilio.rest.verify.v2.service.new_factor import NewFactorList
from twilio.rest.verify.v2.service.new_verify_factor import NewVerifyFactorList

client = Client(os.environ["ACCOUNT_SID"], os.environ["AUTH_TOKEN"])
client.verify.base_url = os.environ.get("PASSKEYD_URL", "http://127.0.0.1:8080")  # the only line that differs
passkeys = client.verify.v2.services(os.environ["SERVICE_SID"])


class NotAccepted(Exception):
    """This is not a credential, or it belongs to a ceremony that this session did not begin."""


# Keep the ceremony in the session of the browser, and send the options to the page.
def start_registration(identity, account):
    body = {"identity": identity, "friendly_name": account}
    factor = passkeys.new_factors.create(NewFactorList.CreateNewPasskeysFactorRequest(body))
    return factor.sid, factor.options["publicKey"]


# Twilio's library reads the members of `response`.
def checked(credential):
    if not isinstance(credential.get("response"), dict):
        raise NotAccepted("not a credential")
    return credential


# Returns the identity that has a new passkey. `ceremony` is what the session kept.
def finish_registration(credential, ceremony):
    factor = passkeys.new_verify_factors.update(NewVerifyFactorList.VerifyPasskeysFactorRequest(checked(credential)))
    if factor.status != "verified" or factor.sid != ceremony:
        raise NotAccepted
    return factor.identity


# Without an identity, the passkey says who the user is.
def start_sign_in(identity=None):
    body = {"identity": identity} if identity else {}
    challenge = passkeys.new_challenge().create(NewChallengeList.CreatePasskeysChallengeRequest(body))
    return challenge.sid, challenge.options["publicKey"]


# Returns the identity whose passkey it was. For a step-up, compare it with the user who is signed in.
def finish_sign_in(credential, ceremony):
    approved = passkeys.approve_challenge.update(ApproveChallengeList.ApprovePasskeysChallengeRequest(checked(credential)))
    if approved.status != "approved" or approved.sid != ceremony:
        raise NotAccepted
    return approved.identity
# endregion


# region signals
# For the page, which tells the password manager: all passkeys of the user that are left.
def signals(identity):
    path = f"/manage/v1/services/{os.environ['SERVICE_SID']}/users/{identity}/signals"
    answer = client.request("GET", client.verify.base_url + path)
    return json.loads(answer.text) if answer.status_code == 200 else None
# endregion


# The list also has registrations that did not finish.
def list_passkeys(identity):
    return [
        {"id": factor.sid, "name": factor.friendly_name, "created": factor.date_created, "lastUsed": (factor.metadata or {}).get("date_last_approved")}
        for factor in passkeys.entities(identity).factors.list()
        if factor.status == "verified"
    ]


# The caller checks that the user has this passkey.
def rename(identity, sid, name):
    passkeys.entities(identity).factors(sid).update(friendly_name=name)


def remove(identity, sid):
    passkeys.entities(identity).factors(sid).delete()
