//! Group windows of processing time that fire early: rows are put into their windows by the clock, which also closes them.

use irmak_common::changelog_spec::{GroupAggregateSpec, WindowEnd};
use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::{OperatorSpec, WindowKind, WindowSpec, WindowStyle};
use irmak_common::types::{Field, Schema, TypeKind};

use crate::harness::*;

/// COUNT(*) and SUM(v) by key and window, said with every row: `k start end last-millisecond count sum kind`.
fn counts(kind: WindowKind) -> OperatorNode {
    let schema = input();
    let first = schema.len();
    let aggregates = vec![call("COUNT", None, TypeKind::BigInt), call("SUM", Some(NUMBER), TypeKind::Int)];
    let mut fields = vec![schema.fields[KEY].clone()];
    fields.extend(["s", "e", "t"].map(|name| Field::new(name, TypeKind::timestamp(3).not_null())));
    fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    let window = WindowSpec { kind, time: None, zone: None, style: WindowStyle::Group };
    let spec = GroupAggregateSpec {
        keys: vec![KEY, first, first + 1, first + 2],
        aggregates,
        retracts: false,
        never_back: Vec::new(),
        mini_batch: None,
        window_end: Some(WindowEnd { key: 2, zone: None, hold: false, lateness_ms: 0, assign: Some(window) }),
        state_ttl_ms: 0,
    };
    node(OperatorSpec::GroupAggregate(spec), Schema::new(fields))
}

fn one(number: i32) -> Step {
    Step::Rows(vec![row("a", number, 0)])
}

#[test]
fn a_window_speaks_with_every_row_and_the_clock_ends_it() {
    let tumble = WindowKind::Tumble { size: 10, offset: 0 };
    let script = [Step::Clock(101), one(1), Step::Clock(109), one(2), Step::Watermark(500), Step::Rescale(2), Step::Clock(110), one(4)];
    let lines = ["a 100 110 109 1 1 0", "a 100 110 109 1 1 1", "a 100 110 109 2 3 2", "--- 500", "a 110 120 119 1 4 0"];
    check(counts(tumble), &script, &lines);
}

#[test]
fn a_row_is_in_all_windows_that_hop_over_it() {
    let hop = WindowKind::Hop { size: 10, slide: 5, offset: 0 };
    let script = [Step::Clock(101), one(1), Step::Clock(105), one(2)];
    let lines = ["a 100 110 109 1 1 0", "a 95 105 104 1 1 0", "a 105 115 114 1 2 0", "a 100 110 109 1 1 1", "a 100 110 109 2 3 2"];
    check(counts(hop), &script, &lines);
}

#[test]
fn a_window_that_is_over_leaves_no_state_and_a_clock_set_back_does_not_open_it_again() {
    let mut cluster = Cluster::new(counts(WindowKind::Tumble { size: 10, offset: 0 }), 1).unwrap();
    let size = |cluster: &mut Cluster| cluster.rescale(1).unwrap().iter().map(|snapshot| snapshot.size()).sum::<u64>();
    let empty = size(&mut cluster);
    cluster.now = 101;
    cluster.rows(&[row("a", 1, 0)]).unwrap();
    assert!(size(&mut cluster) > empty);
    cluster.clock(110).unwrap();
    assert_eq!(size(&mut cluster), empty);
    cluster.now = 103;
    assert_eq!(render(&cluster.rows(&[row("a", 2, 0)]).unwrap()), ["a 110 120 119 1 2 0"]);
    assert_eq!(cluster.late(), 0);
}
