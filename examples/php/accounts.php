<?php
// The accounts, in a file. Keep yours in a database where names are unique.
// The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.

declare(strict_types=1);

// Calls `$change` with the array of name => identity, which it may change. One request at a time.
function accounts(callable $change): mixed
{
    $file = fopen(getenv('ACCOUNTS') ?: __DIR__ . '/accounts.json', 'c+');
    flock($file, LOCK_EX);
    $accounts = json_decode(stream_get_contents($file) ?: '{}', true);
    $result = $change($accounts);
    rewind($file);
    fwrite($file, json_encode($accounts));
    fclose($file);
    return $result;
}

function is_taken(string $name): bool
{
    return accounts(fn (array &$accounts) => isset($accounts[$name]));
}

// Whether the name was free.
function create_account(string $name, string $identity): bool
{
    return accounts(function (array &$accounts) use ($name, $identity) {
        $accounts[$name] ??= $identity;
        return $accounts[$name] === $identity;
    });
}

function account_of(string $identity): ?string
{
    $name = accounts(fn (array &$accounts) => array_search($identity, $accounts, true));
    return $name === false ? null : (string) $name;
}
