import io.spiffe.bundle.jwtbundle.JwtBundle;
import io.spiffe.bundle.jwtbundle.JwtBundleSet;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.svid.x509svid.X509SvidValidator;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.Watcher;
import io.spiffe.workloadapi.WorkloadApiClient;
import io.spiffe.workloadapi.X509Context;
import java.math.BigInteger;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Uses a Workload API socket through java-spiffe and prints what it saw, one JSON object on each
 * line.
 *
 * <pre>
 * Main fetch --audience A --audience B   one of everything, each verified with java-spiffe
 * Main watch                             a line for each update of X.509-SVIDs and JWT bundles, until SIGTERM
 * </pre>
 */
public final class Main {
  private static final String AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";
  private static final String SUBJECT_KEY_IDENTIFIER = "2.5.29.14";

  public static void main(String[] args) {
    List<String> audiences = new ArrayList<>();
    for (int n = 1; n + 1 < args.length; n += 2) {
      if (args[n].equals("--audience")) audiences.add(args[n + 1]);
    }
    try (WorkloadApiClient client = DefaultWorkloadApiClient.newClient()) {
      switch (args.length > 0 ? args[0] : "") {
        case "fetch" -> fetch(client, audiences);
        case "watch" -> watch(client);
        default -> throw new IllegalArgumentException("usage: Main fetch|watch [--audience A]...");
      }
      System.exit(0);
    } catch (Exception error) {
      say("error", Map.of("code", codeOf(error), "message", error + causeOf(error)));
      System.exit(1);
    }
  }

  private static void fetch(WorkloadApiClient client, List<String> audiences) throws Exception {
    X509Context context = client.fetchX509Context();
    for (X509Svid svid : context.getX509Svids()) {
      X509SvidValidator.verifyChain(svid.getChain(), context.getX509BundleSet());
      say("x509_svid", Map.of("id", svid.getSpiffeId().toString(), "hint", svid.getHint(), "serial", serial(svid)));
    }
    X509BundleSet bundles = client.fetchX509Bundles();
    for (X509Bundle bundle : bundles.getBundles().values()) {
      say("x509_bundle", Map.of("trustDomain", bundle.getTrustDomain().getName(), "authorities", keyIds(bundle)));
    }
    JwtBundleSet jwtBundles = client.fetchJwtBundles();
    for (JwtBundle bundle : jwtBundles.getBundles().values()) {
      Set<String> kids = bundle.getJwtAuthorities().keySet();
      say("jwt_bundle", Map.of("trustDomain", bundle.getTrustDomain().getName(), "kids", kids));
    }
    int requests = 3;

    // For all audiences in one token, then for each of them by itself.
    List<List<String>> wanted = new ArrayList<>(List.of(audiences));
    for (String audience : audiences) wanted.add(List.of(audience));
    for (List<String> names : wanted) {
      String first = names.get(0);
      requests++;
      for (JwtSvid svid : client.fetchJwtSvids(first, names.subList(1, names.size()).toArray(String[]::new))) {
        JwtSvid.parseAndValidate(svid.getToken(), jwtBundles, Set.copyOf(names));
        client.validateJwtSvid(svid.getToken(), first);
        String other = "OK";
        try {
          client.validateJwtSvid(svid.getToken(), first + "-other");
        } catch (Exception error) {
          other = codeOf(error);
        }
        requests += 2;
        say("jwt_svid", Map.of("id", svid.getSpiffeId().toString(), "hint", svid.getHint(), "audience",
            svid.getAudience(), "token", svid.getToken(), "otherAudience", other));
      }
    }
    // Only by SPIFFE ID.
    for (X509Svid svid : context.getX509Svids()) {
      requests++;
      JwtSvid found = client.fetchJwtSvid(svid.getSpiffeId(), audiences.get(0));
      say("jwt_of_subject", Map.of("wanted", svid.getSpiffeId().toString(), "id", found.getSpiffeId().toString()));
    }
    say("done", Map.of("requests", requests));
  }

  private static void watch(WorkloadApiClient client) throws InterruptedException {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      say("done", Map.of());
      Runtime.getRuntime().halt(0);
    }));
    client.watchX509Context(watcher(Main::sayX509));
    client.watchJwtBundles(watcher(bundles -> {
      List<String> kids = new ArrayList<>();
      for (JwtBundle bundle : bundles.getBundles().values()) kids.addAll(bundle.getJwtAuthorities().keySet());
      say("jwt_update", Map.of("kids", kids));
    }));
    new CountDownLatch(1).await(); // until SIGTERM
  }

  private static void sayX509(X509Context context) {
    List<Object> svids = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (X509Svid svid : context.getX509Svids()) {
      String issuer = keyId(svid.getLeaf(), AUTHORITY_KEY_IDENTIFIER);
      svids.add(Map.of("id", svid.getSpiffeId().toString(), "serial", serial(svid), "issuer", issuer));
      try {
        X509SvidValidator.verifyChain(svid.getChain(), context.getX509BundleSet());
      } catch (Exception error) {
        problems.add(error.toString()); // the test reads the problem
      }
    }
    List<String> authorities = new ArrayList<>();
    for (X509Bundle bundle : context.getX509BundleSet().getBundles().values()) authorities.addAll(keyIds(bundle));
    say("x509_update", Map.of("svids", svids, "authorities", authorities, "problems", problems));
  }

  /** java-spiffe reports only errors that it does not retry. */
  private static <T> Watcher<T> watcher(Consumer<T> update) {
    return new Watcher<>() {
      @Override
      public void onUpdate(T value) {
        update.accept(value);
      }

      @Override
      public void onError(Throwable error) {
        say("error", Map.of("code", codeOf(error), "message", "a watch ended for good: " + error + causeOf(error)));
      }
    };
  }

  private static String serial(X509Svid svid) {
    BigInteger number = svid.getLeaf().getSerialNumber();
    return String.format("%032x", number);
  }

  private static List<String> keyIds(X509Bundle bundle) {
    return bundle.getX509Authorities().stream().map(of -> keyId(of, SUBJECT_KEY_IDENTIFIER)).toList();
  }

  /** Both extensions end with the identifier, whose length precedes it. */
  private static String keyId(X509Certificate certificate, String oid) {
    byte[] value = certificate.getExtensionValue(oid);
    int at = oid.equals(AUTHORITY_KEY_IDENTIFIER) ? 4 : 2; // an OCTET STRING that may contain a SEQUENCE
    return HexFormat.of().formatHex(value, at + 2, at + 2 + value[at + 1]);
  }

  /** Returns the gRPC status as Go spells it. The message of grpc-java's exception begins with the status. */
  private static String codeOf(Throwable error) {
    for (Throwable at = error; at != null; at = at.getCause()) {
      if (!at.getClass().getSimpleName().equals("StatusRuntimeException")) continue;
      return Arrays.stream(at.getMessage().split(":")[0].split("_"))
          .map(word -> word.charAt(0) + word.substring(1).toLowerCase())
          .collect(Collectors.joining());
    }
    return "Unknown";
  }

  private static String causeOf(Throwable error) {
    return error.getCause() == null ? "" : " (" + error.getCause() + causeOf(error.getCause()) + ")";
  }

  private static synchronized void say(String event, Map<String, Object> fields) {
    Map<String, Object> line = new TreeMap<>(fields);
    line.put("event", event);
    System.out.println(json(line));
  }

  private static String json(Object value) {
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream().map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    }
    if (value instanceof Collection<?> list) {
      return list.stream().map(Main::json).collect(Collectors.joining(",", "[", "]"));
    }
    if (value instanceof Number) return value.toString();
    StringBuilder text = new StringBuilder("\"");
    for (char c : value.toString().toCharArray()) {
      if (c == '"' || c == '\\') text.append('\\').append(c);
      else text.append(c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
    }
    return text.append('"').toString();
  }
}
