//! The limit of open files, of which each connection is one.

/// Descriptors that are not for connections of clients: the store, the log, connections to databases and other servers.
const OTHERS: u64 = 128;

/// How many of the wanted connections the operating system lets this process have. It raises the limit of the process as far as it may.
/// Without this, a process with too few descriptors would leave new clients waiting.
pub(super) fn fit(wanted: usize) -> usize {
    let needed = u64::try_from(wanted)
        .unwrap_or(u64::MAX)
        .saturating_add(OTHERS);
    let Ok(limit) = rlimit::increase_nofile_limit(needed) else {
        return wanted;
    };
    let most = most(limit);
    if wanted <= most {
        return wanted;
    }
    tracing::warn!(
        open_files = limit,
        connections = most,
        "this process may open too few files for limits.connections; raise the limit (LimitNOFILE of systemd, ulimit -n)"
    );
    most
}

/// The connections for which there is room below a limit of descriptors.
fn most(limit: u64) -> usize {
    let left = limit.saturating_sub(OTHERS).max(limit / 4).max(1);
    usize::try_from(left).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_descriptors_are_left_for_others() {
        assert_eq!(most(1024), 896);
        // Where there are very few, most of them are needed by others.
        assert_eq!(most(128), 32);
        assert_eq!(most(0), 1);
    }
}
