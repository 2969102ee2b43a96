//! TLS by rustls and ring: versions 1.2 and 1.3, certificates of clients.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, IpAddr, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use webpki::EndEntityCert;

use crate::slow::Patient;
use crate::web::{ClientAuth, Pem, TlsSection};

/// An encrypted connection.
pub type Encrypted = tokio_rustls::server::TlsStream<Patient>;

/// How connections are encrypted.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// First byte of a record that begins a handshake.
const HANDSHAKE: u8 = 22;

impl Tls {
    /// From a section of the configuration; `pem` reads what it names.
    pub fn new(
        section: &TlsSection,
        pem: &mut impl FnMut(&Pem) -> Result<Vec<u8>, String>,
    ) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = match (section.only_12, section.only_13) {
            (true, _) => &[&TLS12][..],
            (_, true) => &[&TLS13],
            (false, false) => &[&TLS12, &TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let builder = match &section.client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                for one in certificates(&pem(ca)?, ca)? {
                    roots.add(one).map_err(|error| format!("{}: {error}", name(ca)))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = match section.client_auth {
                    ClientAuth::Required => verifier,
                    ClientAuth::None | ClientAuth::IfGiven => verifier.allow_unauthenticated(),
                };
                let verifier = verifier.build().map_err(|error| format!("{}: {error}", name(ca)))?;
                if section.allowed_sans.is_empty() {
                    builder.with_client_cert_verifier(verifier)
                } else {
                    let names = section.allowed_sans.clone();
                    builder.with_client_cert_verifier(Arc::new(Named { verifier, names }))
                }
            }
        };
        let chain = certificates(&pem(&section.cert)?, &section.cert)?;
        let key = PrivateKeyDer::from_pem_slice(&pem(&section.key)?).map_err(|_| {
            format!("{}: there is no private key (PEM, without a password) in it", name(&section.key))
        })?;
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            format!("{} and {} do not fit: {error}", name(&section.cert), name(&section.key))
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    /// Shakes hands within a time. None: it failed, or the other side does not speak TLS.
    pub async fn accept(&self, stream: TcpStream, limit: Duration, patience: Duration) -> Option<Encrypted> {
        let work = async {
            let mut first = [0];
            if stream.peek(&mut first).await.ok()? > 0 && first != [HANDSHAKE] {
                explain(stream).await;
                return None;
            }
            TlsAcceptor::from(Arc::clone(&self.0)).accept(Patient::new(stream, patience)).await.ok()
        };
        tokio::time::timeout(limit, work).await.ok().flatten()
    }
}

/// Answers a browser or a scraper that was pointed here with `http://`.
async fn explain(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
                            this port speaks TLS: ask with https://\n";
    // What is left unread would reset the connection before the answer arrives.
    let mut request = [0; 4096];
    if stream.read(&mut request).await.is_ok() && stream.write_all(ANSWER).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

fn certificates(bytes: &[u8], from: &Pem) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(format!("{}: there is no certificate (PEM) in it", name(from))),
    }
}

/// A file by its name; what is written in the configuration itself is not shown.
fn name(pem: &Pem) -> &str {
    match pem {
        Pem::File(path) => path,
        Pem::Inline(_) => "the text in the configuration",
    }
}

/// Verifies a client's certificate, and that it has one of some names.
#[derive(Debug)]
struct Named {
    verifier: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl Named {
    /// Names are compared as they are written: a `*` is a star.
    fn admits(&self, cert: &CertificateDer<'_>) -> bool {
        let Ok(cert) = EndEntityCert::try_from(cert) else { return false };
        self.names.iter().any(|name| {
            let is_address = || {
                let address: IpAddr = name.as_str().try_into().ok()?;
                cert.verify_is_valid_for_subject_name(&ServerName::IpAddress(address)).ok()
            };
            cert.valid_dns_names().any(|one| one == name)
                || cert.valid_uri_names().any(|one| one == name)
                || is_address().is_some()
        })
    }
}

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        cert: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.verifier.verify_client_cert(cert, chain, now)?;
        if self.admits(cert) {
            Ok(verified)
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
