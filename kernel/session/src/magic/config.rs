//! `%config`, `%scheduler` and `%workers`.

use super::{Given, table, wrong};
use crate::cell::MagicLine;
use crate::output::Shown;
use crate::runner::Runner;
use crate::settings::{ENTRIES, Scheduler, SettingError};

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

/// Shows or chooses the scheduler: `%scheduler threads 4`, `%scheduler workers 10.0.0.4:7711,10.0.0.5:7711`.
pub(super) fn scheduler(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    let argument = line.argument.trim();
    let settings = &mut runner.session.engine.settings;
    let failed = |e: SettingError| wrong(e.code(), e.to_string(), e.help(), line);
    let (name, threads) = match argument.split_once(char::is_whitespace) {
        Some((name, threads)) if name != Scheduler::Workers.name() => (name, Some(threads)),
        _ => (argument, None),
    };
    if !name.is_empty() {
        settings.set("scheduler", name).map_err(failed)?;
    }
    threads.map_or(Ok(()), |n| settings.set("threads", n)).map_err(failed)?;
    let text = match settings.scheduler {
        Scheduler::Workers => format!("{} {}", settings.scheduler_words(), settings.workers),
        Scheduler::Threads | Scheduler::SingleThreaded | Scheduler::Cuda | Scheduler::Auto => {
            settings.scheduler_words()
        }
    };
    runner.say(&text);
    Ok(None)
}

/// Shows the workers that are connected.
pub(super) fn workers(runner: &mut Runner<'_>, line: &MagicLine) -> Given {
    match runner.session.engine.pool_facts() {
        Ok(pool) => {
            runner.show(Shown::Client(Box::new(pool)));
            Ok(None)
        }
        Err(f) => Err(wrong(f.code, f.message, f.help.unwrap_or_default(), line)),
    }
}
