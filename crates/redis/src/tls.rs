//! Ways that are encrypted, and whom they trust.

#[cfg(feature = "tls")]
use redis::{Client, TlsCertificates};
use redis::{
    ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, parse_redis_url,
};
#[cfg(feature = "tls")]
use rustls::{
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, pem::PemObject},
};

/// Tells whether an address asks for an encrypted way.
pub(crate) fn is_asked_for(url: &str) -> bool {
    let scheme = url.trim_start().split_once(':').map_or("", |(scheme, _)| scheme);
    ["rediss", "valkeys"].iter().any(|encrypted| scheme.eq_ignore_ascii_case(encrypted))
}

/// Reads an address. Refused is one that asks for what was not compiled, or would trust anybody.
pub(crate) fn read(url: &str) -> RedisResult<ConnectionInfo> {
    is_compiled(url, cfg!(feature = "tls"))?;
    if parse_redis_url(url).is_none() {
        return Err(invalid("no address of a Redis server: it must be like redis://HOST:PORT/"));
    }
    let info = url.into_connection_info()?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(invalid("#insecure trusts whoever answers: name the certificates to trust instead"))
        }
        #[cfg(feature = "tls")]
        ConnectionAddr::TcpTls { .. } => {
            provide();
            Ok(info)
        }
        _ => Ok(info),
    }
}

fn is_compiled(url: &str, has_tls: bool) -> RedisResult<()> {
    if has_tls || !is_asked_for(url) {
        return Ok(());
    }
    Err(invalid(
        "rediss:// needs the feature `tls` of mainstay-redis: `redis-tls` of mainstay, mainstay-bucket and mainstay-idempotency",
    ))
}

fn invalid(why: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, why).into()
}

/// As [`read`], of one for which roots are named.
#[cfg(feature = "tls")]
pub(crate) fn read_encrypted(url: &str) -> RedisResult<ConnectionInfo> {
    if is_asked_for(url) {
        return read(url);
    }
    Err(invalid(
        "certificates to trust are named, and the address asks for no TLS: it must begin with rediss://",
    ))
}

/// Sets the process's cryptography if nobody has. The library asks for it, and would panic where a program has compiled two.
#[cfg(feature = "tls")]
fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Whoever was quicker is as good.
        let _ = aws_lc_rs::default_provider().install_default();
    }
}

/// Those whose certificates are signed by one of these, as PEM, and nobody else.
#[cfg(feature = "tls")]
pub(crate) fn roots(pem: &[u8]) -> RedisResult<TlsCertificates> {
    if CertificateDer::pem_slice_iter(pem).next().is_none() {
        return Err(invalid("there is no certificate in the PEM"));
    }
    Ok(TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) })
}

/// A server whose certificate is signed by one of these.
#[cfg(feature = "tls")]
pub(crate) fn trusting(info: ConnectionInfo, pem: &[u8]) -> RedisResult<Client> {
    Client::build_with_tls(info, roots(pem)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_compiled_is_named() {
        for url in ["rediss://cache.internal/", "valkeys://cache.internal/", " REDISS://cache.internal/"] {
            let error = is_compiled(url, false).unwrap_err().to_string();
            assert!(error.contains("`redis-tls`"), "{error}");
            is_compiled(url, true).unwrap();
        }
        for url in ["redis://rediss/", "valkey://cache.internal/", "unix:///run/rediss.sock", "nonsense"] {
            is_compiled(url, false).unwrap();
        }
    }
}
