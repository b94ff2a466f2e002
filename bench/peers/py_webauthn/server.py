"""A minimal passkey server: py_webauthn on FastAPI, with SQLite.

STORE=store.db uvicorn server:app
"""

import json
import os
import sqlite3
import threading
import uuid

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

RP_ID = "localhost"
ORIGIN = "http://localhost:3000"

# Endpoints run on threads; one of them at a time uses the store.
database = sqlite3.connect(os.environ["STORE"], check_same_thread=False, cached_statements=64)
lock = threading.Lock()
database.executescript(
    """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
    CREATE TABLE credentials (id BLOB PRIMARY KEY, user_id TEXT NOT NULL, public_key BLOB NOT NULL, counter INTEGER NOT NULL);
    CREATE INDEX credentials_by_user ON credentials (user_id);
    CREATE TABLE ceremonies (id TEXT PRIMARY KEY, user_id TEXT, challenge BLOB NOT NULL);
    """
)

app = FastAPI()


class RegisterStart(BaseModel):
    username: str


class LoginStart(BaseModel):
    username: str | None = None


class Finish(BaseModel):
    ceremony: str
    credential: dict


@app.exception_handler(WebAuthnException)
def refused(_: Request, error: WebAuthnException):
    return Response(str(error), status_code=400)


def one(statement: str, *values):
    return database.execute(statement, values).fetchone()


def descriptors(user: str) -> list[PublicKeyCredentialDescriptor]:
    rows = database.execute("SELECT id FROM credentials WHERE user_id = ?", (user,))
    return [PublicKeyCredentialDescriptor(id=row[0]) for row in rows]


def begin(user: str | None, options, new_name: str | None = None) -> Response:
    """Keeps a ceremony until its response comes. With a name the user is new."""
    ceremony = str(uuid.uuid4())
    with database:
        if new_name is not None:
            database.execute("INSERT INTO users (id, name) VALUES (?, ?)", (user, new_name))
        database.execute("INSERT INTO ceremonies (id, user_id, challenge) VALUES (?, ?, ?)", (ceremony, user, options.challenge))
    body = f'{{"ceremony":{json.dumps(ceremony)},"options":{options_to_json(options)}}}'
    return Response(body, media_type="application/json")


def pending(ceremony: str):
    found = one("SELECT user_id, challenge FROM ceremonies WHERE id = ?", ceremony)
    if not found:
        raise HTTPException(400, "no such ceremony")
    return found


def end(ceremony: str) -> None:
    """A ceremony accepts one response."""
    if database.execute("DELETE FROM ceremonies WHERE id = ?", (ceremony,)).rowcount != 1:
        raise HTTPException(400, "no such ceremony")


@app.post("/register/start")
def register_start(request: RegisterStart):
    with lock:
        found = one("SELECT id FROM users WHERE name = ?", request.username)
        user = found[0] if found else str(uuid.uuid4())
        options = generate_registration_options(
            rp_id=RP_ID,
            rp_name="Bench",
            user_id=user.encode(),
            user_name=request.username,
            exclude_credentials=descriptors(user) if found else [],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
        )
        return begin(user, options, None if found else request.username)


@app.post("/register/finish")
def register_finish(request: Finish):
    with lock:
        user, challenge = pending(request.ceremony)
    verified = verify_registration_response(
        credential=request.credential,
        expected_challenge=challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
    )
    with lock, database:
        end(request.ceremony)
        database.execute(
            "INSERT INTO credentials (id, user_id, public_key, counter) VALUES (?, ?, ?, ?)",
            (verified.credential_id, user, verified.credential_public_key, verified.sign_count),
        )
    return {"verified": True}


@app.post("/login/start")
def login_start(request: LoginStart):
    with lock:
        user = None
        allowed = None
        if request.username is not None:
            found = one("SELECT id FROM users WHERE name = ?", request.username)
            if not found:
                raise HTTPException(404, "no such user")
            user = found[0]
            allowed = descriptors(user)
        options = generate_authentication_options(
            rp_id=RP_ID,
            allow_credentials=allowed,
            user_verification=UserVerificationRequirement.PREFERRED,
        )
        return begin(user, options)


@app.post("/login/finish")
def login_finish(request: Finish):
    credential_id = base64url_to_bytes(request.credential["id"])
    with lock:
        expected_user, challenge = pending(request.ceremony)
        stored = one("SELECT user_id, public_key, counter FROM credentials WHERE id = ?", credential_id)
    if not stored or (expected_user and stored[0] != expected_user):
        raise HTTPException(400, "no such credential")
    user, public_key, counter = stored
    verified = verify_authentication_response(
        credential=request.credential,
        expected_challenge=challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=public_key,
        credential_current_sign_count=counter,
    )
    with lock, database:
        end(request.ceremony)
        database.execute("UPDATE credentials SET counter = ? WHERE id = ?", (verified.new_sign_count, credential_id))
        name = one("SELECT name FROM users WHERE id = ?", user)[0]
    return {"verified": True, "username": name}
