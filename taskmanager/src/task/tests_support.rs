//! Descriptors for tests.

use irmak_common::id::AttemptId;
use irmak_common::job_graph::{JobOptions, RestartStrategy};
use irmak_common::key_group::MaxParallelism;
use irmak_common::task::TaskDescriptor;

/// A descriptor with nothing in it.
pub(crate) fn descriptor(attempt: AttemptId) -> TaskDescriptor {
    TaskDescriptor {
        attempt,
        job_name: "job".to_owned(),
        vertex_name: "vertex".to_owned(),
        parallelism: 1,
        max_parallelism: MaxParallelism::default(),
        slot: 0,
        chain: Vec::new(),
        inputs: Vec::new(),
        input_schemas: Vec::new(),
        outputs: Vec::new(),
        options: JobOptions { checkpointing: None, restart: RestartStrategy::None, configuration: Default::default() },
        checkpoint_dir: "file:///nowhere".to_owned(),
        restore: None,
    }
}
