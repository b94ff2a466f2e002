"""One server for the whole suite, or the one that `E2E_PASSKEYD_URL` names; one service for each file, both sources of passkeys."""

import os

import pytest
from authenticators import SOURCES, Authenticators
from passkeyd import ACCOUNT_SID, AUTH_TOKEN, Running, Server
from twilio.rest import Client
from wire import new_service

# These variables change the host name of the SDK's requests.
for name in ("TWILIO_EDGE", "TWILIO_REGION"):
    os.environ.pop(name, None)


@pytest.fixture(scope="session")
def server():
    url = os.environ.get("E2E_PASSKEYD_URL")
    running = Running(url) if url else Server()
    yield running
    running.stop()


def client_for(server, account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN):
    client = Client(account_sid, auth_token)
    client.verify.base_url = server.url
    return client


@pytest.fixture(scope="session")
def client(server):
    return client_for(server)


@pytest.fixture(scope="module")
def service(client):
    return new_service(client)


@pytest.fixture(scope="session", params=SOURCES)
def authenticators(request):
    """Both authenticators, one after the other."""
    process = Authenticators(request.param)
    yield process
    process.close()


@pytest.fixture(scope="session")
def testkit():
    """The authenticator that can lie."""
    process = Authenticators("testkit")
    yield process
    process.close()
