//! Tokens, certificates, and where a worker may listen.

use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{Bearer, Guard, Tls, TlsFiles, Token, may_listen};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// What a guard says to a header.
fn shown(guard: &Token, header: Option<&str>) -> Result<(), Status> {
    let mut request = Request::new(());
    if let Some(header) = header {
        request.metadata_mut().insert("authorization", header.parse().unwrap());
    }
    Guard::new(Some(guard.clone())).call(request).map(|_| ())
}

#[test]
fn only_the_token_opens() {
    let token = Token::random();
    let text = token.text();
    let word = |header: Option<&str>| {
        shown(&token, header).map_err(|status| cleave_remote::transport::word_of(&status).unwrap().to_string())
    };
    assert_eq!(word(Some(&format!("Bearer {text}"))), Ok(()));
    let mut last = text.clone().into_bytes();
    last[63] = if last[63] == b'0' { b'1' } else { b'0' };
    let table = [
        (None, "token-missing"),
        (Some(String::new()), "token-wrong"),
        (Some(text.clone()), "token-wrong"),
        (Some(format!("bearer {text}")), "token-wrong"),
        (Some(format!("Bearer {}", String::from_utf8(last).unwrap())), "token-wrong"),
        (Some(format!("Bearer {}", &text[..63])), "token-wrong"),
        (Some(format!("Bearer {text}0")), "token-wrong"),
        (Some(format!("Bearer {}", Token::random().text())), "token-wrong"),
        (Some(format!("Bearer {}", "f".repeat(1_000_000))), "token-wrong"),
    ];
    for (header, expected) in table {
        assert_eq!(word(header.as_deref()), Err(expected.to_string()));
    }
    let request = Bearer::new(Some(&token)).call(Request::new(())).unwrap();
    assert!(Guard::new(Some(token.clone())).call(request).is_ok());
    assert!(!format!("{token:?}").contains(&text[..8]));
}

#[test]
fn a_token_lives_in_a_file_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("token");
    let token = Token::random();
    token.write(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Token::read(&path).unwrap().text(), token.text());
    assert_eq!(token.write(&path).unwrap_err().code(), "file-failed");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(Token::read(&path).unwrap_err().code(), "secret-readable");
    for text in ["", "x", "zz", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
        let path = folder.path().join("other");
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Token::read(&path).unwrap_err().code(), "not-a-token", "{text}");
    }
    assert_eq!(Token::read(&folder.path().join("none")).unwrap_err().code(), "file-failed");
    assert_eq!(Token::parse(&format!(" {}\n", token.text().to_uppercase())).unwrap().text(), token.text());
}

#[test]
fn others_are_let_in_only_with_certificates_and_a_token() {
    let at = |text: &str| text.parse().unwrap();
    let table = [
        ("127.0.0.1", false, false, false, true),
        ("127.9.9.9", false, false, false, true),
        ("::1", false, false, false, true),
        ("0.0.0.0", false, false, false, false),
        ("::", false, false, false, false),
        ("10.0.0.2", true, false, false, false),
        ("10.0.0.2", false, true, false, false),
        ("10.0.0.2", true, true, false, true),
        ("10.0.0.2", false, false, true, true),
    ];
    for (address, tls, token, insecure, allowed) in table {
        let found = may_listen(at(address), tls, token, insecure);
        assert_eq!(found.is_ok(), allowed, "{address} {tls} {token} {insecure}");
        assert!(found.is_ok() || found.unwrap_err().code() == "insecure-listen");
    }
}

pub(crate) fn files(folder: &Path, name: &str) -> TlsFiles {
    TlsFiles {
        ca: folder.join("ca.pem"),
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}-key.pem")),
    }
}

#[test]
fn certificates_are_made_for_their_owner_alone() {
    let folder = TempDir::new().unwrap();
    let names = ["localhost".to_string(), "127.0.0.1".to_string()];
    let written = create(&folder.path().join("new"), &names, Validity::days(30)).unwrap();
    let short: Vec<_> = written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(short, ["ca.pem", "ca-key.pem", "worker.pem", "worker-key.pem", "client.pem", "client-key.pem"]);
    for path in &written {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    let at = folder.path().join("new");
    assert!(Tls::load(&files(&at, "worker")).is_ok() && Tls::load(&files(&at, "client")).is_ok());
    let again = create(&at, &names, Validity::days(30)).unwrap_err();
    assert_eq!(again.code(), "file-failed");
    assert_eq!(create(&at, &[], Validity::days(30)).unwrap_err().code(), "bad-name");
    assert_eq!(create(&at, &["näme".into()], Validity::days(30)).unwrap_err().code(), "bad-name");
    assert_eq!(create(Path::new("/proc/none"), &names, Validity::days(30)).unwrap_err().code(), "file-failed");
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let folder = TempDir::new().unwrap();
    create(folder.path(), &["localhost".to_string()], Validity::days(30)).unwrap();
    let good = files(folder.path(), "worker");
    let empty = folder.path().join("empty");
    fs::write(&empty, "no pem\n").unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).unwrap();
    let open = folder.path().join("open-key.pem");
    fs::copy(&good.key, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let none = PathBuf::from("/no/such/file");
    let table = [
        (TlsFiles { ca: none.clone(), ..good.clone() }, "file-failed"),
        (TlsFiles { cert: none.clone(), ..good.clone() }, "file-failed"),
        (TlsFiles { key: none, ..good.clone() }, "file-failed"),
        (TlsFiles { ca: empty.clone(), ..good.clone() }, "bad-certificate"),
        (TlsFiles { cert: empty.clone(), ..good.clone() }, "bad-certificate"),
        (TlsFiles { key: empty, ..good.clone() }, "bad-certificate"),
        (TlsFiles { key: open, ..good.clone() }, "secret-readable"),
        (TlsFiles { key: folder.path().join("client-key.pem"), ..good.clone() }, "bad-certificate"),
    ];
    for (files, code) in table {
        assert_eq!(Tls::load(&files).unwrap_err().code(), code, "{files:?}");
    }
}
