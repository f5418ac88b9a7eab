//! The secret of a pool.

use super::SecurityError;
use crate::transport::refusal;
use rand::Rng;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Code, Request, Status};

/// The variable of the environment that may hold a token.
pub const TOKEN_VARIABLE: &str = "CLEAVE_TOKEN";

/// 256 secret bits that all of a pool share; they show nowhere.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A new one.
    pub fn random() -> Token {
        let mut bits = [0; 32];
        rand::rng().fill_bytes(&mut bits);
        Token(bits)
    }

    /// From 64 hexadecimal digits, white space around them aside.
    pub fn parse(text: &str) -> Option<Token> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bits = [0; 32];
        for (byte, pair) in bits.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Some(Token(bits))
    }

    /// From a file that only its owner can read.
    pub fn read(path: &Path) -> Result<Token, SecurityError> {
        let failed = |cause| SecurityError::File { path: path.into(), cause };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecurityError::Readable { path: path.into(), mode });
        }
        let text = fs::read(path).map_err(failed)?;
        let text = String::from_utf8_lossy(&text);
        Token::parse(&text).ok_or_else(|| SecurityError::NotAToken { path: Some(path.into()) })
    }

    /// From a file, or else from the environment, if it is in either.
    pub fn find(file: Option<&Path>) -> Result<Option<Token>, SecurityError> {
        match (file, std::env::var(TOKEN_VARIABLE)) {
            (Some(path), _) => Token::read(path).map(Some),
            (None, Ok(text)) => Token::parse(&text).map(Some).ok_or(SecurityError::NotAToken { path: None }),
            (None, Err(std::env::VarError::NotUnicode(_))) => Err(SecurityError::NotAToken { path: None }),
            (None, Err(std::env::VarError::NotPresent)) => Ok(None),
        }
    }

    /// Writes a new file that only its owner can read.
    pub fn write(&self, path: &Path) -> Result<(), SecurityError> {
        write_secret(path, format!("{}\n", self.text()).as_bytes())
    }

    /// As it is handed on, to a file or to a child process's environment.
    pub fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn header(&self) -> MetadataValue<Ascii> {
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {}", self.text()).parse().expect("hexadecimal digits are ASCII");
        value.set_sensitive(true);
        value
    }

    fn is(&self, other: &Token) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Writes a file that is not there yet, for its owner alone.
pub(super) fn write_secret(path: &Path, content: &[u8]) -> Result<(), SecurityError> {
    let failed = |cause| SecurityError::File { path: path.into(), cause };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Shows the token with each call.
#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// Of a pool's token, if it has one.
    pub fn new(token: Option<&Token>) -> Self {
        Self(token.map(Token::header))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(header) = &self.0 {
            request.metadata_mut().insert("authorization", header.clone());
        }
        Ok(request)
    }
}

/// Lets calls in that show the token.
#[derive(Clone, Debug)]
pub struct Guard(Option<Token>);

impl Guard {
    /// Of a pool's token; without one, all calls are let in.
    pub fn new(token: Option<Token>) -> Self {
        Self(token)
    }
}

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(token) = &self.0 else { return Ok(request) };
        let Some(shown) = request.metadata().get("authorization") else {
            return Err(refusal(Code::Unauthenticated, "token-missing", "the worker asks for its pool's token"));
        };
        let shown = shown.to_str().ok().and_then(|text| Token::parse(text.strip_prefix("Bearer ")?));
        match shown {
            Some(shown) if token.is(&shown) => Ok(request),
            _ => Err(refusal(Code::Unauthenticated, "token-wrong", "the token is not that of the worker's pool")),
        }
    }
}
