"""Challenges: created and approved."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from conftest import client_for
from twilio.base.exceptions import TwilioRestException
from wire import (
    DATE, ORIGIN, RP_ID, ApproveRequest, ChallengeRequest, Raw, answer_challenge, approve, decoded, encoded, is_recent,
    new_identity, refused, register, start_registration, without_allow_list,
)


def test_a_challenge_for_an_identity_lists_its_passkeys(service, authenticators):
    user = register(service, authenticators)
    answer = service.new_challenge().create_with_http_info(ChallengeRequest({"identity": user.identity}))
    assert answer.status_code == 201
    challenge = answer.data
    assert re.fullmatch("YC[0-9a-f]{32}", challenge.sid)
    assert (challenge.identity, challenge.entity_sid) == (user.identity, user.factor.entity_sid)
    assert (challenge.status, challenge.responded_reason, challenge.factor_type) == ("pending", "none", "passkeys")
    assert challenge.date_responded is None
    assert challenge.expiration_date - challenge.date_created == timedelta(minutes=5)
    public_key = challenge.options["publicKey"]
    assert re.fullmatch("[0-9a-f]{48}", decoded(public_key["challenge"]).decode("ascii"))
    assert (public_key["rpId"], public_key["timeout"], public_key["userVerification"]) == (RP_ID, 300_000, "preferred")
    transports = user.credential["response"].get("transports", [])
    assert public_key["allowCredentials"] == [{"type": "public-key", "id": user.credential["id"], "transports": transports}]


def test_an_approval_says_who_signed_in_and_dates_the_factor(service, authenticators):
    user = register(service, authenticators)
    challenge, credential = answer_challenge(service, authenticators, user)
    answer = service.approve_challenge.update_with_http_info(ApproveRequest(credential))
    assert answer.status_code == 200
    approved = answer.data
    assert (approved.sid, approved.status) == (challenge.sid, "approved")
    assert (approved.identity, approved.entity_sid, approved.factor_sid) == (
        user.identity, user.factor.entity_sid, user.factor.sid,
    )
    assert approved.options == challenge.options
    is_recent(approved.date_responded)
    factor = service.entities(user.identity).factors(user.factor.sid).fetch()
    assert DATE.fullmatch(factor.metadata["date_last_approved"])


@pytest.mark.parametrize("request_", [ChallengeRequest({}), Raw({}), Raw({"identity": None, "factor_sid": None})])
def test_a_discoverable_login_learns_identity_and_factor_from_the_passkey(service, authenticators, request_):
    user = register(service, authenticators)
    challenge = service.new_challenge().create(request_)
    assert (challenge.identity, challenge.entity_sid, challenge.factor_sid) == (None, None, None)
    assert challenge.options["publicKey"]["allowCredentials"] == []
    approved = approve(service, authenticators.get(challenge.options, ORIGIN, device=user.device))
    assert (approved.status, approved.identity, approved.factor_sid) == ("approved", user.identity, user.factor.sid)
    assert approved.entity_sid == user.factor.entity_sid


def test_a_challenge_for_one_factor(service, authenticators):
    identity = new_identity()
    one = register(service, authenticators, identity, f"{identity} one")
    two = register(service, authenticators, identity, f"{identity} two")
    create = service.new_challenge().create
    challenge = create(ChallengeRequest({"identity": identity, "factor_sid": one.factor.sid}))
    assert challenge.factor_sid == one.factor.sid
    assert [allowed["id"] for allowed in challenge.options["publicKey"]["allowCredentials"]] == [one.credential["id"]]
    assert approve(service, authenticators.get(challenge.options, ORIGIN, device=one.device)).status == "approved"
    challenge = create(ChallengeRequest({"factor_sid": one.factor.sid}))
    other = authenticators.get(without_allow_list(challenge.options), ORIGIN, device=two.device)
    refused(60324, 403, approve, service, other)


def test_a_replayed_approval_is_refused(service, authenticators):
    user = register(service, authenticators)
    challenge, credential = answer_challenge(service, authenticators, user)
    approve(service, credential)
    refused(60322, 403, approve, service, credential)
    assert service.entities(user.identity).challenges(challenge.sid).fetch().status == "approved"


def test_the_wrong_origin_is_refused_and_ends_the_challenge(service, authenticators):
    user = register(service, authenticators)
    challenge = service.new_challenge().create(ChallengeRequest({"identity": user.identity}))
    bad = authenticators.get(challenge.options, "https://evil.test", device=user.device)
    error = refused(60324, 403, approve, service, bad)
    assert error.details["reason"] == "origin_not_allowed"
    assert service.entities(user.identity).challenges(challenge.sid).fetch().status == "denied"
    good = authenticators.get(challenge.options, ORIGIN, device=user.device)
    refused(60322, 403, approve, service, good)


def test_a_login_with_another_users_passkey_is_refused_and_leaves_it_as_it_was(service, authenticators):
    alice, bob = register(service, authenticators), register(service, authenticators)
    factor_of_bob = service.entities(bob.identity).factors(bob.factor.sid)
    before = factor_of_bob.fetch()
    challenge = service.new_challenge().create(ChallengeRequest({"identity": alice.identity}))
    credential = authenticators.get(without_allow_list(challenge.options), ORIGIN, device=bob.device)
    refused(60324, 403, approve, service, credential)
    after = factor_of_bob.fetch()
    assert (after.metadata, after.date_updated) == (before.metadata, before.date_updated)
    assert service.entities(alice.identity).challenges(challenge.sid).fetch().status == "denied"
    _, own = answer_challenge(service, authenticators, bob)
    assert approve(service, own).identity == bob.identity


def test_of_a_hundred_parallel_approvals_of_one_challenge_exactly_one_succeeds(server, service, authenticators):
    user = register(service, authenticators)
    challenge, credential = answer_challenge(service, authenticators, user)
    sid = service.fetch().sid

    def attempt(_):
        # A client of its own: the SDK's connection is not meant to be shared by threads.
        try:
            return approve(client_for(server).verify.v2.services(sid), credential).status
        except TwilioRestException as error:
            return error.code

    with ThreadPoolExecutor(max_workers=25) as pool:
        outcomes = list(pool.map(attempt, range(100)))
    assert sorted(outcomes, key=str) == [60322] * 99 + ["approved"]
    assert service.entities(user.identity).challenges(challenge.sid).fetch().status == "approved"


def test_a_deleted_passkey_signs_nobody_in(service, authenticators):
    user = register(service, authenticators)
    _, credential = answer_challenge(service, authenticators, user)
    assert service.entities(user.identity).factors(user.factor.sid).delete() is True
    refused(60390, 404, approve, service, credential)


def test_faults_at_the_creation_of_a_challenge(client, service):
    create = service.new_challenge().create
    refused(60392, 404, create, ChallengeRequest({"identity": new_identity()}))
    refused(60367, 400, create, ChallengeRequest({"identity": "short"}))
    refused(60362, 400, create, ChallengeRequest({"factor_sid": "YF12"}))
    refused(60390, 404, create, ChallengeRequest({"factor_sid": "YF" + "0" * 32}))
    unverified = start_registration(service, new_identity())
    refused(60318, 403, create, ChallengeRequest({"factor_sid": unverified.sid}))
    plain = client.verify.v2.services(client.verify.v2.services.create(friendly_name="No relying party").sid)
    refused(60371, 400, plain.new_challenge().create, ChallengeRequest({}))


MALFORMED = [
    (60375, lambda credential: credential.pop("id")),
    (60376, lambda credential: credential.update(rawId="AAAA")),
    (60377, lambda credential: credential.update(authenticatorAttachment=7)),
    (60379, lambda credential: credential["response"].update(authenticatorData="%%%")),
    (60380, lambda credential: credential["response"].update(clientDataJSON=encoded(b"nonsense"))),
    (60381, lambda credential: credential["response"].update(signature="%%%")),
]


@pytest.mark.parametrize(("code", "change"), MALFORMED)
def test_malformed_credentials_leave_the_challenge_pending(service, testkit, code, change):
    user = register(service, testkit)
    challenge, credential = answer_challenge(service, testkit, user)
    bad = {**credential, "response": dict(credential["response"])}
    change(bad)
    refused(code, 400, service.approve_challenge.update, Raw(bad))
    assert service.entities(user.identity).challenges(challenge.sid).fetch().status == "pending"
    assert approve(service, credential).status == "approved"


LIES = [
    (60324, 403, {"tampered_signature": True}),
    (60324, 403, {"rp_id": "evil.test"}),
    (60324, 403, {"user_present": False}),
    (60324, 403, {"user_handle": {"text": "YE" + "0" * 32}}),
    (60365, 400, {"user_handle": {"text": "somebody"}}),
    (60379, 400, {"authenticator_data": encoded(b"\x01\x02\x03")}),
    (60391, 404, {"challenge": encoded(b"0" * 48)}),
]


@pytest.mark.parametrize(("code", "status", "lies"), LIES)
def test_refused_approvals(service, testkit, code, status, lies):
    user = register(service, testkit)
    _, credential = answer_challenge(service, testkit, user, lies=lies)
    refused(code, status, approve, service, credential)


def test_a_passkey_of_another_relying_party_is_refused(service, testkit):
    config = {"relying_party": {"id": "other.test", "name": "Other", "origins": [ORIGIN]}}
    user = register(service, testkit, config=config)
    challenge = service.new_challenge().create(ChallengeRequest({}))
    lies = {"use_credential": user.credential["id"]}
    credential = testkit.get(challenge.options, ORIGIN, device=user.device, lies=lies)
    refused(60382, 403, approve, service, credential)
