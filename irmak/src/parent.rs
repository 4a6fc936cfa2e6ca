//! Ending with one's parent: a child whose standard input is a pipe from its parent sees it close when the parent is gone, however
//! that happened.

use std::io::Read;

use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;

/// Triggers `shutdown` when standard input ends.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn follow(shutdown: &Shutdown) -> std::io::Result<()> {
    let shutdown = shutdown.clone();
    tasks::spawn_thread("parent", move || {
        let mut sink = [0; 64];
        while matches!(std::io::stdin().read(&mut sink), Ok(read) if read > 0) {}
        shutdown.trigger();
    })?;
    Ok(())
}
