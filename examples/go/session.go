package main

// Sessions, and one request with its session.

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The ceremony that the session began: for what, for which identity, and under which name.
type pending struct{ purpose, sid, identity, name string }

type session struct {
	identity       string
	pending        pending
	confirmedUntil time.Time
	expires        time.Time
}

var (
	sessionMutex sync.Mutex
	sessions     = map[string]*session{}
)

type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	key  string
	body json.RawMessage
}

func newKey() string {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		panic(err)
	}
	return hex.EncodeToString(random)
}

// Reads or changes the session. It makes one if the browser has none.
func (x *exchange) session(change func(*session)) {
	sessionMutex.Lock()
	defer sessionMutex.Unlock()
	found := sessions[x.key]
	if found == nil || found.expires.Before(time.Now()) {
		for key, old := range sessions {
			if old.expires.Before(time.Now()) {
				delete(sessions, key)
			}
		}
		found = &session{expires: time.Now().Add(8 * time.Hour)}
		x.key = newKey()
		sessions[x.key] = found
		http.SetCookie(x.w, &http.Cookie{
			Name: "session", Value: x.key, Path: "/", MaxAge: 8 * 3600,
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(origin, "https:"),
		})
	}
	change(found)
}

func (x *exchange) forget() {
	sessionMutex.Lock()
	defer sessionMutex.Unlock()
	delete(sessions, x.key)
}

func (x *exchange) signedIn() (identity string, err error) {
	sessionMutex.Lock()
	defer sessionMutex.Unlock()
	found := sessions[x.key]
	if found == nil || found.expires.Before(time.Now()) || found.identity == "" {
		return "", refused{http.StatusUnauthorized, "Sign in first.", ""}
	}
	return found.identity, nil
}

// A new session id: who knew the old one is not signed in.
func (x *exchange) signIn(identity string) {
	x.forget()
	x.session(func(s *session) { s.identity = identity })
	x.confirm()
}

// A sign-in or a step-up allows one change of the passkeys within five minutes.
func (x *exchange) confirm() {
	x.session(func(s *session) { s.confirmedUntil = time.Now().Add(5 * time.Minute) })
}

func (x *exchange) useConfirmation() (err error) {
	x.session(func(s *session) {
		if s.confirmedUntil.Before(time.Now()) {
			err = refused{http.StatusForbidden, "Confirm that it is you.", "step_up_required"}
		}
		s.confirmedUntil = time.Time{}
	})
	return err
}

// The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
func (x *exchange) begin(p pending, started ceremony, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	p.sid = started.Sid
	x.session(func(s *session) { s.pending = p })
	return started.Options.PublicKey, nil
}

func (x *exchange) begun(purpose string, refusal error) (p pending, err error) {
	x.session(func(s *session) { p, s.pending = s.pending, pending{} })
	if p.purpose != purpose {
		err = refusal
	}
	return p, err
}

// The member of the body, if it is a text.
func (x *exchange) text(member string) string {
	var body map[string]any
	if json.Unmarshal(x.body, &body) != nil {
		return ""
	}
	value, _ := body[member].(string)
	return strings.TrimSpace(value)
}

func (x *exchange) name() (string, error) {
	name := x.text("name")
	if length := utf8.RuneCountInString(name); length < 1 || length > 64 {
		return "", refused{http.StatusBadRequest, "A name has 1 to 64 characters.", ""}
	}
	return name, nil
}
