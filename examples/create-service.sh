#!/bin/sh
# Creates a Service of passkeyd for an example, once, and prints its SID. Each run creates another one.
#
#   ACCOUNT_SID=AC... AUTH_TOKEN=... ./create-service.sh
#   ACCOUNT_SID=AC... AUTH_TOKEN=... ./create-service.sh VA...    prints an access key of this Service, for the Nevis calls
set -eu
url=${PASSKEYD_URL:-http://127.0.0.1:8080}
origin=${ORIGIN:-http://localhost:3000}

# Prints the member of the response, or the response if it has none. The secret is not among the arguments, which other users can see.
member() {
    answer=$(printf 'user = "%s:%s"\n' "$ACCOUNT_SID" "$AUTH_TOKEN" | curl -sS -K - "$@")
    value=$(printf '%s' "$answer" | sed -n 's/.*"'"$name"'": *"\([^"]*\)".*/\1/p')
    if [ -z "$value" ]; then
        echo "$answer" >&2
        exit 1
    fi
    echo "$value"
}

if [ $# -gt 0 ]; then
    name=key
    member "$url/manage/v1/services/$1/access-keys" -H 'Content-Type: application/json' -d '{"name":"example"}'
    exit
fi
host=${origin#*://}
name=sid
member "$url/v2/Services" -d FriendlyName=Example -d "Passkeys.RelyingParty.Id=${host%%:*}" -d Passkeys.RelyingParty.Name=Example \
    --data-urlencode "Passkeys.RelyingParty.Origins=$origin" -d Passkeys.AuthenticatorAttachment=any \
    -d Passkeys.DiscoverableCredentials=required -d Passkeys.UserVerification=required
