"""Passkeys in a FastAPI application. The browser talks to this server, and this server talks to passkeyd."""

import logging
import os
import secrets
import time
import uuid
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from twilio.base.exceptions import TwilioRestException

import passkeyd

ORIGIN = os.environ.get("ORIGIN", "http://localhost:3000")
HOURS_8 = 8 * 3600

# Accounts and sessions are in memory. Keep yours in a database where names are unique.
# The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
identities: dict[str, str] = {}  # name -> identity
names: dict[str, str] = {}  # identity -> name
sessions: dict[str, dict] = {}

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
log = logging.getLogger("uvicorn.error")


class Refused(Exception):
    def __init__(self, status: int, message: str, reason: str | None = None):
        self.status, self.message, self.reason = status, message, reason


# The same for a wrong passkey and for an account that does not exist.
SIGN_IN_FAILED = Refused(401, "The sign-in failed.")
START_AGAIN = Refused(400, "Start again.")


@app.middleware("http")
async def only_our_page(request: Request, call_next):
    if request.method == "POST":
        # A page of another site can send requests with our cookie, but not with our origin.
        if request.headers.get("origin") != ORIGIN:
            return refusal(Refused(403, "The request comes from another site."))
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return refusal(Refused(415, "Send JSON."))
        if not request.headers.get("content-length", "").isdigit() or int(request.headers["content-length"]) > 65536:
            return refusal(Refused(413, "The request is too long."))
    response = await call_next(request)
    response.headers["Content-Security-Policy"] = "default-src 'self'; frame-ancestors 'none'"
    return response


def set_session(response: Response, session: dict) -> dict:
    for old in [key for key, value in sessions.items() if value["expires"] < time.time()]:
        sessions.pop(old, None)
    key = secrets.token_urlsafe(32)
    sessions[key] = session | {"key": key, "expires": time.time() + HOURS_8}
    response.set_cookie("session", key, max_age=HOURS_8, httponly=True, samesite="lax", secure=ORIGIN.startswith("https:"))
    return sessions[key]


def current_session(request: Request, response: Response) -> dict:
    session = sessions.get(request.cookies.get("session", ""))
    return session if session and session["expires"] > time.time() else set_session(response, {})


Session = Annotated[dict, Depends(current_session)]


def signed_in(session: Session) -> str:
    if "identity" not in session:
        raise Refused(401, "Sign in first.")
    return session["identity"]


SignedIn = Annotated[str, Depends(signed_in)]


# A new session id: who knew the old one is not signed in.
def sign_in(response: Response, session: dict, identity: str):
    sessions.pop(session["key"], None)
    confirm(set_session(response, {"identity": identity}))


# A sign-in or a step-up allows one change of the passkeys within five minutes.
def confirm(session: dict):
    session["confirmed_until"] = time.time() + 300


def use_confirmation(session: dict):
    if session.pop("confirmed_until", 0) < time.time():
        raise Refused(403, "Confirm that it is you.", "step_up_required")


# The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
def begin(session: dict, purpose: str, started: tuple, **more) -> dict:
    ceremony, options = started
    session["pending"] = {"purpose": purpose, "ceremony": ceremony, **more}
    return options


def begun(session: dict, purpose: str, refusal: Refused = START_AGAIN) -> dict:
    pending = session.pop("pending", None)
    if not pending or pending["purpose"] != purpose:
        raise refusal
    return pending


def name_of(body: dict) -> str:
    name = body.get("name").strip() if isinstance(body.get("name"), str) else ""
    if not 1 <= len(name) <= 64:
        raise Refused(400, "A name has 1 to 64 characters.")
    return name


@app.get("/me")
def me(request: Request):
    identity = sessions.get(request.cookies.get("session", ""), {}).get("identity")
    return {"name": names[identity], "passkeys": passkeyd.list_passkeys(identity)} if identity else {"name": None}


# region register
# A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
@app.post("/register/start")
def register_start(body: dict, session: Session):
    name = name_of(body).lower()
    if name in identities:
        raise Refused(409, "This name is taken. Sign in to add a passkey to it.")
    identity = f"user-{uuid.uuid4()}"
    return begin(session, "register", passkeyd.start_registration(identity, name), identity=identity, name=name)


@app.post("/register/finish")
def register_finish(body: dict, session: Session, response: Response):
    pending = begun(session, "register")
    identity, name = pending["identity"], pending["name"]
    if passkeyd.finish_registration(body, pending["ceremony"]) != identity:
        raise START_AGAIN
    # Another registration may have taken the name meanwhile.
    if identities.setdefault(name, identity) != identity:
        raise Refused(409, "This name is taken.")
    names[identity] = name
    sign_in(response, session, identity)
    return {}
# endregion


# region add
# Another passkey: the identity is the one of the session, whatever the page sends.
@app.post("/passkeys/start")
def add_start(session: Session, identity: SignedIn):
    use_confirmation(session)
    return begin(session, "add", passkeyd.start_registration(identity, names[identity]))


@app.post("/passkeys/finish")
def add_finish(body: dict, session: Session, identity: SignedIn):
    if passkeyd.finish_registration(body, begun(session, "add")["ceremony"]) != identity:
        raise START_AGAIN
    return {}
# endregion


# Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
@app.post("/sign-in/start")
def sign_in_start(body: dict, session: Session):
    name = name_of(body).lower() if "name" in body else None
    return begin(session, "sign-in", passkeyd.start_sign_in(), name=name)


@app.post("/sign-in/finish")
def sign_in_finish(body: dict, session: Session, response: Response):
    pending = begun(session, "sign-in", SIGN_IN_FAILED)
    try:
        identity = passkeyd.finish_sign_in(body, pending["ceremony"])
    except (TwilioRestException, passkeyd.NotAccepted) as error:
        if getattr(error, "status", 400) >= 500:
            raise
        log.warning("/sign-in/finish: %s %s", error, getattr(error, "details", ""))
        raise SIGN_IN_FAILED from error
    if identity not in names or pending["name"] not in (None, names[identity]):
        raise SIGN_IN_FAILED
    sign_in(response, session, identity)
    return {}


@app.post("/step-up/start")
def step_up_start(session: Session, identity: SignedIn):
    return begin(session, "step-up", passkeyd.start_sign_in(identity))


@app.post("/step-up/finish")
def step_up_finish(body: dict, session: Session, identity: SignedIn):
    if passkeyd.finish_sign_in(body, begun(session, "step-up")["ceremony"]) != identity:
        raise Refused(401, "This is another user's passkey.")
    confirm(session)
    return {}


# The id comes from the page, so it must be one of the passkeys of this account.
def own_passkeys(body: dict, identity: str) -> list:
    passkeys = passkeyd.list_passkeys(identity)
    if not any(passkey["id"] == body.get("id") for passkey in passkeys):
        raise Refused(404, "There is no such passkey.")
    return passkeys


@app.post("/passkeys/rename")
def rename(body: dict, identity: SignedIn):
    own_passkeys(body, identity)
    passkeyd.rename(identity, body["id"], name_of(body))
    return {}


@app.post("/passkeys/delete")
def delete(body: dict, session: Session, identity: SignedIn):
    if len(own_passkeys(body, identity)) < 2:
        raise Refused(409, "This is your only passkey.")
    use_confirmation(session)
    passkeyd.remove(identity, body["id"])
    return {}


@app.post("/sign-out")
def sign_out(session: Session, response: Response):
    sessions.pop(session["key"], None)
    response.delete_cookie("session")
    return {}


@app.exception_handler(Refused)
def refused(request: Request, error: Refused):
    return refusal(error)


@app.exception_handler(TwilioRestException)
@app.exception_handler(passkeyd.NotAccepted)
def refused_by_passkeyd(request: Request, error: Exception):
    # The page gets one sentence. The log gets the reason, and the id under which passkeyd logged the request.
    log.warning("%s: %s %s", request.url.path, error, getattr(error, "details", ""))
    if getattr(error, "status", 400) >= 500:
        return refusal(Refused(502, "Something went wrong. Try again."))
    return refusal(Refused(400, "The request was not accepted."))


def refusal(error: Refused) -> JSONResponse:
    return JSONResponse({"error": error.message, "reason": error.reason}, status_code=error.status)


app.mount("/", StaticFiles(directory=Path(__file__).parent.parent / "web", html=True))
