package main

// The calls to passkeyd: the Twilio Verify Passkeys API over plain HTTP.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// #region calls
var client = &http.Client{Timeout: 30 * time.Second}

// What passkeyd refused. The page does not get to see it.
type notAccepted struct{ text string }

func (e notAccepted) Error() string { return e.text }

// The parts of Factors and Challenges that this application uses.
type ceremony struct {
	Sid, Identity, Status string
	Options               struct{ PublicKey json.RawMessage }
}

func call(method, path, contentType string, body []byte, answer any) error {
	base := env("PASSKEYD_URL", "http://127.0.0.1:8080")
	request, err := http.NewRequest(method, base+"/v2/Services/"+os.Getenv("SERVICE_SID")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.SetBasicAuth(os.Getenv("ACCOUNT_SID"), os.Getenv("AUTH_TOKEN"))
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case response.StatusCode >= 500:
		return fmt.Errorf("%d %s", response.StatusCode, text)
	case response.StatusCode >= 400:
		return notAccepted{string(text)}
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

func post(path string, body any) (result ceremony, err error) {
	text, err := json.Marshal(body)
	if err == nil {
		err = call("POST", path, "application/json", text, &result)
	}
	return result, err
}

// Keep the Sid in the session of the browser, and send the Options to the page.
func startRegistration(identity, account string) (ceremony, error) {
	return post("/Passkeys/Factors", map[string]string{"identity": identity, "friendly_name": account})
}

// Without an identity, the passkey says who the user is.
func startSignIn(identity string) (ceremony, error) {
	if identity == "" {
		return post("/Passkeys/Challenges", struct{}{})
	}
	return post("/Passkeys/Challenges", map[string]string{"identity": identity})
}

// Both return the identity whose passkey it is. `sid` is what the session kept.
func finishRegistration(credential json.RawMessage, sid string) (string, error) {
	return finish("/Passkeys/VerifyFactor", credential, sid, "verified")
}

func finishSignIn(credential json.RawMessage, sid string) (string, error) {
	return finish("/Passkeys/ApproveChallenge", credential, sid, "approved")
}

func finish(path string, credential json.RawMessage, sid, status string) (string, error) {
	answer, err := post(path, credential)
	if err == nil && (answer.Sid != sid || answer.Status != status) {
		err = notAccepted{"a credential of another ceremony"}
	}
	return answer.Identity, err
}

// #endregion

type passkey struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Created  string  `json:"created"`
	LastUsed *string `json:"lastUsed"`
}

// The list also has registrations that did not finish. A user has up to 50 passkeys: two pages.
func listPasskeys(identity string) ([]passkey, error) {
	all := []passkey{}
	for page := 0; ; page++ {
		var answer struct {
			Factors []struct {
				Sid          string
				Status       string
				FriendlyName string `json:"friendly_name"`
				DateCreated  string `json:"date_created"`
				Metadata     struct {
					LastUsed *string `json:"date_last_approved"`
				}
			}
			Meta struct {
				Next *string `json:"next_page_url"`
			}
		}
		if err := call("GET", fmt.Sprintf("%s?PageSize=100&Page=%d", factorPath(identity, ""), page), "", nil, &answer); err != nil {
			return nil, err
		}
		for _, factor := range answer.Factors {
			if factor.Status == "verified" {
				all = append(all, passkey{factor.Sid, factor.FriendlyName, factor.DateCreated, factor.Metadata.LastUsed})
			}
		}
		if answer.Meta.Next == nil {
			return all, nil
		}
	}
}

// The caller checks that the user has this passkey.
func renamePasskey(identity, id, name string) error {
	form := url.Values{"FriendlyName": {name}}.Encode()
	return call("POST", factorPath(identity, id), "application/x-www-form-urlencoded", []byte(form), nil)
}

func removePasskey(identity, id string) error {
	return call("DELETE", factorPath(identity, id), "", nil, nil)
}

func factorPath(identity, id string) string {
	path := "/Entities/" + url.PathEscape(identity) + "/Factors"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return path
}

func isRefusal(err error) bool {
	var refused notAccepted
	return errors.As(err, &refused)
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
