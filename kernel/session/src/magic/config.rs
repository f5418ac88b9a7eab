//! `%config` and `%scheduler`.

use super::{Given, table, wrong};
use crate::cell::MagicLine;
use crate::runner::Runner;
use crate::settings::{ENTRIES, Scheduler};

/// Shows all settings, or one, or sets one: `%config optimize.fold = off`.
pub(super) fn config(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let (key, value) = match line.argument.split_once('=').or_else(|| line.argument.split_once(char::is_whitespace)) {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (line.argument.trim(), None),
    };
    let settings = &mut runner.session.engine.settings;
    match value {
        Some(value) => {
            settings.set(key, value).map(|()| None).map_err(|e| wrong(e.code(), e.to_string(), e.help(), line))
        }
        None if key.is_empty() => {
            let row = |e: &crate::settings::Setting| vec![e.key.to_owned(), (e.show)(settings), e.doc.to_owned()];
            let rows = ENTRIES.iter().map(row).collect();
            table(runner, &["setting", "value", "what it is"], rows, "")
        }
        None => match ENTRIES.iter().find(|e| e.key == key) {
            Some(entry) => {
                let text = format!("{} = {}", entry.key, (entry.show)(settings));
                runner.say(&text);
                Ok(None)
            }
            None => {
                settings.clone().set(key, "").map(|()| None).map_err(|e| wrong(e.code(), e.to_string(), e.help(), line))
            }
        },
    }
}

/// Shows or chooses the scheduler: `%scheduler threads 4`.
pub(super) fn scheduler(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let mut words = line.argument.split_whitespace();
    let settings = &mut runner.session.engine.settings;
    if let Some(name) = words.next() {
        let known = || format!("the schedulers are {}", Scheduler::NAMES.join(", "));
        let unknown = || wrong("unknown-scheduler", format!("there is no scheduler `{name}` here"), known(), line);
        settings.scheduler = Scheduler::parse(name).ok_or_else(unknown)?;
    }
    if let Some(threads) = words.next() {
        settings.set("threads", threads).map_err(|e| wrong(e.code(), e.to_string(), e.help(), line))?;
    }
    let text = settings.scheduler_words();
    runner.say(&text);
    Ok(None)
}
