//! A kernel that serves: what its threads share, and how they start and end.

use crate::cards::Cards;
use crate::connection::Connection;
use crate::error::Error;
use crate::iopub::{Iopub, publisher};
use crate::jobs::Jobs;
use crate::router::{Outbox, deliver, receive};
use crate::sockets::{self, Sockets};
use crate::stdin::Stdin;
use crate::wire::{Composer, Key, Request};
use crate::{control, execute, process, questions};
use cleave_session::{Assistant, Cancel, STACK_BYTES, Session};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::SignalKind;
use tokio::sync::{mpsc as ways, oneshot};

/// Output that is still queued at the end may take so long to leave.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// Replies have no signal that they left; this suffices on one machine.
const LAST_REPLIES: Duration = Duration::from_millis(50);

/// Why a kernel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// A client asked for it, perhaps in order to start it again.
    Shutdown {
        /// Whether it will be started again.
        restart: bool,
    },
    /// The process that started it is gone.
    ParentGone,
    /// A signal asked for it.
    Terminated,
}

/// What the threads of a kernel share.
pub(crate) struct Kernel {
    pub(crate) iopub: Arc<Iopub>,
    pub(crate) shell: Outbox,
    pub(crate) control: Outbox,
    pub(crate) stdin: Stdin,
    pub(crate) jobs: Jobs,
    pub(crate) cancel: Cancel,
    /// What is kept fresh of what cells have shown.
    pub(crate) cards: Cards,
    /// The session's names as of its last cell.
    assistant: Mutex<Assistant>,
    exit: ways::UnboundedSender<ExitReason>,
}

impl Kernel {
    /// Stops the running cell, if there is one.
    pub(crate) fn interrupt(&self) {
        if self.iopub.is_running() {
            self.cancel.cancel();
        }
    }

    pub(crate) fn exit(&self, reason: ExitReason) {
        // The receiver is gone only if the kernel is ending already.
        let _ = self.exit.send(reason);
    }

    pub(crate) fn assistant(&self) -> Assistant {
        self.assistant.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn learn(&self, assistant: Assistant) {
        *self.assistant.lock().unwrap_or_else(PoisonError::into_inner) = assistant;
    }
}

/// Serves a connection until the end. A cell may still be running then: the caller should end the process.
pub fn serve(connection: Connection, session: impl FnOnce() -> Session + Send + 'static) -> Result<ExitReason, Error> {
    process::raise_file_limit();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sockets")
        .enable_all()
        .build()
        .map_err(Error::Threads)?;
    let ended = run(&runtime, &connection, session);
    sockets::remove_files(&connection);
    runtime.shutdown_background();
    ended
}

fn run(
    runtime: &Runtime,
    connection: &Connection,
    session: impl FnOnce() -> Session + Send + 'static,
) -> Result<ExitReason, Error> {
    let sockets = runtime.block_on(sockets::open(connection))?;
    let evaluation = Evaluation::start(session)?;
    let (exit, exits) = ways::unbounded_channel();
    let kernel = connect(runtime.handle(), sockets, &connection.key, &evaluation, exit)?;
    // The thread that takes it ends only in a panic, which `until_exit` notices.
    let _ = evaluation.kernel.send(kernel.clone());
    runtime.block_on(until_exit(&kernel, exits, evaluation.ended))
}

/// The thread that owns the session.
struct Evaluation {
    cancel: Cancel,
    assistant: Assistant,
    kernel: mpsc::Sender<Arc<Kernel>>,
    /// Resolves when the thread is gone.
    ended: oneshot::Receiver<Infallible>,
}

impl Evaluation {
    fn start(session: impl FnOnce() -> Session + Send + 'static) -> Result<Self, Error> {
        let (started, start) = mpsc::channel();
        let (kernel, kernels) = mpsc::channel::<Arc<Kernel>>();
        let (alive, ended) = oneshot::channel::<Infallible>();
        let body = move || {
            let _alive = alive;
            let mut session = session();
            let _ = started.send((session.cancel(), session.assistant()));
            if let Ok(kernel) = kernels.recv() {
                execute::serve(&mut session, &kernel);
            }
        };
        thread::Builder::new()
            .name("evaluation".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(body)
            .map_err(Error::Threads)?;
        let (cancel, assistant) = start.recv().map_err(|_| Error::EvaluationEnded)?;
        Ok(Self { cancel, assistant, kernel, ended })
    }
}

/// Starts the socket tasks and the thread for questions.
fn connect(
    runtime: &Handle,
    sockets: Sockets,
    key: &str,
    evaluation: &Evaluation,
    exit: ways::UnboundedSender<ExitReason>,
) -> Result<Arc<Kernel>, Error> {
    let composer = Arc::new(Composer::new(Key::new(key)));
    let (shell_sender, shell_receiver) = sockets.shell.split();
    let (control_sender, control_receiver) = sockets.control.split();
    let (stdin_sender, stdin_receiver) = sockets.stdin.split();
    let outbox = |sender| {
        let (outbox, messages) = Outbox::new(composer.clone());
        runtime.spawn(deliver(sender, messages));
        outbox
    };
    let kernel = Arc::new(Kernel {
        iopub: Arc::new(Iopub::new(composer.clone())),
        shell: outbox(shell_sender),
        control: outbox(control_sender),
        stdin: Stdin::new(outbox(stdin_sender)),
        jobs: Jobs::default(),
        cancel: evaluation.cancel.clone(),
        cards: Cards::default(),
        assistant: Mutex::new(evaluation.assistant.clone()),
        exit,
    });
    kernel.iopub.started();
    let asked = ask_thread(kernel.clone())?;
    runtime.spawn(sockets::beat(sockets.heartbeat));
    runtime.spawn(publisher::publish(kernel.iopub.clone(), sockets.iopub, sockets.iopub_listener));
    let shared = kernel.clone();
    runtime.spawn(receive(control_receiver, composer.clone(), move |request| control::take(&shared, &request)));
    let shared = kernel.clone();
    runtime.spawn(receive(stdin_receiver, composer.clone(), move |request| shared.stdin.take(&request)));
    let shared = kernel.clone();
    runtime.spawn(receive(shell_receiver, composer, move |request| sort(&shared, &asked, request)));
    let shared = kernel.clone();
    runtime.spawn(process::on_signal(SignalKind::interrupt(), move || shared.interrupt()));
    let shared = kernel.clone();
    runtime.spawn(process::on_signal(SignalKind::terminate(), move || shared.exit(ExitReason::Terminated)));
    Ok(kernel)
}

/// A request of the shell channel goes where it is answered.
fn sort(kernel: &Kernel, asked: &mpsc::Sender<Request>, request: Request) {
    match request.header.kind.as_str() {
        "execute_request" => kernel.jobs.push(request),
        "shutdown_request" | "interrupt_request" => control::answer(kernel, &kernel.shell, &request),
        // The thread for questions lives as long as the process.
        _ => drop(asked.send(request)),
    }
}

fn ask_thread(kernel: Arc<Kernel>) -> Result<mpsc::Sender<Request>, Error> {
    let (asked, requests) = mpsc::channel();
    let body = move || requests.iter().for_each(|request| questions::answer(&kernel, &kernel.shell, &request));
    thread::Builder::new().name("questions".to_owned()).stack_size(STACK_BYTES).spawn(body).map_err(Error::Threads)?;
    Ok(asked)
}

async fn until_exit(
    kernel: &Kernel,
    mut exits: ways::UnboundedReceiver<ExitReason>,
    evaluation_ended: oneshot::Receiver<Infallible>,
) -> Result<ExitReason, Error> {
    let ended = tokio::select! {
        Some(reason) = exits.recv() => Ok(reason),
        () = process::parent_gone() => Ok(ExitReason::ParentGone),
        _ = evaluation_ended => Err(Error::EvaluationEnded),
    };
    kernel.cancel.cancel();
    let _ = tokio::time::timeout(LAST_OUTPUT, kernel.iopub.barrier()).await;
    tokio::time::sleep(LAST_REPLIES).await;
    ended
}
