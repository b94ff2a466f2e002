<?php
// Passkeys in PHP, without a library. The browser talks to this server, and this server talks to passkeyd.

declare(strict_types=1);

require __DIR__ . '/passkeyd.php';
require __DIR__ . '/accounts.php';

$origin = getenv('ORIGIN') ?: 'http://localhost:3000';

class Refused extends Exception
{
    public function __construct(public int $status, string $message, public ?string $reason = null)
    {
        parent::__construct($message);
    }
}

// The same for a wrong passkey and for an account that does not exist.
$signInFailed = new Refused(401, 'The sign-in failed.');
$startAgain = new Refused(400, 'Start again.');

function signed_in(): string
{
    return $_SESSION['identity'] ?? throw new Refused(401, 'Sign in first.');
}

// A new session id: who knew the old one is not signed in.
function sign_in(string $identity): void
{
    session_regenerate_id(true);
    $_SESSION = ['identity' => $identity];
    confirm();
}

// A sign-in or a step-up allows one change of the passkeys within five minutes.
function confirm(): void
{
    $_SESSION['confirmed_until'] = time() + 300;
}

function use_confirmation(): void
{
    $until = $_SESSION['confirmed_until'] ?? 0;
    unset($_SESSION['confirmed_until']);
    if ($until < time()) {
        throw new Refused(403, 'Confirm that it is you.', 'step_up_required');
    }
}

// The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
function begin(string $purpose, stdClass $started, array $more = []): stdClass
{
    $_SESSION['pending'] = ['purpose' => $purpose, 'sid' => $started->sid, ...$more];
    return $started->options->publicKey;
}

function begun(string $purpose, Refused $refusal): array
{
    $pending = $_SESSION['pending'] ?? null;
    unset($_SESSION['pending']);
    return ($pending['purpose'] ?? null) === $purpose ? $pending : throw $refusal;
}

function name_of(stdClass $body): string
{
    $name = is_string($body->name ?? null) ? trim($body->name) : '';
    if (mb_strlen($name) < 1 || mb_strlen($name) > 64) {
        throw new Refused(400, 'A name has 1 to 64 characters.');
    }
    return $name;
}

// The id comes from the page, so it must be one of the passkeys of this account.
function own_passkeys(stdClass $body): array
{
    $all = list_passkeys(signed_in());
    if (!in_array($body->id ?? null, array_column($all, 'id'), true)) {
        throw new Refused(404, 'There is no such passkey.');
    }
    return $all;
}

// `$text` is the body, `$body` its members.
function answer(string $route, string $text, stdClass $body): array|stdClass
{
    global $signInFailed, $startAgain;
    $done = new stdClass();
    switch ($route) {
        case 'GET /me':
            $identity = $_SESSION['identity'] ?? null;
            return $identity === null ? ['name' => null] : ['name' => account_of($identity), 'passkeys' => list_passkeys($identity)];

        // #region register
        // A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
        case 'POST /register/start':
            $name = mb_strtolower(name_of($body));
            if (is_taken($name)) {
                throw new Refused(409, 'This name is taken. Sign in to add a passkey to it.');
            }
            $identity = 'user-' . bin2hex(random_bytes(16));
            return begin('register', start_registration($identity, $name), ['identity' => $identity, 'name' => $name]);

        case 'POST /register/finish':
            $pending = begun('register', $startAgain);
            if (finish_registration($text, $pending['sid']) !== $pending['identity']) {
                throw $startAgain;
            }
            if (!create_account($pending['name'], $pending['identity'])) {
                throw new Refused(409, 'This name is taken.');
            }
            sign_in($pending['identity']);
            return $done;
        // #endregion

        // #region add
        // Another passkey: the identity is the one of the session, whatever the page sends.
        case 'POST /passkeys/start':
            $identity = signed_in();
            use_confirmation();
            return begin('add', start_registration($identity, account_of($identity)));

        case 'POST /passkeys/finish':
            $identity = signed_in();
            if (finish_registration($text, begun('add', $startAgain)['sid']) !== $identity) {
                throw $startAgain;
            }
            return $done;
        // #endregion

        // Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
        case 'POST /sign-in/start':
            return begin('sign-in', start_sign_in(), ['name' => isset($body->name) ? mb_strtolower(name_of($body)) : null]);

        case 'POST /sign-in/finish':
            $pending = begun('sign-in', $signInFailed);
            try {
                $identity = finish_sign_in($text, $pending['sid']);
            } catch (NotAccepted $error) {
                error_log("$route: {$error->getMessage()}");
                throw $signInFailed;
            }
            $name = account_of($identity);
            if ($name === null || ($pending['name'] ?? $name) !== $name) {
                throw $signInFailed;
            }
            sign_in($identity);
            return $done;

        case 'POST /step-up/start':
            return begin('step-up', start_sign_in(signed_in()));

        case 'POST /step-up/finish':
            $identity = signed_in();
            if (finish_sign_in($text, begun('step-up', $startAgain)['sid']) !== $identity) {
                throw new Refused(401, "This is another user's passkey.");
            }
            confirm();
            return $done;

        case 'POST /passkeys/rename':
            own_passkeys($body);
            rename_passkey(signed_in(), $body->id, name_of($body));
            return $done;

        case 'POST /passkeys/delete':
            if (count(own_passkeys($body)) < 2) {
                throw new Refused(409, 'This is your only passkey.');
            }
            use_confirmation();
            remove_passkey(signed_in(), $body->id);
            return $done;

        case 'POST /sign-out':
            $_SESSION = [];
            session_destroy();
            return $done;
    }
    throw new Refused(404, 'There is no such page.');
}

function read_body(): string
{
    global $origin;
    // A page of another site can send requests with our cookie, but not with our origin.
    if (($_SERVER['HTTP_ORIGIN'] ?? '') !== $origin) {
        throw new Refused(403, 'The request comes from another site.');
    }
    if (!preg_match('#^application/json\s*(;|$)#i', $_SERVER['CONTENT_TYPE'] ?? '')) {
        throw new Refused(415, 'Send JSON.');
    }
    $text = file_get_contents('php://input', length: 65537);
    if (strlen($text) > 65536) {
        throw new Refused(413, 'The request is too long.');
    }
    return $text;
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/';
$method = $_SERVER['REQUEST_METHOD'];
header("Content-Security-Policy: default-src 'self'; frame-ancestors 'none'");

$files = ['/' => 'index.html', '/page.js' => 'page.js', '/passkeys.js' => 'passkeys.js', '/style.css' => 'style.css'];
$types = ['html' => 'text/html; charset=utf-8', 'js' => 'text/javascript; charset=utf-8', 'css' => 'text/css; charset=utf-8'];
if ($method === 'GET' && isset($files[$path])) {
    header('Content-Type: ' . $types[pathinfo($files[$path], PATHINFO_EXTENSION)]);
    readfile(__DIR__ . '/../web/' . $files[$path]);
    return;
}

header('Content-Type: application/json');
try {
    $text = $method === 'GET' ? '{}' : read_body();
    $body = json_decode($text);
    if (!$body instanceof stdClass) {
        throw new Refused(400, 'Send a JSON object.');
    }
    session_name('session');
    session_set_cookie_params(['httponly' => true, 'samesite' => 'Lax', 'secure' => str_starts_with($origin, 'https:')]);
    // In strict mode PHP accepts no session id that it did not make.
    session_start(['use_strict_mode' => true]);
    echo json_encode(answer("$method $path", $text, $body));
} catch (Throwable $error) {
    // The page gets one sentence. The log gets what passkeyd said.
    if (!$error instanceof Refused) {
        error_log("$path: {$error->getMessage()}");
        $error = $error instanceof NotAccepted ? new Refused(400, 'The request was not accepted.') : new Refused(502, 'Something went wrong. Try again.');
    }
    http_response_code($error->status);
    echo json_encode(['error' => $error->getMessage(), 'reason' => $error->reason]);
}
