//! The files by which the driver reaches the cards.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One that this user may not open for reading and writing.
pub(super) fn forbidden(folder: &Path) -> Option<PathBuf> {
    let closed = |path: &PathBuf| {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let mut nodes: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    nodes.sort();
    nodes.into_iter().filter(|path| is_node(path)).find(closed)
}

/// The cards, the one file for all of them, and that of their common memory.
fn is_node(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rest = name.strip_prefix("nvidia");
    rest.is_some_and(|rest| matches!(rest, "ctl" | "-uvm") || rest.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_known_by_their_names() {
        let names = ["nvidia0", "nvidia12", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "nvidia-caps", "null"];
        let nodes = names.map(|name| is_node(&Path::new("/dev").join(name)));
        assert_eq!(nodes, [true, true, true, true, false, false, false]);
        assert_eq!(forbidden(Path::new("/no such folder")), None);
    }
}
