//! Zarr arrays that workers write themselves, where they may; and workers whose memory is short.

use crate::support::{fill, map};
use crate::workers::{Started, Task, bits, connect};
use cleave_cpu::{Cancel, Control, Pool, run};
use cleave_graph::Graph;
use cleave_ops::{AxisChunks, Chunks, DType, Data, Fill, Law, Region, Scalar, Shape};
use cleave_plan::{Cut, Event, RunError, RunReport, Sink, SourceError, Sources};
use cleave_remote::cluster::{Cluster, RemoteJob};
use cleave_remote::roots::Roots;
use cleave_remote::spec::{Limits, plan_of, prepare};
use cleave_remote::worker::WorkerOptions;
use cleave_store::{Compressor, NewZarr, ZarrFormat, ZarrSink, create_zarr};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A sink that counts what comes through the kernel.
struct Counted {
    sink: ZarrSink,
    copied: AtomicUsize,
}

impl Sink for Counted {
    fn put(&self, region: &Region, data: Data) -> Result<(), SourceError> {
        self.copy(region, &data)
    }

    fn copy(&self, region: &Region, data: &Data) -> Result<(), SourceError> {
        self.copied.fetch_add(1, Ordering::Relaxed);
        self.sink.copy(region, data)
    }

    fn lend(&self) -> Option<PathBuf> {
        self.sink.lend()
    }

    fn note(&self, region: &Region) -> Result<(), SourceError> {
        self.sink.note(region)
    }
}

/// An array to be stored.
struct Stored {
    task: Task,
    new: NewZarr,
}

impl Stored {
    fn new(lens: [usize; 2], chunk: usize, threads: usize) -> Self {
        let (mut graph, shape) = (Graph::new(), Shape::new(lens));
        let law = Law::Normal { mean: Scalar::Float(0.5), std: Scalar::Float(3.0) };
        let x = fill(&mut graph, Fill::Random { seed: 1, draw: 0, law }, &shape, DType::F64);
        let y = map(&mut graph, "sin", &[x]);
        let chunks = Chunks(lens.map(|len| AxisChunks::regular(len, chunk)).into_iter().collect());
        let new = NewZarr {
            chunks: chunks.clone(),
            dtype: DType::F64,
            format: ZarrFormat::V3,
            compressor: Compressor::Zstd,
            dimension_names: None,
            overwrite: false,
        };
        let mut task = Task::new(&graph, &[(y, Cut::Grid(chunks))], &Sources::new(), threads, false);
        task.parts.wanted[0].held = false;
        Self { task, new }
    }

    fn here(&self, path: &Path) {
        let sink = Arc::new(create_zarr(path, &self.new).unwrap());
        let control = Control { cancel: Cancel::default(), events: &|_| {} };
        let plan = plan_of(&self.task.parts).unwrap();
        run(&Pool::new(2).unwrap(), &plan, &Sources::new(), &[Arc::clone(&sink) as _], &control).unwrap();
        Arc::into_inner(sink).unwrap().finish().unwrap();
    }

    /// Stores it by workers; the report, and how many chunks came through the kernel.
    fn there(
        &self,
        cluster: &Cluster,
        path: &Path,
        cancel: &Cancel,
        events: &(dyn Fn(Event) + Sync),
    ) -> Result<(RunReport, usize), RunError> {
        let sink = Arc::new(Counted { sink: create_zarr(path, &self.new).unwrap(), copied: AtomicUsize::new(0) });
        let mut parts = self.task.parts.clone();
        parts.wanted[0].zarr = Some(sink.lend().unwrap().to_str().unwrap().to_owned());
        let prepared = prepare(&parts, Arc::new(plan_of(&parts).unwrap()), &Limits::default()).unwrap();
        let job = RemoteJob { prepared: &prepared, parts: &parts, sources: &Sources::new() };
        let control = Control { cancel: cancel.clone(), events };
        let done = cluster.run(&job, &[Arc::clone(&sink) as _], &control);
        while Arc::strong_count(&sink) > 1 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let counted = Arc::into_inner(sink).unwrap();
        let (report, _) = done?;
        counted.sink.finish().unwrap();
        Ok((report, counted.copied.into_inner()))
    }
}

fn writer(folder: &Path) -> Started {
    let roots = Roots::new(&[], &[folder.to_path_buf()]).unwrap();
    Started::with(WorkerOptions { roots, ..Started::options(1) })
}

fn files(at: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(at).unwrap().map(|e| e.unwrap().path()) {
        match entry.is_dir() {
            true => {
                all.extend(files(&entry).into_iter().map(|(p, b)| (Path::new(entry.file_name().unwrap()).join(p), b)))
            }
            false => all.push((entry.file_name().unwrap().into(), fs::read(&entry).unwrap())),
        }
    }
    all.sort();
    all
}

#[test]
fn workers_write_what_they_finish_where_they_may() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (stored, here) = (Stored::new([1000, 900], 128, 2), folder.path().join("here.zarr"));
    stored.here(&here);
    let (count, nbytes) = (stored.new.chunks.count(), 1000 * 900 * 8);
    let pools = [
        ("all may", vec![writer(folder.path()), writer(folder.path())]),
        ("one may", vec![writer(folder.path()), Started::new(1)]),
        ("none may", vec![writer(elsewhere.path()), Started::new(1)]),
    ];
    for (name, workers) in pools {
        let (cluster, there) = (connect(&workers), folder.path().join(name));
        let (report, copied) = stored.there(&cluster, &there, &Cancel::default(), &|_| {}).unwrap();
        assert_eq!(report.bytes_written, nbytes, "{name}");
        match name {
            "all may" => assert_eq!(copied, 0),
            "none may" => assert_eq!(copied, count),
            // It may be that one of them did all.
            _ => assert!(copied <= count, "{copied} of {count}"),
        }
        assert_eq!(files(&there), files(&here), "{name}");
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn a_worker_that_dies_while_it_writes_leaves_nothing_half() {
    let folder = TempDir::new().unwrap();
    let (stored, here) = (Stored::new([2400, 2000], 200, 2), folder.path().join("here.zarr"));
    stored.here(&here);
    for percent in [20.0, 60.0] {
        let mut workers = vec![writer(folder.path()), writer(folder.path())];
        let cluster = connect(&workers);
        let killed = Mutex::new(Some(workers.pop().unwrap()));
        let kill = |event: Event| {
            if matches!(&event, Event::Progress(p) if p.percent() >= percent) {
                killed.lock().unwrap().take().into_iter().for_each(|mut worker| worker.kill());
            }
        };
        let there = folder.path().join(format!("there-{percent}.zarr"));
        stored.there(&cluster, &there, &Cancel::default(), &kill).unwrap();
        assert_eq!(files(&there), files(&here), "killed at {percent} %");
    }
}

#[test]
fn a_cancelled_run_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let (stored, workers) = (Stored::new([8000, 6000], 200, 2), [writer(folder.path()), writer(folder.path())]);
    let (cluster, cancel) = (connect(&workers), Cancel::default());
    let stop = |event: Event| {
        if matches!(&event, Event::Progress(p) if p.percent() >= 10.0) {
            cancel.cancel();
        }
    };
    let error = stored.there(&cluster, &folder.path().join("x.zarr"), &cancel, &stop).map(|_| ()).unwrap_err();
    assert!(matches!(error, RunError::Cancelled), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn several_kernels_have_one_memory_and_the_same_bits() {
    let (graph, wanted) = crate::same_bits::moments([2000, 1000]);
    // Little enough that what is kept between stages goes to disk.
    let worker = || Started::with(WorkerOptions { memory_bytes: 24 << 20, ..Started::options(1) });
    let workers = [worker(), worker()];
    let task = Task::new(&graph, &wanted, &Sources::new(), 2, true);
    let local = bits(&task.local());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let cluster = connect(&workers);
                (0..2).for_each(|_| assert_eq!(bits(&task.remote(&cluster).unwrap().data), local));
            });
        }
    });
}

#[test]
fn a_task_larger_than_a_worker_is_refused_and_the_worker_named() {
    let small = Started::with(WorkerOptions { memory_bytes: 1 << 20, ..Started::options(1) });
    let task = Stored::new([2000, 2000], 1000, 1).task;
    let error = task.remote(&connect(&[small])).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "task-too-large");
    let large = Started::new(1);
    let small = Started::with(WorkerOptions { memory_bytes: 1 << 20, ..Started::options(1) });
    assert!(error.to_string().contains("127.0.0.1:"), "{error}");
    // One that has the memory does it all.
    let outcome = task.remote(&connect(&[small, large])).unwrap();
    assert_eq!(bits(&outcome.data), bits(&task.local()));
}
