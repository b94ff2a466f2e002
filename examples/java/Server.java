import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/** Passkeys in Java, with the JDK only. The browser talks to this server, and this server talks to passkeyd. */
final class Server {
    static final String PORT = System.getenv().getOrDefault("PORT", "3000");
    static final String ORIGIN = System.getenv().getOrDefault("ORIGIN", "http://localhost:" + PORT);
    static final Path WEB = Path.of(System.getenv().getOrDefault("WEB", "../web"));

    // Accounts and sessions are in memory. Keep yours in a database where names are unique.
    // The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
    static final Map<String, String> IDENTITIES = new ConcurrentHashMap<>(); // name -> identity
    static final Map<String, String> NAMES = new ConcurrentHashMap<>(); // identity -> name
    static final Map<String, Session> SESSIONS = new ConcurrentHashMap<>();

    /** The ceremony that the session began: for what, for which identity, and under which name. */
    record Pending(String purpose, String sid, String identity, String name) {}

    static final class Session {
        final Instant expires = Instant.now().plus(Duration.ofHours(8));
        String identity;
        Pending pending;
        Instant confirmedUntil = Instant.MIN;
    }

    static final class Refused extends Exception {
        final int status;
        final String reason;

        Refused(int status, String message, String reason) {
            super(message);
            this.status = status;
            this.reason = reason;
        }

        Refused(int status, String message) {
            this(status, message, null);
        }
    }

    interface Route {
        Object answer(Exchange exchange) throws Exception;
    }

    static final Map<String, Route> ROUTES = Map.ofEntries(
            Map.entry("GET /me", Exchange::me),
            Map.entry("POST /register/start", Exchange::registerStart), Map.entry("POST /register/finish", Exchange::registerFinish),
            Map.entry("POST /passkeys/start", Exchange::addStart), Map.entry("POST /passkeys/finish", Exchange::addFinish),
            Map.entry("POST /passkeys/rename", Exchange::rename), Map.entry("POST /passkeys/delete", Exchange::remove),
            Map.entry("POST /sign-in/start", Exchange::signInStart), Map.entry("POST /sign-in/finish", Exchange::signInFinish),
            Map.entry("POST /step-up/start", Exchange::stepUpStart), Map.entry("POST /step-up/finish", Exchange::stepUpFinish),
            Map.entry("POST /sign-out", Exchange::signOut));
    static final Map<String, String> FILES = Map.of(
            "/index.html", "text/html", "/page.js", "text/javascript", "/passkeys.js", "text/javascript", "/style.css", "text/css");

    /** One request with its session. */
    static final class Exchange {
        private final HttpExchange http;
        private String key;
        private Map<String, Object> body;

        Exchange(HttpExchange http) {
            this.http = http;
            for (String cookies : http.getRequestHeaders().getOrDefault("Cookie", List.of())) {
                for (String cookie : cookies.split("; *")) if (cookie.startsWith("session=")) key = cookie.substring("session=".length());
            }
        }

        /** The session of the browser, or null. */
        private Session session() {
            Session found = key == null ? null : SESSIONS.get(key);
            return found != null && found.expires.isAfter(Instant.now()) ? found : null;
        }

        private Session newSession() {
            if (key != null) SESSIONS.remove(key);
            SESSIONS.values().removeIf(old -> old.expires.isBefore(Instant.now()));
            byte[] random = new byte[32];
            new SecureRandom().nextBytes(random);
            key = Base64.getUrlEncoder().withoutPadding().encodeToString(random);
            SESSIONS.put(key, new Session());
            String secure = ORIGIN.startsWith("https:") ? "; Secure" : "";
            http.getResponseHeaders().set("Set-Cookie", "session=" + key + "; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax" + secure);
            return SESSIONS.get(key);
        }

        private String signedIn() throws Refused {
            if (session() == null || session().identity == null) throw new Refused(401, "Sign in first.");
            return session().identity;
        }

        /** A new session id: who knew the old one is not signed in. */
        private Object signIn(String identity) {
            Session session = newSession();
            session.identity = identity;
            return confirm(session);
        }

        /** A sign-in or a step-up allows one change of the passkeys within five minutes. */
        private static Object confirm(Session session) {
            session.confirmedUntil = Instant.now().plus(Duration.ofMinutes(5));
            return Map.of();
        }

        private void useConfirmation() throws Refused {
            Session session = session();
            synchronized (session) {
                Instant until = session.confirmedUntil;
                session.confirmedUntil = Instant.MIN;
                if (until.isBefore(Instant.now())) throw new Refused(403, "Confirm that it is you.", "step_up_required");
            }
        }

        /** The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page. */
        private Object begin(String purpose, Passkeyd.Started started, String identity, String name) {
            Session session = session() == null ? newSession() : session();
            session.pending = new Pending(purpose, started.sid(), identity, name);
            return started.options();
        }

        private Pending begun(String purpose, Refused refusal) throws Refused {
            Session session = session();
            if (session == null) throw refusal;
            synchronized (session) {
                Pending pending = session.pending;
                session.pending = null;
                if (pending == null || !pending.purpose().equals(purpose)) throw refusal;
                return pending;
            }
        }

        private Pending begun(String purpose) throws Refused {
            return begun(purpose, new Refused(400, "Start again."));
        }

        private String text(String member) {
            return body.get(member) instanceof String text ? text.strip() : "";
        }

        private String name() throws Refused {
            String name = text("name");
            if (name.isEmpty() || name.codePointCount(0, name.length()) > 64) throw new Refused(400, "A name has 1 to 64 characters.");
            return name;
        }

        Object me() throws Exception {
            if (session() == null || session().identity == null) return new HashMap<>() {{ put("name", null); }};
            return Map.of("name", NAMES.get(session().identity), "passkeys", Passkeyd.list(session().identity));
        }

        // #region register
        /** A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only. */
        Object registerStart() throws Exception {
            String name = name().toLowerCase();
            if (IDENTITIES.containsKey(name)) throw new Refused(409, "This name is taken. Sign in to add a passkey to it.");
            String identity = "user-" + UUID.randomUUID();
            return begin("register", Passkeyd.startRegistration(identity, name), identity, name);
        }

        Object registerFinish() throws Exception {
            Pending pending = begun("register");
            if (!Passkeyd.finishRegistration(body, pending.sid()).equals(pending.identity())) throw new Refused(400, "Start again.");
            if (IDENTITIES.putIfAbsent(pending.name(), pending.identity()) != null) throw new Refused(409, "This name is taken.");
            NAMES.put(pending.identity(), pending.name());
            return signIn(pending.identity());
        }
        // #endregion

        // #region add
        /** Another passkey: the identity is the one of the session, whatever the page sends. */
        Object addStart() throws Exception {
            String identity = signedIn();
            useConfirmation();
            return begin("add", Passkeyd.startRegistration(identity, NAMES.get(identity)), identity, null);
        }

        Object addFinish() throws Exception {
            String identity = signedIn();
            if (!Passkeyd.finishRegistration(body, begun("add").sid()).equals(identity)) throw new Refused(400, "Start again.");
            return Map.of();
        }
        // #endregion

        /** Every sign-in starts in the same way, with a name or without: its response cannot say which names exist. */
        Object signInStart() throws Exception {
            return begin("sign-in", Passkeyd.startSignIn(null), null, body.containsKey("name") ? name().toLowerCase() : null);
        }

        Object signInFinish() throws Exception {
            // The same for a wrong passkey and for an account that does not exist.
            Refused failed = new Refused(401, "The sign-in failed.");
            Pending pending = begun("sign-in", failed);
            String identity;
            try {
                identity = Passkeyd.finishSignIn(body, pending.sid());
            } catch (Passkeyd.NotAccepted refusal) {
                System.err.println("/sign-in/finish: " + refusal.getMessage());
                throw failed;
            }
            String name = NAMES.get(identity);
            if (name == null || pending.name() != null && !pending.name().equals(name)) throw failed;
            return signIn(identity);
        }

        Object stepUpStart() throws Exception {
            String identity = signedIn();
            return begin("step-up", Passkeyd.startSignIn(identity), identity, null);
        }

        Object stepUpFinish() throws Exception {
            String identity = signedIn();
            String used = Passkeyd.finishSignIn(body, begun("step-up").sid());
            if (!used.equals(identity)) throw new Refused(401, "This is another user's passkey.");
            return confirm(session());
        }

        /** The id comes from the page, so it must be one of the passkeys of this account. Returns how many there are. */
        private int ownPasskeys() throws Exception {
            List<Map<String, Object>> all = Passkeyd.list(signedIn());
            if (all.stream().noneMatch(passkey -> passkey.get("id").equals(body.get("id")))) throw new Refused(404, "There is no such passkey.");
            return all.size();
        }

        Object rename() throws Exception {
            ownPasskeys();
            Passkeyd.rename(signedIn(), text("id"), name());
            return Map.of();
        }

        Object remove() throws Exception {
            if (ownPasskeys() < 2) throw new Refused(409, "This is your only passkey.");
            useConfirmation();
            Passkeyd.remove(signedIn(), text("id"));
            return Map.of();
        }

        Object signOut() {
            if (key != null) SESSIONS.remove(key);
            return Map.of();
        }

        @SuppressWarnings("unchecked")
        private void readBody() throws Exception {
            // A page of another site can send requests with our cookie, but not with our origin.
            if (!ORIGIN.equals(http.getRequestHeaders().getFirst("Origin"))) throw new Refused(403, "The request comes from another site.");
            String type = http.getRequestHeaders().getFirst("Content-Type");
            if (type == null || !type.split(";")[0].strip().equals("application/json")) throw new Refused(415, "Send JSON.");
            byte[] bytes = http.getRequestBody().readNBytes(65537);
            if (bytes.length > 65536) throw new Refused(413, "The request is too long.");
            try {
                body = (Map<String, Object>) Json.read(new String(bytes, StandardCharsets.UTF_8));
            } catch (IllegalArgumentException | ClassCastException other) {
                body = null;
            }
            if (body == null) throw new Refused(400, "Send a JSON object.");
        }

        void respond() throws IOException {
            String method = http.getRequestMethod();
            String path = http.getRequestURI().getPath();
            String file = path.equals("/") ? "/index.html" : path;
            http.getResponseHeaders().set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
            if (method.equals("GET") && FILES.containsKey(file)) {
                send(200, FILES.get(file) + "; charset=utf-8", Files.readAllBytes(WEB.resolve(file.substring(1))));
                return;
            }
            int status = 200;
            Object answer;
            try {
                Route route = ROUTES.get(method + " " + path);
                if (route == null) throw new Refused(404, "There is no such page.");
                if (!method.equals("GET")) readBody();
                answer = route.answer(this);
            } catch (Exception error) {
                // The page gets one sentence. The log gets what passkeyd said.
                if (!(error instanceof Refused)) System.err.println(path + ": " + error);
                Refused refusal = error instanceof Refused own ? own
                        : error instanceof Passkeyd.NotAccepted ? new Refused(400, "The request was not accepted.")
                        : new Refused(502, "Something went wrong. Try again.");
                status = refusal.status;
                answer = Map.of("error", refusal.getMessage(), "reason", refusal.reason == null ? "" : refusal.reason);
            }
            send(status, "application/json", Json.write(answer).getBytes(StandardCharsets.UTF_8));
        }

        private void send(int status, String type, byte[] bytes) throws IOException {
            http.getResponseHeaders().set("Content-Type", type);
            http.sendResponseHeaders(status, bytes.length);
            http.getResponseBody().write(bytes);
            http.close();
        }
    }

    public static void main(String[] args) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", Integer.parseInt(PORT)), 0);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.createContext("/", http -> new Exchange(http).respond());
        server.start();
        System.out.println("Open " + ORIGIN);
    }
}
