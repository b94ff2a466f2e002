<?php
// The calls to passkeyd: the Twilio Verify Passkeys API over plain HTTP.

declare(strict_types=1);

// #region calls
// What passkeyd refused. The page does not get to see it.
class NotAccepted extends Exception
{
}

function call(string $method, string $path, string $body = '', string $type = 'application/json'): ?stdClass
{
    $base = (getenv('PASSKEYD_URL') ?: 'http://127.0.0.1:8080') . '/v2/Services/' . getenv('SERVICE_SID');
    $authorization = 'Basic ' . base64_encode(getenv('ACCOUNT_SID') . ':' . getenv('AUTH_TOKEN'));
    $context = stream_context_create(['http' => [
        'method' => $method, 'content' => $body, 'timeout' => 30, 'ignore_errors' => true, 'follow_location' => 0,
        'header' => ["Authorization: $authorization", "Content-Type: $type"],
    ]]);
    $text = @file_get_contents($base . $path, false, $context);
    if ($text === false) {
        throw new RuntimeException('passkeyd does not answer');
    }
    $status = (int) explode(' ', $http_response_header[0])[1];
    if ($status >= 400) {
        throw $status < 500 ? new NotAccepted($text) : new RuntimeException("$status $text");
    }
    return json_decode($text);
}

// Keep `sid` in the session of the browser, and send `options->publicKey` to the page.
function start_registration(string $identity, string $account): stdClass
{
    return call('POST', '/Passkeys/Factors', json_encode(['identity' => $identity, 'friendly_name' => $account]));
}

// Without an identity, the passkey says who the user is.
function start_sign_in(?string $identity = null): stdClass
{
    return call('POST', '/Passkeys/Challenges', $identity === null ? '{}' : json_encode(['identity' => $identity]));
}

// Both return the identity whose passkey it is. `$credential` is the text that the page sent, `$sid` is what the session kept.
function finish_registration(string $credential, string $sid): string
{
    return finish('/Passkeys/VerifyFactor', $credential, $sid, 'verified');
}

function finish_sign_in(string $credential, string $sid): string
{
    return finish('/Passkeys/ApproveChallenge', $credential, $sid, 'approved');
}

function finish(string $path, string $credential, string $sid, string $status): string
{
    $answer = call('POST', $path, $credential);
    if ($answer->sid !== $sid || $answer->status !== $status) {
        throw new NotAccepted('a credential of another ceremony');
    }
    return $answer->identity;
}
// #endregion

// The list also has registrations that did not finish.
function list_passkeys(string $identity): array
{
    $all = [];
    for ($page = 0; ; $page++) {
        $answer = call('GET', "/Entities/$identity/Factors?PageSize=100&Page=$page");
        foreach ($answer->factors as $factor) {
            if ($factor->status === 'verified') {
                $all[] = [
                    'id' => $factor->sid, 'name' => $factor->friendly_name, 'created' => $factor->date_created,
                    'lastUsed' => $factor->metadata->date_last_approved ?? null,
                ];
            }
        }
        if ($answer->meta->next_page_url === null) {
            return $all;
        }
    }
}

// The caller checks that the user has this passkey.
function rename_passkey(string $identity, string $id, string $name): void
{
    call('POST', "/Entities/$identity/Factors/$id", http_build_query(['FriendlyName' => $name]), 'application/x-www-form-urlencoded');
}

function remove_passkey(string $identity, string $id): void
{
    call('DELETE', "/Entities/$identity/Factors/$id");
}
