"""Ceremonies that expired, on a server with shortened lifetimes."""

import time

import pytest
from conftest import client_for
from wire import ORIGIN, VerifyRequest, answer_challenge, approve, new_identity, new_service, refused, register, start_registration

from passkeyd import Server


@pytest.fixture(scope="module")
def hasty():
    running = Server(PASSKEYD_CEREMONIES__REGISTRATION_SECONDS="2", PASSKEYD_CEREMONIES__AUTHENTICATION_SECONDS="2")
    yield new_service(client_for(running))
    running.stop()


def test_a_registration_past_its_window_is_refused(hasty, testkit):
    identity = new_identity()
    started = start_registration(hasty, identity)
    credential = testkit.create(started.options, ORIGIN, device=identity)
    time.sleep(2.5)
    refused(60383, 403, hasty.new_verify_factors.update, VerifyRequest(credential))


def test_a_challenge_past_its_expiration_date_shows_expired_and_is_refused(hasty, testkit):
    user = register(hasty, testkit)
    challenge, credential = answer_challenge(hasty, testkit, user)
    time.sleep(2.5)
    assert hasty.entities(user.identity).challenges(challenge.sid).fetch().status == "expired"
    refused(60323, 403, approve, hasty, credential)
