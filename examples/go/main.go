// Passkeys in Go, with the standard library only. The browser talks to this server, and this server talks to passkeyd.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

var (
	port   = env("PORT", "3000")
	origin = env("ORIGIN", "http://localhost:"+port)
)

// Accounts and sessions are in memory. Keep yours in a database where names are unique.
// The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
var (
	mutex      sync.Mutex
	identities = map[string]string{} // name -> identity
	names      = map[string]string{} // identity -> name
)

type refused struct {
	status  int
	message string
	reason  string
}

func (e refused) Error() string { return e.message }

// The first is the same for a wrong passkey and for an account that does not exist.
var (
	errSignIn = refused{http.StatusUnauthorized, "The sign-in failed.", ""}
	errAgain  = refused{http.StatusBadRequest, "Start again.", ""}
	errTaken  = refused{http.StatusConflict, "This name is taken. Sign in to add a passkey to it.", ""}
)

func nameOf(identity string) string {
	mutex.Lock()
	defer mutex.Unlock()
	return names[identity]
}

func isTaken(name string) bool {
	mutex.Lock()
	defer mutex.Unlock()
	return identities[name] != ""
}

func me(x *exchange) (any, error) {
	identity, err := x.signedIn()
	if err != nil {
		return map[string]any{"name": nil}, nil
	}
	passkeys, err := listPasskeys(identity)
	return map[string]any{"name": nameOf(identity), "passkeys": passkeys}, err
}

// #region register
// A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
func registerStart(x *exchange) (any, error) {
	name, err := x.name()
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	if isTaken(name) {
		return nil, errTaken
	}
	identity := "user-" + newKey()[:32]
	started, err := startRegistration(identity, name)
	return x.begin(pending{purpose: "register", identity: identity, name: name}, started, err)
}

func registerFinish(x *exchange) (any, error) {
	p, err := x.begun("register", errAgain)
	if err != nil {
		return nil, err
	}
	if identity, err := finishRegistration(x.body, p.sid); err != nil {
		return nil, err
	} else if identity != p.identity {
		return nil, errAgain
	}
	if !create(p.name, p.identity) {
		return nil, errTaken
	}
	x.signIn(p.identity)
	return struct{}{}, nil
}

// Another registration may have taken the name meanwhile.
func create(name, identity string) bool {
	mutex.Lock()
	defer mutex.Unlock()
	if identities[name] != "" {
		return false
	}
	identities[name], names[identity] = identity, name
	return true
}

// #endregion

// #region add
// Another passkey: the identity is the one of the session, whatever the page sends.
func addStart(x *exchange, identity string) (any, error) {
	if err := x.useConfirmation(); err != nil {
		return nil, err
	}
	started, err := startRegistration(identity, nameOf(identity))
	return x.begin(pending{purpose: "add"}, started, err)
}

func addFinish(x *exchange, identity string) (any, error) {
	p, err := x.begun("add", errAgain)
	if err != nil {
		return nil, err
	}
	if registered, err := finishRegistration(x.body, p.sid); err != nil {
		return nil, err
	} else if registered != identity {
		return nil, errAgain
	}
	return struct{}{}, nil
}

// #endregion

// Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
func signInStart(x *exchange) (any, error) {
	started, err := startSignIn("")
	return x.begin(pending{purpose: "sign-in", name: strings.ToLower(x.text("name"))}, started, err)
}

func signInFinish(x *exchange) (any, error) {
	p, err := x.begun("sign-in", errSignIn)
	if err != nil {
		return nil, err
	}
	identity, err := finishSignIn(x.body, p.sid)
	if isRefusal(err) {
		log.Print(x.r.URL.Path, ": ", err)
		return nil, errSignIn
	} else if err != nil {
		return nil, err
	}
	if name := nameOf(identity); name == "" || p.name != "" && p.name != name {
		return nil, errSignIn
	}
	x.signIn(identity)
	return struct{}{}, nil
}

func stepUpStart(x *exchange, identity string) (any, error) {
	started, err := startSignIn(identity)
	return x.begin(pending{purpose: "step-up"}, started, err)
}

func stepUpFinish(x *exchange, identity string) (any, error) {
	p, err := x.begun("step-up", errAgain)
	if err != nil {
		return nil, err
	}
	if used, err := finishSignIn(x.body, p.sid); err != nil {
		return nil, err
	} else if used != identity {
		return nil, refused{http.StatusUnauthorized, "This is another user's passkey.", ""}
	}
	x.confirm()
	return struct{}{}, nil
}

// The id comes from the page, so it must be one of the passkeys of this account.
func (x *exchange) ownPasskey(identity string) (id string, count int, err error) {
	passkeys, err := listPasskeys(identity)
	for _, one := range passkeys {
		if one.ID == x.text("id") {
			return one.ID, len(passkeys), nil
		}
	}
	if err == nil {
		err = refused{http.StatusNotFound, "There is no such passkey.", ""}
	}
	return "", 0, err
}

func rename(x *exchange, identity string) (any, error) {
	id, _, err := x.ownPasskey(identity)
	if err != nil {
		return nil, err
	}
	name, err := x.name()
	if err != nil {
		return nil, err
	}
	return struct{}{}, renamePasskey(identity, id, name)
}

func remove(x *exchange, identity string) (any, error) {
	id, count, err := x.ownPasskey(identity)
	if err != nil {
		return nil, err
	}
	if count < 2 {
		return nil, refused{http.StatusConflict, "This is your only passkey.", ""}
	}
	if err := x.useConfirmation(); err != nil {
		return nil, err
	}
	return struct{}{}, removePasskey(identity, id)
}

func signOut(x *exchange) (any, error) {
	x.forget()
	return struct{}{}, nil
}

// A route for a session in which somebody is signed in.
func signed(route func(*exchange, string) (any, error)) func(*exchange) (any, error) {
	return func(x *exchange) (any, error) {
		identity, err := x.signedIn()
		if err != nil {
			return nil, err
		}
		return route(x, identity)
	}
}

var routes = map[string]func(*exchange) (any, error){
	"GET /me":               me,
	"POST /register/start":  registerStart,
	"POST /register/finish": registerFinish,
	"POST /passkeys/start":  signed(addStart),
	"POST /passkeys/finish": signed(addFinish),
	"POST /passkeys/rename": signed(rename),
	"POST /passkeys/delete": signed(remove),
	"POST /sign-in/start":   signInStart,
	"POST /sign-in/finish":  signInFinish,
	"POST /step-up/start":   signed(stepUpStart),
	"POST /step-up/finish":  signed(stepUpFinish),
	"POST /sign-out":        signOut,
}

var page = http.FileServer(http.Dir(env("WEB", "../web")))

func serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
	route, known := routes[r.Method+" "+r.URL.Path]
	if !known && r.Method == "GET" {
		page.ServeHTTP(w, r)
		return
	}
	x := &exchange{w: w, r: r}
	if cookie, err := r.Cookie("session"); err == nil {
		x.key = cookie.Value
	}
	answer, err := any(nil), error(refused{http.StatusNotFound, "There is no such page.", ""})
	if known {
		if err = x.read(); err == nil {
			answer, err = route(x)
		}
	}
	status := http.StatusOK
	if err != nil {
		status, answer = x.refusal(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Print(r.URL.Path, ": ", err)
	}
}

func (x *exchange) read() (err error) {
	if x.r.Method == "GET" {
		return nil
	}
	// A page of another site can send requests with our cookie, but not with our origin.
	if x.r.Header.Get("Origin") != origin {
		return refused{http.StatusForbidden, "The request comes from another site.", ""}
	}
	if kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type")); kind != "application/json" {
		return refused{http.StatusUnsupportedMediaType, "Send JSON.", ""}
	}
	x.body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, 64<<10))
	if err != nil || !json.Valid(x.body) {
		return refused{http.StatusBadRequest, "This is not JSON, or too much of it.", ""}
	}
	return nil
}

// The page gets one sentence. The log gets what passkeyd said.
func (x *exchange) refusal(err error) (int, any) {
	var own refused
	if !errors.As(err, &own) {
		log.Print(x.r.URL.Path, ": ", err)
		own = refused{http.StatusBadGateway, "Something went wrong. Try again.", ""}
		if isRefusal(err) {
			own = refused{http.StatusBadRequest, "The request was not accepted.", ""}
		}
	}
	return own.status, map[string]string{"error": own.message, "reason": own.reason}
}

func main() {
	server := &http.Server{Addr: "localhost:" + port, Handler: http.HandlerFunc(serve), ReadTimeout: 30 * time.Second}
	log.Print("Open ", origin)
	log.Fatal(server.ListenAndServe())
}
