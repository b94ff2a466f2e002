import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes JSON, which Java has no class for: as Map, List, String, Double, Boolean and null. Your application has a library for this. */
final class Json {
    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    /** Throws IllegalArgumentException if the text is not one JSON value. */
    static Object read(String text) {
        Json json = new Json(text);
        try {
            Object value = json.value();
            json.space();
            if (json.at < text.length()) throw new IllegalArgumentException("more than one value");
            return value;
        } catch (StringIndexOutOfBoundsException end) {
            throw new IllegalArgumentException("the text ends too early");
        }
    }

    private Object value() {
        space();
        if (++depth > 32) throw new IllegalArgumentException("too deep");
        try {
            return switch (text.charAt(at)) {
                case '{' -> members();
                case '[' -> items();
                case '"' -> string();
                default -> word();
            };
        } finally {
            depth--;
        }
    }

    private Map<String, Object> members() {
        Map<String, Object> members = new LinkedHashMap<>();
        at++;
        for (space(); text.charAt(at) != '}'; space()) {
            if (!members.isEmpty()) expect(',');
            space();
            String name = string();
            space();
            expect(':');
            if (members.containsKey(name)) throw new IllegalArgumentException("a member occurs twice");
            members.put(name, value());
        }
        at++;
        return members;
    }

    private List<Object> items() {
        List<Object> items = new ArrayList<>();
        at++;
        for (space(); text.charAt(at) != ']'; space()) {
            if (!items.isEmpty()) expect(',');
            items.add(value());
        }
        at++;
        return items;
    }

    private String string() {
        expect('"');
        StringBuilder result = new StringBuilder();
        for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
            if (c < ' ') throw new IllegalArgumentException("a control character");
            if (c != '\\') {
                result.append(c);
                continue;
            }
            char escaped = text.charAt(at++);
            int simple = "\"\\/bfnrt".indexOf(escaped);
            if (simple >= 0) result.append("\"\\/\b\f\n\r\t".charAt(simple));
            else if (escaped == 'u') result.append((char) Integer.parseInt(text.substring(at, at += 4), 16));
            else throw new IllegalArgumentException("an unknown escape");
        }
        return result.toString();
    }

    private Object word() {
        int start = at;
        while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at++;
        String word = text.substring(start, at);
        return switch (word) {
            case "null" -> null;
            case "true" -> true;
            case "false" -> false;
            default -> Double.valueOf(word);
        };
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
    }

    private void expect(char wanted) {
        if (text.charAt(at++) != wanted) throw new IllegalArgumentException("no " + wanted);
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        write(value, out);
        return out.toString();
    }

    private static void write(Object value, StringBuilder out) {
        if (value instanceof Map<?, ?> members) {
            String separator = "{";
            for (Map.Entry<?, ?> member : members.entrySet()) {
                out.append(separator);
                write(member.getKey(), out);
                out.append(':');
                write(member.getValue(), out);
                separator = ",";
            }
            out.append(members.isEmpty() ? "{}" : "}");
        } else if (value instanceof List<?> items) {
            String separator = "[";
            for (Object item : items) {
                out.append(separator);
                write(item, out);
                separator = ",";
            }
            out.append(items.isEmpty() ? "[]" : "]");
        } else if (value instanceof String string) {
            out.append('"');
            for (char c : string.toCharArray()) {
                if (c == '"' || c == '\\') out.append('\\').append(c);
                else if (c < ' ' || c == '\u2028' || c == '\u2029') out.append(String.format("\\u%04x", (int) c));
                else out.append(c);
            }
            out.append('"');
        } else if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e15) {
            out.append(number.longValue());
        } else {
            out.append(value);
        }
    }
}
