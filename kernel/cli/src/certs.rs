//! `cleave certs`

use crate::options::Certs;
use crate::{fail, terminal};
use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{SecurityError, Token};
use cleave_session::TOKEN_FILE;
use std::path::Path;
use std::process::ExitCode;

/// `cleave certs new DIR NAMES…`
pub(crate) fn certs(what: &Certs) -> ExitCode {
    let Certs::New { dir, names, days } = what;
    match new(dir, names, *days) {
        Ok(text) => {
            terminal::print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => fail(error.code(), &error.to_string(), help(&error)),
    }
}

fn new(dir: &Path, names: &[String], days: u32) -> Result<String, SecurityError> {
    let mut written = create(dir, names, Validity::days(days))?;
    let token = dir.join(TOKEN_FILE);
    Token::random().write(&token)?;
    written.push(token);
    let mut text = String::new();
    written.iter().for_each(|path| text += &format!("{}\n", path.display()));
    let names = names.join(", ");
    text += &format!("They hold for {days} days, for workers at {names}. Copy the directory to each machine, then:\n");
    text += &format!("  cleave worker --listen HOST:7711 --tls-dir {}\n", dir.display());
    text += &format!("  cleave run --tls-dir {} --scheduler workers://HOST:7711 FILE\n", dir.display());
    text += "ca-key.pem signs new certificates; keep it where neither workers nor kernels run.\n";
    Ok(text)
}

fn help(error: &SecurityError) -> &'static str {
    match error {
        SecurityError::NoNames | SecurityError::Certificate { .. } => {
            "name the workers as kernels reach them, such as node1.example 10.0.0.4"
        }
        _ => "give a directory that does not exist yet, where you may write",
    }
}
