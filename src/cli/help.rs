//! What `--help`, `--version`, completions and man pages say beyond the arguments themselves:
//! commands in groups, defaults that depend on the network, examples.

use std::fmt::Write;

use clap::{Arg, Command};

use super::examples::EXAMPLES;
use crate::nn::Architecture;
use crate::nn::architecture::Training;
use crate::train::defaults::{SMALL_SET, SMALL_SET_EPOCHS, SMALL_SET_PATIENCE};

/// Every command, in the groups in which the overview shows them.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Train", &["train", "study", "forest"]),
    ("Score", &["score", "explain", "features"]),
    ("Judge", &["evaluate", "calibrate"]),
    ("Labels", &["suspect", "relabel", "votes"]),
    ("Data", &["pack", "simulate"]),
    ("Papers", &["reproduce"]),
    (
        "Models and this machine",
        &[
            "import",
            "export",
            "summary",
            "bench",
            "devices",
            "completions",
            "man",
        ],
    ),
];

/// A setting as help shows it.
type Shown = fn(&Training) -> String;

/// Options whose default is the network's published value, and that value as text.
const PUBLISHED: [(&str, Shown); 7] = [
    ("epochs", |t| t.epochs.to_string()),
    ("batch_size", |t| t.batch_size.to_string()),
    ("learning_rate", |t| format!("{:e}", t.learning_rate)),
    ("halve_every", |t| t.halve_every.to_string()),
    ("patience", |t| t.patience.to_string()),
    ("split", |t| t.split.clone()),
    ("normalise", |t| t.normalisation.clone()),
];

/// `command` with everything that help shows beyond the arguments' own words.
pub fn complete(command: Command) -> Command {
    let overview = overview(&command);
    let mut command = command.help_template(overview);
    let defaults = defaults();
    for (name, examples) in EXAMPLES {
        command = command.mut_subcommand(name, |sub| {
            with_defaults(sub, &defaults).after_help(worded(examples))
        });
    }
    command
}

/// The overview of all commands: one line each, in groups.
fn overview(command: &Command) -> String {
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (group, names) in GROUPS {
        let _ = write!(text, "\n{group}:\n");
        for name in names {
            let sub = command.find_subcommand(name);
            let about = sub.and_then(Command::get_about).map(ToString::to_string);
            let _ = writeln!(text, "  {name:<12} {}", about.unwrap_or_default());
        }
    }
    text + "\nOptions:\n{options}\n\nrbgpu COMMAND --help describes a command and ends with examples.\n"
}

fn worded(examples: &[(&str, &str)]) -> String {
    let lines = examples
        .iter()
        .map(|(what, command)| format!("  {what}:\n    {command}"));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// The default of each option in [`PUBLISHED`], such as "otrain 30, des1-des4 50".
fn defaults() -> Vec<(&'static str, String)> {
    let networks: Vec<(String, Training)> = Architecture::published()
        .filter_map(|name| Some((name.to_string(), Architecture::named(name).ok()?.training)))
        .collect();
    let text = |value: Shown| {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (name, training) in &networks {
            let value = value(training);
            match groups.iter_mut().find(|(known, _)| *known == value) {
                Some((_, names)) => names.push(name),
                None => groups.push((value, vec![name])),
            }
        }
        if let [(value, _)] = &groups[..] {
            return value.clone();
        }
        let each = groups.iter().map(|(value, names)| match names[..] {
            [first, .., last] => format!("{first}-{last} {value}"),
            _ => format!("{} {value}", names.join(", ")),
        });
        each.collect::<Vec<_>>().join(", ")
    };
    PUBLISHED.map(|(name, value)| (name, text(value))).to_vec()
}

/// `command` and its own subcommands with the defaults that depend on the network. Only
/// commands that train have all of these options: `reproduce des` has a `--learning-rate` with a
/// default of its own, and no `--batch-size`.
fn with_defaults(command: Command, defaults: &[(&'static str, String)]) -> Command {
    let has = |name: &str| command.get_arguments().any(|arg| arg.get_id() == name);
    let trains = defaults.iter().all(|(name, _)| has(name));
    let mut command = command.mut_subcommands(|sub| with_defaults(sub, defaults));
    if trains {
        let small = (command.get_name() == "train")
            .then(|| format!(" for a network by its name with fewer than {SMALL_SET} candidates"));
        let small = small.as_deref();
        for (name, default) in defaults {
            command = command.mut_arg(name, |arg| told(arg, default, small));
        }
        let augment = small.map_or("none".into(), |small| format!("d4{small}, else none"));
        command = command.mut_arg("augment", |arg| told(arg, &augment, small));
    }
    command
}

/// Adds the default to the help of `arg`. `small` says when the defaults for a small set apply.
fn told(arg: Arg, default: &str, small: Option<&str>) -> Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let more = match (arg.get_id().as_str(), small) {
        ("epochs", Some(small)) => format!("; at least {SMALL_SET_EPOCHS}{small}"),
        ("patience", Some(small)) => format!("; at least {SMALL_SET_PATIENCE}{small}"),
        ("batch_size", _) => {
            "; smaller where an epoch would have fewer than 16 steps, but at least 16".into()
        }
        ("learning_rate", _) => {
            "; larger, up to 1e-3, where a DES network has fewer steps than published".into()
        }
        _ => String::new(),
    };
    arg.help(format!("{help} [default: {default}{more}]"))
}

/// `--version`: the crate's version, the commit it was built from, cargo features, and the GPU
/// interfaces compiled in.
pub fn version() -> String {
    let mut features = Vec::new();
    if cfg!(feature = "parquet") {
        features.push("parquet");
    }
    let features = match features.is_empty() {
        true => "none".to_string(),
        false => features.join(", "),
    };
    format!(
        "{}\ncommit: {}\nfeatures: {features}\nbackends: cpu, {}",
        env!("CARGO_PKG_VERSION"),
        env!("RBGPU_COMMIT"),
        crate::backend::gpu::compiled().join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::super::examples::EXAMPLES;
    use super::GROUPS;
    use crate::cli::command;

    fn names() -> Vec<String> {
        let command = command();
        let names = command.get_subcommands().map(|sub| sub.get_name().into());
        names.filter(|name| name != "help").collect()
    }

    #[test]
    fn every_command_is_in_one_group_and_has_examples() {
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let mut shown: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        let mut all = names();
        all.sort();
        grouped.sort();
        shown.sort();
        assert_eq!(grouped, all);
        assert_eq!(shown, all);
    }

    #[test]
    fn examples_are_commands_that_parse() {
        for (_, examples) in EXAMPLES {
            for (_, example) in examples {
                let at = example.find("rbgpu ").expect("an example calls rbgpu");
                let line = &example[at..];
                let end = line.find(['>', '&']).unwrap_or(line.len());
                let words = line[..end].split_whitespace();
                if let Err(error) = command().try_get_matches_from(words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn help_fits_a_terminal_and_ends_with_examples() {
        for name in names() {
            let mut command = command().term_width(80);
            let sub = command.find_subcommand_mut(&name).expect("its own name");
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Examples:\n"), "{name}");
        }
        let overview = command().term_width(80).render_long_help().to_string();
        for line in overview.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn defaults_that_depend_on_the_network_are_shown() {
        let mut command = command();
        let train = command.find_subcommand_mut("train").expect("it is there");
        let help = train.render_long_help().to_string();
        assert!(
            help.contains("[default: des1-des4 50, otrain 30; at least"),
            "{help}"
        );
    }
}
