//! A certificate authority for the moment, and the server certificate it signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// An acceptor for 127.0.0.1, and a file with the authorities that a client is to trust: those of
/// `public` and the one that signed. A client on Lambda reads as many.
pub(crate) fn acceptor(public: &Path, directory: &Path) -> Result<(TlsAcceptor, PathBuf)> {
    // Two names, or OpenSSL would take the server's certificate for one that signed itself.
    let name = |name: &str| {
        let mut all = DistinguishedName::new();
        all.push(DnType::CommonName, name);
        all
    };
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name = name("Bench authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    server.distinguished_name = name("127.0.0.1");
    let certificate = server.signed_by(&key, &issuer)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;

    let mut bundle = fs::read_to_string(public)
        .with_context(|| format!("cannot read `{}`", public.display()))?;
    bundle.push_str(&authority_certificate.pem());
    let path = directory.join("authorities.pem");
    fs::write(&path, bundle)?;
    Ok((TlsAcceptor::from(Arc::new(config)), path))
}
