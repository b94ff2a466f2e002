//! CPU time and memory of a process and its descendants, from /proc.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use crate::Failure;

/// Linux reports CPU times to user space in hundredths of a second on every architecture that this runs on.
const TICK: Duration = Duration::from_millis(10);

/// What a process and its descendants have used.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    /// CPU time in user mode and in the kernel, ended children included.
    pub cpu: Duration,
    /// The part of it in user mode: code of the process, without system calls.
    pub user: Duration,
    /// Memory that is resident now, in kB.
    pub resident_kb: u64,
}

struct Stat {
    parent: u32,
    ticks: u32,
    user_ticks: u32,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may have spaces and parentheses.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u32>().ok();
    // utime, stime, cutime, cstime
    let user_ticks = number(11)? + number(13)?;
    Some(Stat {
        parent: number(1)?,
        ticks: user_ticks + number(12)? + number(14)?,
        user_ticks,
    })
}

fn resident_kb(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Reads what a process and its descendants have used.
pub fn usage(pid: u32) -> Result<Usage, Failure> {
    let stats: HashMap<u32, Stat> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    if !stats.contains_key(&pid) {
        return Err(format!("there is no process {pid}").into());
    }
    let mut usage = Usage::default();
    let mut family = vec![pid];
    while let Some(member) = family.pop() {
        usage.cpu += TICK * stats[&member].ticks;
        usage.user += TICK * stats[&member].user_ticks;
        usage.resident_kb += resident_kb(member).unwrap_or(0);
        family.extend(
            stats
                .iter()
                .filter(|(_, stat)| stat.parent == member)
                .map(|(child, _)| *child),
        );
    }
    Ok(usage)
}
