//! `cleave repl`: programs typed line by line, with history, completion and blocks.

use crate::options::How;
use crate::run::{on_big_stack, settings, stop_on_signal};
use crate::terminal::{Terminal, line};
use cleave_session::assist::Completeness;
use cleave_session::output::Payload;
use cleave_session::{Assistant, Cell, Session, Settings};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers,
    MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span,
    Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Inputs that are kept from session to session.
const HISTORY: usize = 10_000;
const MENU: &str = "completion";

/// The names as of the last cell; guards a snapshot that the editor reads while it waits for keys.
type Shared = Arc<Mutex<Assistant>>;

/// Reads, evaluates and prints until the input ends.
pub(crate) fn repl(how: &How) -> ExitCode {
    let settings = match settings(how) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    on_big_stack(|| if std::io::stdin().is_terminal() { interactive(settings) } else { piped(settings) })
}

fn interactive(settings: Settings) -> ExitCode {
    line(&format!(
        "Cleave {} · {} · Ctrl-D leaves, name? explains",
        env!("CARGO_PKG_VERSION"),
        settings.scheduler_words()
    ));
    let mut session = Session::new(settings).with_dashboard(cleave_dashboard::opener());
    stop_on_signal(&session);
    let shared: Shared = Arc::default();
    let mut editor = editor(&shared);
    loop {
        match editor.read_line(&Numbered(session.count() + 1)) {
            Ok(Signal::Success(code)) if code.trim().is_empty() => {}
            Ok(Signal::Success(code)) => {
                if evaluate(&mut session, code) {
                    break;
                }
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = session.assistant();
            }
            Ok(Signal::CtrlD) | Err(_) => break,
            Ok(_) => {}
        }
    }
    ExitCode::SUCCESS
}

/// Without a terminal: cells are taken from standard input as they become complete.
fn piped(settings: Settings) -> ExitCode {
    let mut session = Session::new(settings);
    stop_on_signal(&session);
    let mut code = String::new();
    for next in std::io::stdin().lock().lines().map_while(Result::ok) {
        code.push_str(&next);
        code.push('\n');
        let typed = code.strip_suffix('\n').unwrap_or(&code);
        let ready = !matches!(session.assistant().completeness(typed), Completeness::Incomplete { .. });
        if ready && !code.trim().is_empty() && evaluate(&mut session, std::mem::take(&mut code)) {
            return ExitCode::SUCCESS;
        }
    }
    if !code.trim().is_empty() {
        evaluate(&mut session, code);
    }
    ExitCode::SUCCESS
}

/// Whether the user wants to leave.
fn evaluate(session: &mut Session, code: String) -> bool {
    let cell = Cell { code, store_history: true, ..Cell::default() };
    let outcome = session.evaluate(&cell, &mut Terminal::new(false));
    outcome.payloads.iter().any(|p| matches!(p, Payload::Exit))
}

fn editor(shared: &Shared) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let next = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, next);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, ReedlineEvent::Edit(vec![EditCommand::InsertNewline]));
    let menu = ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU)));
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Blocks(Arc::clone(shared))))
        .with_completer(Box::new(Names(Arc::clone(shared))))
        .with_menu(menu);
    match history_file().and_then(|file| FileBackedHistory::with_file(HISTORY, file).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

fn history_file() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")))?;
    Some(data.join("cleave").join("history.txt"))
}

/// Asks for more lines while a block or bracket is open.
struct Blocks(Shared);

impl Validator for Blocks {
    fn validate(&self, code: &str) -> ValidationResult {
        let assistant = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match assistant.completeness(code) {
            Completeness::Incomplete { .. } => ValidationResult::Incomplete,
            Completeness::Complete | Completeness::Invalid => ValidationResult::Complete,
        }
    }
}

/// Completes names, attributes, parameters and magics.
struct Names(Shared);

impl Completer for Names {
    fn complete(&mut self, code: &str, offset: usize) -> CompletionResult {
        let assistant = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let cursor = code.get(..offset).map_or(0, |before| before.chars().count());
        let found = assistant.complete(code, cursor);
        let byte = |place: usize| code.char_indices().nth(place).map_or(code.len(), |(at, _)| at);
        let span = Span { start: byte(found.start), end: byte(found.end) };
        let suggest = |c: cleave_session::assist::Completion| Suggestion {
            value: c.text,
            description: (!c.signature.is_empty()).then_some(c.signature),
            span,
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.matches.into_iter().map(suggest).collect::<Vec<_>>())
    }
}

/// `[1]: `, and dots for further lines.
struct Numbered(u32);

impl Prompt for Numbered {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Owned(format!("[{}]: ", self.0))
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{}... ", " ".repeat(self.0.to_string().len())))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}
