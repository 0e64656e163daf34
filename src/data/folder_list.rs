//! The files of a folder of cutouts, and the labels that the names of its subfolders give.

use std::path::{Path, PathBuf};

use super::alerts;
use super::folder::has_fits_name;
use super::labels::value::Value;
use crate::{Error, Result};

/// Levels of subfolders that are searched: a survey's night/class/field.
const DEPTH: usize = 3;
/// Folders that a message names.
const NAMED: usize = 3;

/// A file and the label of its candidates, 1 for real.
pub(super) type Labelled = (PathBuf, Option<u8>);

/// What a folder holds.
#[derive(Default)]
pub(super) struct Listing {
    pub fits: Vec<Labelled>,
    pub packets: Vec<Labelled>,
    pub notices: Vec<String>,
    /// Whether subfolders give labels.
    pub is_labelled: bool,
    /// Folders whose name is a label, with it.
    classes: Vec<(PathBuf, u8)>,
    /// Folders with files that have no label.
    plain: Vec<PathBuf>,
}

impl Listing {
    /// Lists `root`. Subfolders named true, false, real or bogus, in any case, give labels,
    /// also below others (`night/real/`). A folder without files of its own is read through
    /// its subfolders.
    pub fn of(root: &Path) -> Result<Listing> {
        let mut all = Listing::default();
        all.walk(root, None, DEPTH)?;
        all.is_labelled = !all.classes.is_empty();
        let shown = |path: &Path| format!("{}/", path.strip_prefix(root).unwrap_or(path).display());
        if all.is_labelled {
            all.leave_out_unlabelled(root);
            let usual = |(path, _): &(PathBuf, u8)| ["true/", "false/"].contains(&&shown(path)[..]);
            if !all.classes.iter().all(usual) {
                let named = |(path, label): &(PathBuf, u8)| {
                    let class = if *label == 1 { "real" } else { "bogus" };
                    format!("{} ({class})", shown(path))
                };
                let names = some_of(all.classes.iter().map(named), all.classes.len());
                all.notices
                    .push(format!("folders give the labels: {names}"));
            }
        } else if all.plain.iter().any(|folder| folder != root) {
            let files = all.fits.len() + all.packets.len();
            let names = some_of(all.plain.iter().map(|p| shown(p)), all.plain.len());
            all.notices.push(format!(
                "{}: {files} files in its subfolders: {names}",
                root.display()
            ));
        }
        Ok(all)
    }

    /// What there is instead of labels, for an error.
    pub fn without_labels(&self, root: &Path) -> String {
        let mut found = "no folders true/ and false/".to_string();
        let count = |folder: &PathBuf| {
            let all = self.fits.iter().chain(&self.packets);
            let inside = all.filter(|(file, _)| file.parent() == Some(folder));
            let name = folder.strip_prefix(root).unwrap_or(folder);
            match name.as_os_str().is_empty() {
                true => format!("{} files of its own", inside.count()),
                false => format!("{}/ with {} files", name.display(), inside.count()),
            }
        };
        if !self.plain.is_empty() {
            let names = some_of(self.plain.iter().map(count), self.plain.len());
            found += &format!("; it has {names}");
        }
        found
    }

    fn walk(&mut self, folder: &Path, label: Option<u8>, depth: usize) -> Result<()> {
        let (mut files, mut packets, mut folders) = (Vec::new(), Vec::new(), Vec::new());
        let mut others = 0;
        for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let path = entry.map_err(Error::io("read", folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                // Hidden files, such as macOS's "._a.fits", are nobody's data.
            } else if path.is_dir() {
                folders.push(path);
            } else if has_fits_name(&path) {
                files.push((path, label));
            } else if alerts::is_alerts(&path) {
                packets.push((path, label));
            } else {
                others += 1;
            }
        }
        files.sort();
        packets.sort();
        folders.sort();
        let name = folder.display();
        if others > 0 {
            self.notices.push(format!(
                "{others} entries of {name} are neither FITS files nor alerts and were not read"
            ));
        }
        let has_files = !(files.is_empty() && packets.is_empty());
        let mut classes: Vec<(PathBuf, u8)> = match label {
            None => folders
                .iter()
                .filter_map(|folder| Some((folder.clone(), class(folder)?)))
                .collect(),
            Some(_) => Vec::new(),
        };
        // Real before bogus; by name among them.
        classes.sort_by_key(|(_, label)| 1 - label);
        if has_files && label.is_none() {
            self.plain.push(folder.to_path_buf());
        }
        self.fits.extend(files);
        self.packets.extend(packets);
        if !classes.is_empty() {
            let not_read = folders.len() - classes.len();
            if not_read > 0 {
                self.notices.push(format!(
                    "{not_read} subfolders of {name} are no class (true/, false/, real/, bogus/) and were \
                     not read"
                ));
            }
            for (folder, label) in classes {
                self.walk(&folder, Some(label), depth.saturating_sub(1))?;
                self.classes.push((folder, label));
            }
        } else if has_files && !folders.is_empty() {
            let count = folders.len();
            self.notices.push(format!(
                "{count} subfolders of {name} were not read: it has files of its own"
            ));
        } else if depth > 0 {
            for folder in folders {
                self.walk(&folder, label, depth - 1)?;
            }
        } else if !folders.is_empty() {
            self.notices.push(format!(
                "subfolders of {name} were not read: more than {DEPTH} levels"
            ));
        }
        Ok(())
    }

    /// Files beside those with labels.
    fn leave_out_unlabelled(&mut self, root: &Path) {
        let before = self.fits.len() + self.packets.len();
        self.fits.retain(|(_, label)| label.is_some());
        self.packets.retain(|(_, label)| label.is_some());
        let without = before - self.fits.len() - self.packets.len();
        if without > 0 {
            self.notices.push(format!(
                "{}: {without} files are in no folder that gives a label and were not read",
                root.display()
            ));
        }
    }
}

/// The label that a folder's name is. Numbers are none: in DES' labels 1 is an artifact.
fn class(folder: &Path) -> Option<u8> {
    let value = Value::of_text(folder.file_name()?.to_str()?)?;
    let is_number = folder.file_name()?.to_str()?.trim().parse::<f64>().is_ok();
    value.label(true).filter(|_| !is_number)
}

/// The first few of `count` names.
fn some_of(names: impl Iterator<Item = String>, count: usize) -> String {
    let mut text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if count > NAMED {
        text += &format!(" and {} more", count - NAMED);
    }
    text
}
