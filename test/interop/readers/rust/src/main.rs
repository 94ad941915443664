//! Reads certificates with x509-parser and webpki, as rust-spiffe and rustls do: one line of DER in hex
//! in, one line with the answer out.

use std::io::{stdin, BufRead};

use rustls_pki_types::CertificateDer;
use spiffe::{TrustDomain, X509Bundle};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

fn main() {
    for line in stdin().lock().lines() {
        match look(&hex::decode(line.unwrap()).unwrap()) {
            Ok(()) => println!("yes"),
            Err(error) => println!("no: {}", error.replace('\n', " ")),
        }
    }
}

fn look(der: &[u8]) -> Result<(), String> {
    let domain = TrustDomain::new("example.org").map_err(|e| e.to_string())?;
    let bundle = X509Bundle::parse_from_der(domain, der).map_err(|e| format!("spiffe: {e:?}"))?;
    if bundle.authorities().len() != 1 {
        return Err(format!("{} certificates", bundle.authorities().len()));
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|e| format!("x509-parser: {e}"))?;
    if !rest.is_empty() {
        return Err("something behind it".into());
    }
    for extension in certificate.extensions() {
        if let ParsedExtension::ParseError { error } = extension.parsed_extension() {
            return Err(format!("x509-parser: {}: {error}", extension.oid));
        }
    }
    certificate.public_key().parsed().map_err(|e| format!("x509-parser: key: {e}"))?;
    webpki::anchor_from_trusted_cert(&CertificateDer::from(der)).map_err(|e| format!("webpki: {e}"))?;
    Ok(())
}
