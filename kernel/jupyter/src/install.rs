//! The kernelspec: the folder by which notebook servers know the kernel.

use serde_json::{Value, json};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

const SPEC: &[u8] = include_bytes!("../../../kernelspec/kernel.json");
/// The pictures that launchers show.
const PICTURES: [(&str, &[u8]); 3] = [
    ("logo-svg.svg", include_bytes!("../../../kernelspec/logo-svg.svg")),
    ("logo-32x32.png", include_bytes!("../../../kernelspec/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../../kernelspec/logo-64x64.png")),
];
const FOLDER: &str = "kernels/cleave";

/// Where a kernelspec goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The user's own folder for Jupyter.
    User,
    /// The Python environment that is active.
    SysPrefix,
    /// Below a prefix such as `/usr/local`.
    Prefix(PathBuf),
}

/// Why a kernelspec cannot be installed or removed.
#[derive(Debug)]
pub enum InstallError {
    /// No variable says where the user's home is.
    NoHome,
    /// No Python environment is active.
    NoEnvironment,
    /// The template in this program is not JSON, or not an object.
    Template,
    /// A file cannot be written or removed.
    File(PathBuf, io::Error),
}

/// Writes a kernelspec that starts `executable`; the answer is its folder.
pub fn install(target: &Target, executable: &Path) -> Result<PathBuf, InstallError> {
    let folder = folder(target)?;
    let mut spec: Value = serde_json::from_slice(SPEC).map_err(|_| InstallError::Template)?;
    *spec.pointer_mut("/argv/0").ok_or(InstallError::Template)? = json!(executable.to_string_lossy());
    std::fs::create_dir_all(&folder).map_err(|error| InstallError::File(folder.clone(), error))?;
    write(&folder.join("kernel.json"), format!("{spec:#}\n").as_bytes())?;
    PICTURES.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))?;
    Ok(folder)
}

/// Removes a kernelspec; the answer is the folder it was in, if it was there.
pub fn uninstall(target: &Target) -> Result<Option<PathBuf>, InstallError> {
    let folder = folder(target)?;
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(InstallError::File(folder, error)),
    }
}

/// The folders in which Jupyter finds this kernel, first things first.
pub fn found() -> Vec<PathBuf> {
    let path = std::env::var_os("JUPYTER_PATH").unwrap_or_default();
    let set =
        std::env::split_paths(&path).filter(|share| !share.as_os_str().is_empty()).map(|share| share.join(FOLDER));
    let usual = [Target::User, Target::SysPrefix, Target::Prefix("/usr/local".into()), Target::Prefix("/usr".into())];
    let folders = set.chain(usual.iter().filter_map(|target| folder(target).ok()));
    folders.filter(|folder| folder.join("kernel.json").is_file()).collect()
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHome => f.write_str("neither JUPYTER_DATA_DIR nor HOME says where the user's kernels are"),
            Self::NoEnvironment => f.write_str("no Python environment is active (VIRTUAL_ENV or CONDA_PREFIX)"),
            Self::Template => f.write_str("the kernelspec's template is damaged"),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::NoHome | Self::NoEnvironment | Self::Template => None,
        }
    }
}

fn folder(target: &Target) -> Result<PathBuf, InstallError> {
    let share = match target {
        Target::User => user_data(&variable).ok_or(InstallError::NoHome)?,
        Target::SysPrefix => {
            let prefix = variable("VIRTUAL_ENV").or_else(|| variable("CONDA_PREFIX"));
            prefix.ok_or(InstallError::NoEnvironment)?.join("share/jupyter")
        }
        Target::Prefix(prefix) => prefix.join("share/jupyter"),
    };
    Ok(share.join(FOLDER))
}

/// Where Jupyter keeps a user's data, by Jupyter's own rule.
fn user_data(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = |below: &str| variable("HOME").map(|home| home.join(below));
    variable("JUPYTER_DATA_DIR").or_else(|| match cfg!(target_os = "macos") {
        true => home("Library/Jupyter"),
        false => variable("XDG_DATA_HOME").or_else(|| home(".local/share")).map(|data| data.join("jupyter")),
    })
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), InstallError> {
    std::fs::write(path, bytes).map_err(|error| InstallError::File(path.into(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_and_removing() {
        let prefix = std::env::temp_dir().join(format!("cleave-install-{}", std::process::id()));
        let target = Target::Prefix(prefix.clone());
        let folder = install(&target, Path::new("/opt/bin/cleave")).expect("an installation");
        assert_eq!(folder, prefix.join("share/jupyter/kernels/cleave"));
        let spec: Value =
            serde_json::from_slice(&std::fs::read(folder.join("kernel.json")).expect("a file")).expect("JSON");
        assert_eq!(spec["argv"], json!(["/opt/bin/cleave", "kernel", "-f", "{connection_file}"]));
        assert_eq!((&spec["language"], &spec["interrupt_mode"]), (&json!("cleave"), &json!("message")));
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 4);
        assert_eq!(uninstall(&target).expect("a removal"), Some(folder));
        assert_eq!(uninstall(&target).expect("a removal"), None);
        std::fs::remove_dir_all(prefix).expect("the prefix");
    }

    #[test]
    fn the_users_folder_follows_jupyters_rule() {
        for (set, found) in [
            (&[("HOME", "/h")][..], Some("/h/.local/share/jupyter")),
            (&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")], Some("/x/jupyter")),
            (&[("HOME", "/h"), ("JUPYTER_DATA_DIR", "/j")], Some("/j")),
            (&[], None),
        ] {
            let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value));
            if !cfg!(target_os = "macos") {
                assert_eq!(user_data(&variable), found.map(PathBuf::from));
            }
        }
    }
}
