//! What a user may type next, for the page and the terminal.

use std::path::{Path, PathBuf};

use super::super::args::Reading;
use super::super::typed::quoted;
use super::{Arguments, Sorted};
use crate::data::LabelPolarity;

/// Commands that go on from what was decided.
pub fn then(arguments: &Arguments, sorted: &Sorted) -> Vec<String> {
    let path = |path: &Path| quoted(path);
    let (journal, out) = (path(&sorted.journal), path(&free(Path::new(""))));
    if arguments.vote {
        return vec![format!("rbgpu votes {journal} --out {out}")];
    }
    let all = sorted.suspects.iter().chain(&sorted.data);
    let inputs: Vec<String> = all.map(|input| path(input)).collect();
    let named = match arguments.journal.is_some() {
        true => format!(" --journal {journal}"),
        false => String::new(),
    };
    let reading = options(&arguments.reading);
    // What was decided in a round before is in its labels, which the new file holds too.
    let labels = arguments.reading.labels.as_deref();
    let labels = labels.map_or_else(String::new, |labels| format!(" --labels {}", path(labels)));
    let data = inputs[usize::from(sorted.suspects.is_some())..].join(" ");
    vec![
        format!(
            "rbgpu relabel --apply {}{named}{reading}{labels} --out {out}",
            inputs.join(" ")
        ),
        format!("rbgpu train {data}{reading} --labels {out}"),
    ]
}

/// How the data are read, as it was typed, but for the labels.
fn options(reading: &Reading) -> String {
    let Reading {
        keys,
        split_key,
        label_polarity,
        strict,
        schema,
        planes,
        channels,
        labels: _,
        lenient,
    } = reading;
    let mut text = String::new();
    let mut put = |option: &str, value: &str| text += &format!(" {option} {}", quoted(value));
    keys.iter().for_each(|key| put("--key", key));
    split_key.iter().for_each(|key| put("--split-key", key));
    match label_polarity {
        LabelPolarity::Auto => {}
        LabelPolarity::RealIsOne => put("--label-polarity", "real-is-one"),
        LabelPolarity::RealIsZero => put("--label-polarity", "real-is-zero"),
    }
    if let Some(schema) = schema {
        put("--schema", &schema.display().to_string());
    }
    for (option, images) in [("--planes", planes), ("--channels", channels)] {
        if !images.is_empty() {
            let names: Vec<String> = images.iter().map(|image| image.to_string()).collect();
            put(option, &names.join(","));
        }
    }
    for (option, asked) in [("--strict", strict), ("--lenient", lenient)] {
        if *asked {
            text += &format!(" {option}");
        }
    }
    text
}

/// The first of labels.csv, labels-2.csv, … in `folder` that is not there yet.
fn free(folder: &Path) -> PathBuf {
    let name = |n: usize| match n {
        1 => folder.join("labels.csv"),
        n => folder.join(format!("labels-{n}.csv")),
    };
    let there = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok();
    let mut names = (1..).map(name);
    names.find(|path| !there(path)).expect("without end")
}
