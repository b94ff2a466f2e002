"""Entities, and the factors and challenges below them."""

import re

from wire import (
    ORIGIN, ChallengeRequest, answer_challenge, approve, is_recent, new_identity, new_service, refused, register,
)


def test_an_entity_is_created_and_fetched(service, server):
    identity = new_identity()
    entity = service.entities.create(identity=identity)
    assert re.fullmatch("YE[0-9a-f]{32}", entity.sid)
    assert entity.identity == identity
    is_recent(entity.date_created)
    url = f"{server.url}/v2/Services/{entity.service_sid}/Entities/{identity}"
    assert entity.url == url
    assert entity.links == {"factors": f"{url}/Factors", "new_factors": f"{url}/Factors", "challenges": f"{url}/Challenges"}
    assert service.entities(identity).fetch().sid == entity.sid
    refused(60301, 409, service.entities.create, identity=identity)


def test_an_identity_against_the_rules_is_refused(service):
    for identity in ["short", "a" * 65, "some_body_here", "user@example.com"]:
        refused(60306, 400, service.entities.create, identity=identity)


def test_entities_are_listed_over_two_pages_oldest_first(client):
    service = new_service(client)
    identities = [new_identity() for _ in range(5)]
    for identity in identities:
        service.entities.create(identity=identity)
    assert [entity.identity for entity in service.entities.list(page_size=2)] == identities
    assert [entity.identity for entity in service.entities.list(limit=3, page_size=2)] == identities[:3]
    assert new_service(client).entities.list() == []


def test_a_deleted_entity_is_gone_with_its_factors_and_challenges(service, testkit):
    user = register(service, testkit)
    challenge, _ = answer_challenge(service, testkit, user)
    entity = service.entities(user.identity)
    assert entity.delete() is True
    refused(20404, 404, entity.fetch)
    refused(20404, 404, entity.factors(user.factor.sid).fetch)
    refused(20404, 404, entity.challenges(challenge.sid).fetch)
    refused(20404, 404, entity.delete)
    refused(60392, 404, service.new_challenge().create, ChallengeRequest({"identity": user.identity}))


def test_factors_are_listed_fetched_renamed_and_deleted(service, testkit):
    identity = new_identity()
    users = [register(service, testkit, identity, f"{identity} {number}", friendly_name=f"Key {number}") for number in range(3)]
    entity = service.entities(identity)
    sids = [user.factor.sid for user in users]
    assert [factor.sid for factor in entity.factors.list(page_size=2)] == sids

    factor = entity.factors(sids[0])
    assert factor.fetch().friendly_name == "Key 0"
    assert factor.update(friendly_name="Ünïcode key 🔑").friendly_name == "Ünïcode key 🔑"
    assert factor.fetch().friendly_name == "Ünïcode key 🔑"
    assert factor.update().status == "verified"
    refused(60306, 400, factor.update, friendly_name="x" * 65)
    refused(60306, 400, factor.update, auth_payload="123456")

    assert factor.delete() is True
    refused(20404, 404, factor.fetch)
    refused(20404, 404, factor.delete)
    assert [factor.sid for factor in entity.factors.list()] == sids[1:]


def test_a_factor_is_not_found_below_another_user(service, testkit):
    alice, bob = register(service, testkit), register(service, testkit)
    refused(20404, 404, service.entities(alice.identity).factors(bob.factor.sid).fetch)
    refused(20404, 404, service.entities(alice.identity).factors(bob.factor.sid).delete)
    assert service.entities(bob.identity).factors(bob.factor.sid).fetch().status == "verified"


def test_challenges_are_listed_filtered_and_fetched(service, testkit):
    user = register(service, testkit)
    sids = []
    for _ in range(3):
        challenge, credential = answer_challenge(service, testkit, user)
        approve(service, credential)
        sids.append(challenge.sid)
    pending, _ = answer_challenge(service, testkit, user)
    challenges = service.entities(user.identity).challenges

    def listed(**parameters):
        return [challenge.sid for challenge in challenges.list(**parameters)]

    assert listed(page_size=2) == [*sids, pending.sid]
    assert listed(page_size=2, order="desc") == [pending.sid, *reversed(sids)]
    assert listed(page_size=2, status="approved") == sids
    assert listed(status="pending") == [pending.sid]
    assert listed(status="approved", factor_sid=user.factor.sid, limit=1) == sids[:1]
    approved = service.entities(user.identity).challenges(sids[0]).fetch()
    assert (approved.status, approved.factor_sid) == ("approved", user.factor.sid)
    is_recent(approved.date_responded)


def test_a_discoverable_challenge_belongs_to_its_user_once_it_is_approved(service, testkit):
    user = register(service, testkit)
    challenge = service.new_challenge().create(ChallengeRequest({}))
    fetch = service.entities(user.identity).challenges(challenge.sid).fetch
    refused(20404, 404, fetch)
    approve(service, testkit.get(challenge.options, ORIGIN, device=user.device))
    assert fetch().status == "approved"
