//! `cleave lab`: JupyterLab with the kernel installed.

use crate::{fail, terminal};
use cleave_jupyter::{Target, install};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What is installed where no JupyterLab is found.
const JUPYTERLAB: &str = "jupyterlab>=4.4,<5";

/// Opens JupyterLab on a folder, by default the notebooks that come with the program.
pub(crate) fn lab(folder: Option<&Path>, arguments: &[String]) -> ExitCode {
    let ours = folder.is_none();
    let folder = folder.map_or_else(notebooks, Path::to_owned);
    if !folder.is_dir() {
        return fail(
            "file-not-found",
            &format!("there is no folder `{}`", folder.display()),
            "give the folder of your notebooks",
        );
    }
    let lab = match on_path("jupyter-lab").map_or_else(private, Ok) {
        Ok(lab) => lab,
        Err(message) => return fail("no-jupyterlab", &message, "install it with: python3 -m pip install jupyterlab"),
    };
    let program = std::env::current_exe().unwrap_or_else(|_| "cleave".into());
    if let Err(error) = install(&Target::User, &program) {
        return fail("not-installed", &error.to_string(), "cleave install --prefix PREFIX installs elsewhere");
    }
    if ours {
        trust(&lab, &folder);
    }
    match Command::new(&lab).args(arguments).arg(&folder).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => fail("no-jupyterlab", &format!("`{}` does not start: {error}", lab.display()), ""),
    }
}

/// The notebooks beside the program's sources where they are there, else the folder one is in.
fn notebooks() -> PathBuf {
    let beside = std::env::current_dir().map(|d| d.join("notebooks")).ok().filter(|p| p.is_dir());
    beside.unwrap_or_else(|| PathBuf::from("."))
}

/// Tells JupyterLab that the stored cards of our notebooks may be shown as they are; without that they are plain.
fn trust(lab: &Path, folder: &Path) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let notebooks = files.filter(|path| path.extension().is_some_and(|e| e == "ipynb"));
    let _ = Command::new(lab.with_file_name("jupyter")).arg("trust").args(notebooks).output();
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// JupyterLab in an environment of our own, made on first use.
fn private() -> Result<PathBuf, String> {
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    let folder = home.ok_or("the environment names no home folder")?.join("cleave").join("lab");
    let lab = folder.join("bin").join("jupyter-lab");
    if lab.is_file() {
        return Ok(lab);
    }
    terminal::error_line(&format!("JupyterLab is not on the PATH; installing it in {}", folder.display()));
    step(Command::new("python3").args(["-m", "venv"]).arg(&folder), "python3 -m venv")?;
    step(Command::new(folder.join("bin").join("pip")).args(["install", "--quiet", JUPYTERLAB]), "pip install")?;
    if lab.is_file() { Ok(lab) } else { Err("the installation left no jupyter-lab".to_owned()) }
}

fn step(command: &mut Command, name: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` ended with {status}")),
        Err(error) => Err(format!("`{name}` does not start: {error}")),
    }
}
