//! What a model was fitted to before: the models that it goes on from (`rbgpu train --from`).

use std::path::{Path, PathBuf};

use super::held_out::{Asked, NOT_KNOWN, Parts};
use super::split_file::check_own;
use crate::backend::Device;
use crate::formats::{ModelFile, Provenance};
use crate::train::origin::{Origin, weights_fingerprint};
use crate::{Error, Result};

/// More models one after the other than anyone trains.
const MOST: usize = 100;

impl Parts {
    /// Of the model `path`: from `split` if it is given, else from what its training left, and
    /// that of the models that it began with: of the parts that a candidate was in then, the
    /// one counts that is fitted to most. A model that rbgpu did not train, and data that are
    /// not those it was trained on, have no parts. Where nobody can tell the parts of some
    /// candidates it is an error, [`Error::Input`].
    pub fn of_model(
        path: &Path,
        provenance: &Provenance,
        split: Option<&Path>,
        asked: &Asked,
    ) -> Result<Parts> {
        if let Some(split) = split {
            let mut parts = Parts::from_named(split, asked)?;
            if check_own(split, &parts.fingerprint, path, provenance).is_err() {
                parts.notices.push(format!(
                    "{} is not the split that {} was trained with; it is used as you say",
                    split.display(),
                    path.display()
                ));
            }
            return Ok(parts);
        }
        match Parts::with_ancestors(path, provenance, asked)? {
            (_, Some(error)) => Err(error),
            (parts, None) => Ok(parts),
        }
    }

    /// As [`of_model`](Self::of_model), and why candidates that are in none of the parts may
    /// have been fitted to nevertheless, where that is so.
    pub(super) fn with_ancestors(
        path: &Path,
        provenance: &Provenance,
        asked: &Asked,
    ) -> Result<(Parts, Option<Error>)> {
        let mut parts = Parts::own(path, provenance, asked)?;
        let mut untold = None;
        let mut line = vec![path.to_path_buf()];
        let mut next = origin_of(path, provenance);
        while let Some(origin) = next.take() {
            match origin.and_then(|origin| ancestor(&line, &origin)) {
                Ok((path, file)) => {
                    match Parts::own(&path, &file.provenance, asked) {
                        Ok(more) => parts.join(more),
                        Err(error) => untold = untold.or(Some(error)),
                    }
                    next = origin_of(&path, &file.provenance);
                    line.push(path);
                }
                Err(error) => untold = untold.or(Some(error)),
            }
        }
        // What a run was told of its start is in its own split already.
        let untold = untold.filter(|_| parts.of.iter().any(Option::is_none));
        Ok((parts.said(), untold))
    }

    /// Them with a notice that candidates in no part, if there are any, count as held out.
    pub(super) fn said(mut self) -> Parts {
        let without = self.of.iter().filter(|part| part.is_none()).count();
        let lacks = std::mem::take(&mut self.lacks).join("; ");
        if without > 0 && !lacks.is_empty() {
            let which = match self.of.len() {
                count if count == without => "all rows count".to_string(),
                count => format!("{without} of {count} candidates count"),
            };
            self.notices.push(format!("{lacks}: {which} as held out"));
        }
        self
    }

    /// Takes what a model knows that came before.
    fn join(&mut self, before: Parts) {
        let (own_known, known) = (self.is_known(), before.is_known());
        for (own, before) in self.of.iter_mut().zip(before.of) {
            *own = [*own, before].into_iter().flatten().min();
        }
        match (own_known, known) {
            (true, true) => self.from = format!("{}, {}", self.from, before.from),
            (false, true) => self.from = before.from,
            (false, false) if before.from == NOT_KNOWN => self.from = before.from,
            (_, false) => {}
        }
        self.notices.extend(before.notices);
        self.lacks.extend(before.lacks);
        self.training.objects.extend(before.training.objects);
        self.training.pixels.extend(before.training.pixels);
    }
}

/// What the model `path` began with, if not with a fresh network.
fn origin_of(path: &Path, provenance: &Provenance) -> Option<Result<Origin>> {
    let from = provenance.settings.get("from").filter(|v| !v.is_null())?;
    Some(serde_json::from_value(from.clone()).map_err(|error| {
        let expected = "the model that it began with, and what tells its weights from others";
        Error::input(path, "settings, from", error.to_string(), expected)
    }))
}

/// The model that the last of `line` began with: where it was then, or beside it.
fn ancestor(line: &[PathBuf], origin: &Origin) -> Result<(PathBuf, ModelFile)> {
    let child = line.last().expect("the model itself");
    let untold = |found: String| {
        let expected = "that model there or beside it; or --split FILE, or --all to look at \
                        every row";
        Error::input(child, "what it was trained on before", found, expected)
    };
    if line.len() > MOST {
        return Err(untold(format!(
            "more than {MOST} models one after the other"
        )));
    }
    let named = PathBuf::from(&origin.model);
    let moved = named.file_name().map(|name| child.with_file_name(name));
    let moved = moved.filter(|path| !same_file(path, child));
    let mut found = format!("it began with {}, which is not there", named.display());
    for path in [Some(named), moved].into_iter().flatten() {
        if !path.is_file() {
            continue;
        }
        let name = path.display();
        found = match ModelFile::read(&path, &Device::Reference) {
            Err(error) => format!("it began with {name}, which cannot be read ({error})"),
            Ok(file) if weights_fingerprint(&file.model)? != origin.weights => {
                format!("it began with {name}, and that file has other weights now")
            }
            // Written over by a run that kept the weights: what it was is lost.
            Ok(_) if line.iter().any(|other| same_file(other, &path)) => {
                format!("it began with {name}, which began with it")
            }
            Ok(file) => return Ok((path, file)),
        };
    }
    Err(untold(found))
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
