//! The output folder against the expectation: every visible file, as a multiset of lines.
//!
//! A visible file is `part-<uuid>-<subtask>-<n>`, anywhere below the folder; names that begin with a dot or an underscore are hidden. Once
//! seen, a visible file must never change or go: [`Folder::look`] holds the engine to that and reads only what is new.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::wait::{self, Seen};

/// What was seen of a visible file when it was new.
struct Sighting {
    length: u64,
    modified_ns: i128,
    inode: u64,
    hash: u64,
}

/// An output folder and everything that was seen in it.
pub struct Folder {
    root: PathBuf,
    seen: BTreeMap<PathBuf, Sighting>,
    lines: HashMap<String, u32>,
}

/// How the visible lines differ from the expected ones.
#[derive(Default)]
pub struct Verdict {
    /// Expected and not there.
    pub lost: Vec<String>,
    /// There more often than expected.
    pub doubled: Vec<String>,
    /// There and never expected.
    pub wrong: Vec<String>,
    /// How many lines are visible.
    pub visible: usize,
}

impl Verdict {
    /// Whether nothing differs.
    pub fn exact(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LOST={} DUP={} WRONG={} of {} visible lines", self.lost.len(), self.doubled.len(), self.wrong.len(), self.visible)?;
        for (word, lines) in [("lost", &self.lost), ("doubled", &self.doubled), ("wrong", &self.wrong)] {
            for line in lines.iter().take(5) {
                write!(f, "\n  {word}: {line}")?;
            }
        }
        Ok(())
    }
}

impl Folder {
    /// A folder that need not exist yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), seen: BTreeMap::new(), lines: HashMap::new() }
    }

    /// Looks at the visible files; returns how many there are.
    ///
    /// Errors: a file changed or went since the last look, a name is not a part file's, a file does not end in a line break.
    pub fn look(&mut self) -> Result<usize> {
        let mut now = Vec::new();
        visible(&self.root, &mut now)?;
        for path in &now {
            let meta = fs::metadata(path).with_context(|| format!("visible file {} went while looking", path.display()))?;
            match self.seen.get(path) {
                Some(old) => ensure!(
                    (old.length, old.modified_ns, old.inode) == (meta.len(), modified_ns(&meta), meta.ino()),
                    "visible file {} changed: {} bytes, then {}",
                    path.display(),
                    old.length,
                    meta.len()
                ),
                None => self.read(path, &meta)?,
            }
        }
        if let Some(gone) = self.seen.keys().find(|path| !now.contains(path)) {
            bail!("visible file {} is gone", gone.display());
        }
        Ok(now.len())
    }

    fn read(&mut self, path: &Path, meta: &fs::Metadata) -> Result<()> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        ensure!(part_name(&name), "visible file {} is not named part-<uuid>-<subtask>-<n>", path.display());
        let bytes = fs::read(path)?;
        ensure!(bytes.len() as u64 == meta.len(), "visible file {} grew while it was read", path.display());
        let text = std::str::from_utf8(&bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
        ensure!(text.is_empty() || text.ends_with('\n'), "visible file {} ends inside a line", path.display());
        for line in text.split_terminator('\n') {
            *self.lines.entry(line.to_owned()).or_default() += 1;
        }
        let sighting = Sighting { length: meta.len(), modified_ns: modified_ns(meta), inode: meta.ino(), hash: hash(&bytes) };
        self.seen.insert(path.to_owned(), sighting);
        Ok(())
    }

    /// How many lines are visible.
    pub fn visible_lines(&self) -> usize {
        self.lines.values().map(|n| *n as usize).sum()
    }

    /// The visible lines that have been seen, sorted.
    pub fn sorted_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.lines.iter().flat_map(|(line, n)| std::iter::repeat_n(line.clone(), *n as usize)).collect();
        lines.sort();
        lines
    }

    /// What differs between the lines seen so far and `expected`.
    pub fn verdict(&self, expected: &[String]) -> Verdict {
        let mut wanted: HashMap<&str, u32> = HashMap::new();
        for line in expected {
            *wanted.entry(line).or_default() += 1;
        }
        let mut verdict = Verdict { visible: self.visible_lines(), ..Verdict::default() };
        for (line, want) in &wanted {
            let have = self.lines.get(*line).copied().unwrap_or(0);
            verdict.lost.extend((have..*want).map(|_| (*line).to_owned()));
            verdict.doubled.extend((*want..have).map(|_| (*line).to_owned()));
        }
        for (line, have) in self.lines.iter().filter(|(line, _)| !wanted.contains_key(line.as_str())) {
            verdict.wrong.extend((0..*have).map(|_| line.clone()));
        }
        for lines in [&mut verdict.lost, &mut verdict.doubled, &mut verdict.wrong] {
            lines.sort();
        }
        verdict
    }

    /// Waits until the visible lines are exactly `expected`. Errors at once on a doubled or wrong line: waiting heals neither.
    pub fn wait_exact(&mut self, expected: &[String], deadline: Duration) -> Result<()> {
        let mut broken = None;
        wait::until(&format!("{} expected lines in {}", expected.len(), self.root.display()), deadline, || {
            if let Err(error) = self.look() {
                broken = Some(error);
                return Ok(Seen::Yes(()));
            }
            let verdict = self.verdict(expected);
            if !verdict.doubled.is_empty() || !verdict.wrong.is_empty() {
                broken = Some(anyhow::anyhow!("{verdict}"));
                return Ok(Seen::Yes(()));
            }
            wait::when(verdict.exact(), || verdict.to_string())
        })?;
        match broken {
            Some(error) => Err(error),
            None => self.unchanged(),
        }
    }

    /// Errors unless every visible file still has the bytes that it had when it was first seen, and none is new.
    pub fn unchanged(&mut self) -> Result<()> {
        let before = self.seen.len();
        let now = self.look()?;
        ensure!(now == before, "{} visible files appeared after the last look", now - before);
        for (path, sighting) in &self.seen {
            ensure!(hash(&fs::read(path)?) == sighting.hash, "visible file {} has other bytes than at first sight", path.display());
        }
        Ok(())
    }

    /// How many hidden files (in progress, or staged for a commit) there are.
    pub fn hidden_files(&self) -> Result<usize> {
        let mut all = Vec::new();
        walk(&self.root, &mut |path, hidden| {
            if hidden {
                all.push(path.to_owned());
            }
        })?;
        Ok(all.len())
    }
}

fn visible(root: &Path, out: &mut Vec<PathBuf>) -> Result<()> {
    walk(root, &mut |path, hidden| {
        if !hidden {
            out.push(path.to_owned());
        }
    })
}

/// Every file below `root`; hidden when it or a folder above it (below root) is.
fn walk(root: &Path, found: &mut dyn FnMut(&Path, bool)) -> Result<()> {
    let mut folders = vec![(root.to_owned(), false)];
    while let Some((folder, hidden)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            // A hidden file may be renamed between the listing and the question.
            let Ok(entry) = entry else { continue };
            let hidden = hidden || entry.file_name().to_string_lossy().starts_with(['.', '_']);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push((entry.path(), hidden)),
                Ok(_) => found(&entry.path(), hidden),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

fn modified_ns(meta: &fs::Metadata) -> i128 {
    i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Whether a name is `part-<uuid>-<subtask>-<n>`.
fn part_name(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let fields: Vec<&str> = name.split('-').collect();
    let [part, uuid @ .., subtask, n] = fields.as_slice() else { return false };
    let lengths: Vec<usize> = uuid.iter().map(|field| field.len()).collect();
    *part == "part"
        && lengths == [8, 4, 4, 4, 12]
        && uuid.iter().all(|field| field.chars().all(|c| c.is_ascii_hexdigit()))
        && number(subtask)
        && number(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> (PathBuf, Folder) {
        let root = crate::places::scenario_dir(&format!("unit-{name}")).unwrap();
        let folder = Folder::new(&root);
        (root, folder)
    }

    const PART: &str = "part-01234567-89ab-cdef-0123-456789abcdef-0-0";

    #[test]
    fn lost_doubled_and_wrong_lines_are_told_apart() {
        let (root, mut folder) = folder("verdict");
        fs::write(root.join(PART), "a\nb\nb\nx\n").unwrap();
        fs::write(root.join(".in-progress"), "c\n").unwrap();
        folder.look().unwrap();
        let verdict = folder.verdict(&["a".into(), "b".into(), "c".into()]);
        assert_eq!((verdict.lost, verdict.doubled, verdict.wrong), (vec!["c".into()], vec!["b".into()], vec!["x".into()]));
        assert_eq!(folder.hidden_files().unwrap(), 1);
    }

    #[test]
    fn a_visible_file_that_grows_is_an_error() {
        let (root, mut folder) = folder("grows");
        fs::write(root.join(PART), "a\n").unwrap();
        folder.look().unwrap();
        fs::write(root.join(PART), "a\nb\n").unwrap();
        assert!(folder.look().unwrap_err().to_string().contains("changed"));
    }

    #[test]
    fn a_visible_file_that_goes_is_an_error() {
        let (root, mut folder) = folder("goes");
        fs::write(root.join(PART), "a\n").unwrap();
        folder.look().unwrap();
        fs::remove_file(root.join(PART)).unwrap();
        assert!(folder.look().unwrap_err().to_string().contains("gone"));
    }

    #[test]
    fn a_visible_file_with_another_name_or_half_a_line_is_an_error() {
        for (name, bytes) in [("part-0-0", "a\n"), (PART, "half")] {
            let (root, mut folder) = folder("name");
            fs::write(root.join(name), bytes).unwrap();
            assert!(folder.look().is_err(), "{name}");
        }
    }
}
