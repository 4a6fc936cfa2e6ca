//! The source against librdkafka's mock cluster: partitions, positions, restarts, trouble.
