//! Lists the files of the page, `dashboard/dist`, for `ui.rs` to embed. Builds nothing: `make build` builds the page before.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../dashboard");
    let page = root.join("dist");
    if root.is_dir() {
        // Cargo watches a folder that exists; one that does not would make it compile this crate each time.
        let _ = fs::create_dir(&page);
        println!("cargo::rerun-if-changed={}", page.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if page.join("index.html").is_file() {
        collect(&page, &mut files)?;
        files.sort();
    }
    let mut list = String::from("const FILES: &[File] = &[\n");
    for file in &files {
        let path = file.strip_prefix(&page).map_err(io::Error::other)?.components();
        let path: Vec<String> = path.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let source = fs::canonicalize(file)?;
        writeln!(list, "    File {{ path: {:?}, bytes: include_bytes!({:?}) }},", path.join("/"), source).map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("page.rs");
    // An unchanged list keeps its time, so that nothing is compiled for it.
    if fs::read_to_string(&out).ok().as_deref() == Some(list.as_str()) { Ok(()) } else { fs::write(out, list) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
