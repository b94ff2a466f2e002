import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The calls to passkeyd: the Twilio Verify Passkeys API over plain HTTP. */
final class Passkeyd {
    // #region calls
    /** What passkeyd refused. The page does not get to see it. */
    static final class NotAccepted extends Exception {
        NotAccepted(String message) {
            super(message);
        }
    }

    /** Keep `sid` in the session of the browser, and send `options` to the page. */
    record Started(String sid, Object options) {}

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static final String BASE =
            System.getenv().getOrDefault("PASSKEYD_URL", "http://127.0.0.1:8080") + "/v2/Services/" + System.getenv("SERVICE_SID");
    private static final String AUTHORIZATION = "Basic " + Base64.getEncoder()
            .encodeToString((System.getenv("ACCOUNT_SID") + ":" + System.getenv("AUTH_TOKEN")).getBytes(StandardCharsets.UTF_8));

    @SuppressWarnings("unchecked")
    private static Map<String, Object> call(String method, String path, String type, String body) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(BASE + path)).timeout(Duration.ofSeconds(30))
                .header("Authorization", AUTHORIZATION).header("Content-Type", type)
                .method(method, HttpRequest.BodyPublishers.ofString(body)).build();
        HttpResponse<String> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        int status = response.statusCode();
        if (status >= 400 && status < 500) throw new NotAccepted(response.body());
        if (status >= 300) throw new IllegalStateException(status + " " + response.body());
        return status == 204 ? Map.of() : (Map<String, Object>) Json.read(response.body());
    }

    private static Map<String, Object> post(String path, Object body) throws Exception {
        return call("POST", path, "application/json", Json.write(body));
    }

    private static Started started(Map<String, Object> answer) {
        return new Started((String) answer.get("sid"), ((Map<?, ?>) answer.get("options")).get("publicKey"));
    }

    static Started startRegistration(String identity, String account) throws Exception {
        return started(post("/Passkeys/Factors", Map.of("identity", identity, "friendly_name", account)));
    }

    /** Without an identity, the passkey says who the user is. */
    static Started startSignIn(String identity) throws Exception {
        return started(post("/Passkeys/Challenges", identity == null ? Map.of() : Map.of("identity", identity)));
    }

    /** Both return the identity whose passkey it is. `sid` is what the session kept. */
    static String finishRegistration(Map<String, Object> credential, String sid) throws Exception {
        return finish("/Passkeys/VerifyFactor", credential, sid, "verified");
    }

    static String finishSignIn(Map<String, Object> credential, String sid) throws Exception {
        return finish("/Passkeys/ApproveChallenge", credential, sid, "approved");
    }

    private static String finish(String path, Map<String, Object> credential, String sid, String status) throws Exception {
        Map<String, Object> answer = post(path, credential);
        if (!sid.equals(answer.get("sid")) || !status.equals(answer.get("status"))) throw new NotAccepted("a credential of another ceremony");
        return (String) answer.get("identity");
    }
    // #endregion

    /** The list also has registrations that did not finish. */
    static List<Map<String, Object>> list(String identity) throws Exception {
        List<Map<String, Object>> all = new ArrayList<>();
        for (int page = 0; ; page++) {
            Map<String, Object> answer = call("GET", "/Entities/" + identity + "/Factors?PageSize=100&Page=" + page, "application/json", "");
            for (Object item : (List<?>) answer.get("factors")) {
                Map<?, ?> factor = (Map<?, ?>) item;
                if (!"verified".equals(factor.get("status"))) continue;
                Map<String, Object> passkey = new HashMap<>();
                passkey.put("id", factor.get("sid"));
                passkey.put("name", factor.get("friendly_name"));
                passkey.put("created", factor.get("date_created"));
                passkey.put("lastUsed", factor.get("metadata") instanceof Map<?, ?> metadata ? metadata.get("date_last_approved") : null);
                all.add(passkey);
            }
            if (((Map<?, ?>) answer.get("meta")).get("next_page_url") == null) return all;
        }
    }

    /** The caller checks that the user has this passkey. */
    static void rename(String identity, String id, String name) throws Exception {
        String form = "FriendlyName=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
        call("POST", "/Entities/" + identity + "/Factors/" + id, "application/x-www-form-urlencoded", form);
    }

    static void remove(String identity, String id) throws Exception {
        call("DELETE", "/Entities/" + identity + "/Factors/" + id, "application/json", "");
    }
}
