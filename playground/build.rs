//! Lists the chat page's files, so that the binary carries them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("web");
    println!("cargo::rerun-if-changed=web");
    let mut code =
        String::from("fn embedded(path: &str) -> Option<&'static [u8]> {\n    match path {\n");
    list(&root, &root, &mut code)?;
    code.push_str("        _ => None,\n    }\n}\n");
    fs::write(
        PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("web.rs"),
        code,
    )
}

fn list(root: &Path, directory: &Path, code: &mut String) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    let mut entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            list(root, &path, code)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            // Not the path itself: what was built once must also hold where the checkout lies elsewhere.
            let name = name.display().to_string().escape_default().to_string();
            let _ = writeln!(
                code,
                "        \"{name}\" => Some(include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/web/{name}\"))),",
            );
        }
    }
    Ok(())
}
