import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.Set;

/**
 * Reads certificates with CertificateFactory, as java-spiffe does: one line of DER in hex in, one
 * line with the answer out.
 */
public class Read {
  public static void main(String[] arguments) throws Exception {
    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = lines.readLine()) != null; ) {
      try {
        look(HexFormat.of().parseHex(line));
        System.out.println("yes");
      } catch (Throwable error) {
        System.out.println("no: " + String.valueOf(error).replaceAll("\\s+", " "));
      }
    }
  }

  private static void look(byte[] der) throws Exception {
    var all = CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(der));
    if (all.size() != 1) throw new IllegalStateException(all.size() + " certificates");
    var certificate = (X509Certificate) all.iterator().next();
    certificate.getSubjectX500Principal().getName();
    certificate.getIssuerX500Principal().getName();
    certificate.getPublicKey().getAlgorithm();
    certificate.getKeyUsage();
    certificate.getExtendedKeyUsage();
    certificate.getSubjectAlternativeNames();
    certificate.getIssuerAlternativeNames();
    if (certificate.getBasicConstraints() < 0) throw new IllegalStateException("not a CA");
    // Do what a trust store does; name constraints are parsed here.
    new PKIXParameters(Set.of(new TrustAnchor(certificate, null)));
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("a", certificate);
    for (String id : certificate.getNonCriticalExtensionOIDs()) certificate.getExtensionValue(id);
    var parsed = sun(certificate);
    if (parsed != null) throw new IllegalStateException(parsed);
  }

  /**
   * Returns the first known extension that the JDK could not parse. It reports non-critical ones
   * only on request.
   */
  private static String sun(X509Certificate certificate) {
    var text = certificate.toString();
    var at = text.indexOf("Unparseable");
    return at < 0 ? null : text.substring(at, Math.min(text.length(), at + 80));
  }
}
