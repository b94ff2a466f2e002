//! Progress of long commands on standard error: one moving line on a terminal, otherwise a line now and then.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Steps between two lines where there is no terminal.
const EVERY: u64 = 10_000;

/// What was done so far.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    done: u64,
    of: Option<u64>,
}

impl Progress {
    /// Progress in so many `what`; `None`: it is not known how many there are.
    pub(super) fn new(what: &'static str, of: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, template) = match of {
                Some(of) => (
                    ProgressBar::new(of),
                    "[{elapsed_precise}] {wide_bar} {human_pos} of {human_len} {msg}, {eta} left",
                ),
                None => (
                    ProgressBar::new_spinner(),
                    "[{elapsed_precise}] {spinner} {human_pos} {msg}",
                ),
            };
            bar.enable_steady_tick(Duration::from_millis(200));
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.with_message(what)
        });
        Self {
            bar,
            what,
            done: 0,
            of,
        }
    }

    /// One more is done.
    pub(super) fn step(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.done.is_multiple_of(EVERY) => {
                let of = self.of.map_or_else(String::new, |of| format!(" of {of}"));
                let _ = writeln!(std::io::stderr(), "{}{of} {}", self.done, self.what);
            }
            None => {}
        }
    }

    /// All is done.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How much of a file is written, on a terminal only: what writes the file says nothing meanwhile.
pub(super) struct Growing {
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Growing {
    /// A file that will have about so many bytes. `then` says what follows when it has them.
    pub(super) fn new(file: PathBuf, bytes: u64, then: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { end: None };
        }
        let (end, ended) = channel();
        let shown = spawn(move || {
            let bar = ProgressBar::new(bytes);
            let template = "[{elapsed_precise}] {wide_bar} {bytes} of {total_bytes} {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            while let Err(RecvTimeoutError::Timeout) =
                ended.recv_timeout(Duration::from_millis(200))
            {
                let written = std::fs::metadata(&file).map_or(0, |file| file.len());
                bar.set_position(written.min(bytes));
                bar.set_message(if written >= bytes { then } else { "" });
            }
            bar.finish_and_clear();
        });
        Self {
            end: Some((end, shown)),
        }
    }

    /// It is written.
    pub(super) fn end(self) {
        if let Some((end, shown)) = self.end {
            drop(end);
            let _ = shown.join();
        }
    }
}
