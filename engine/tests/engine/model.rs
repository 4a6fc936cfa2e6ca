//! Windows as they are explained: one row after the other, every window by itself, a watermark after every row. Slow, and obvious.
//! Random scripts must give the same through the operators, whatever the batches, the parallelism and the restarts in between.

use std::collections::BTreeMap;

use irmak_common::element::Element;
use irmak_common::operator_spec::{WindowKind, WindowStyle};
use irmak_common::time::Millis;
use proptest::prelude::*;

use crate::harness::*;
use crate::watermarks::watermark_node;

/// The rows of one window of one key.
type Members = Vec<Row>;

#[derive(Default)]
struct Model {
    /// By (end, start, key).
    windows: BTreeMap<(Millis, Millis, Option<String>), Members>,
    watermark: Option<Millis>,
    late: u64,
}

impl Model {
    fn is_over(&self, end: Millis) -> bool {
        self.watermark.is_some_and(|watermark| end - 1 <= watermark)
    }

    fn row(&mut self, kind: &WindowKind, row: &Row) {
        let time = row.time.unwrap();
        if let WindowKind::Session { gap } = kind {
            return self.session(*gap, row, time);
        }
        let windows = windows_of(kind, time);
        if !windows.is_empty() && windows.iter().all(|(_, end)| self.is_over(*end)) {
            self.late += 1;
        }
        for (start, end) in windows {
            if !self.is_over(end) {
                self.windows.entry((end, start, row.key.clone())).or_default().push(row.clone());
            }
        }
    }

    fn session(&mut self, gap: Millis, row: &Row, time: Millis) {
        let (mut start, mut end) = (time, time + gap);
        let touched: Vec<_> = self.windows.keys().filter(|(e, s, key)| *key == row.key && *s <= end && start <= *e).cloned().collect();
        let mut members = Members::new();
        for key in touched {
            (start, end) = (start.min(key.1), end.max(key.0));
            members.extend(self.windows.remove(&key).unwrap());
        }
        if members.is_empty() && self.is_over(end) {
            self.late += 1;
            return;
        }
        members.push(row.clone());
        self.windows.insert((end, start, row.key.clone()), members);
    }

    /// The results that a watermark brings.
    fn watermark(&mut self, watermark: Millis) -> Vec<String> {
        if self.watermark.is_some_and(|before| before >= watermark) {
            return Vec::new();
        }
        self.watermark = Some(watermark);
        let over: Vec<_> = self.windows.keys().filter(|(end, _, _)| end - 1 <= watermark).cloned().collect();
        over.into_iter().map(|window| line(&window, &self.windows.remove(&window).unwrap())).collect()
    }
}

/// Every window that holds a time, tried out.
fn windows_of(kind: &WindowKind, time: Millis) -> Vec<(Millis, Millis)> {
    let candidates: Vec<(Millis, Millis)> = match *kind {
        WindowKind::Tumble { size, offset } => (-600..600).map(|n| (n * size + offset, (n + 1) * size + offset)).collect(),
        WindowKind::Hop { size, slide, offset } => (-600..600).map(|n| (n * slide + offset, n * slide + offset + size)).collect(),
        WindowKind::Cumulate { size, step, offset } => {
            (-600..600).flat_map(|n| (1..=size / step).map(move |m| (n * size + offset, n * size + offset + m * step))).collect()
        }
        _ => Vec::new(),
    };
    candidates.into_iter().filter(|(start, end)| *start <= time && time < *end).collect()
}

/// Key, COUNT, SUM, MIN, MAX, AVG, start, end.
fn line((end, start, key): &(Millis, Millis, Option<String>), members: &Members) -> String {
    let numbers: Vec<i32> = members.iter().filter_map(|row| row.number).collect();
    let show = |number: Option<i64>| number.map_or("-".into(), |number| number.to_string());
    let sum = numbers.iter().map(|number| i64::from(*number)).sum::<i64>();
    let wrapped = (!numbers.is_empty()).then_some(i64::from(sum as i32));
    let mean = (!numbers.is_empty()).then(|| sum / numbers.len() as i64);
    format!(
        "{} {} {} {} {} {} {start} {end}",
        key.as_deref().unwrap_or("-"),
        members.len(),
        show(wrapped),
        show(numbers.iter().min().map(|number| i64::from(*number))),
        show(numbers.iter().max().map(|number| i64::from(*number))),
        show(mean),
    )
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn kinds() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        (1..40i64, -20..20i64).prop_map(|(size, offset)| WindowKind::Tumble { size, offset }),
        (1..60i64, 1..20i64, -20..20i64).prop_map(|(size, slide, offset)| WindowKind::Hop { size, slide, offset }),
        (80..150i64, -20..20i64).prop_map(|(size, offset)| WindowKind::Hop { size, slide: 1, offset }),
        (1..20i64, 1..8i64, -20..20i64).prop_map(|(step, steps, offset)| WindowKind::Cumulate { size: step * steps, step, offset }),
        (1..30i64).prop_map(|gap| WindowKind::Session { gap }),
    ]
}

fn rows() -> impl Strategy<Value = Row> {
    (prop::option::weighted(0.9, "[a-e]"), prop::option::weighted(0.9, any::<i32>()), -100..200i64).prop_map(|(key, number, time)| Row {
        key,
        number,
        time: Some(time),
        mark: Some(time),
        ..Row::default()
    })
}

#[derive(Clone, Debug)]
enum Event {
    Rows(Vec<Row>),
    Watermark(Millis),
    Rescale(u32),
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop::collection::vec(rows(), 1..30).prop_map(Event::Rows),
        // In steps, so that most rows are not late.
        5 => (-100..200i64).prop_map(Event::Watermark),
        1 => (1..5u32).prop_map(Event::Rescale),
    ]
}

fn styles() -> impl Strategy<Value = WindowStyle> {
    prop_oneof![Just(WindowStyle::Group), Just(WindowStyle::TableFunction)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_those_of_the_model(kind in kinds(), style in styles(), events in prop::collection::vec(events(), 1..30)) {
        let mut cluster = Cluster::new(window_node(window(kind.clone(), style, usual_calls())), 2).unwrap();
        let (mut model, mut late, mut watermark) = (Model::default(), 0, -100);
        for event in events.into_iter().chain([Event::Watermark(i64::MAX)]) {
            match event {
                Event::Rows(rows) => {
                    rows.iter().for_each(|row| model.row(&kind, row));
                    prop_assert!(cluster.rows(&rows).unwrap().is_empty());
                }
                Event::Watermark(to) => {
                    // Rises slowly at first, so that there is something to be late for.
                    watermark = if to == i64::MAX { to } else { watermark + (to - watermark).max(0) / 4 };
                    let lines = render(&cluster.watermark(watermark).unwrap());
                    let lines = lines.into_iter().filter(|line| !line.starts_with("---")).collect();
                    prop_assert_eq!(sorted(lines), sorted(model.watermark(watermark)));
                }
                Event::Rescale(parallelism) => {
                    late += cluster.late();
                    cluster.rescale(parallelism).unwrap();
                }
            }
        }
        prop_assert_eq!(late + cluster.late(), model.late);
    }

    #[test]
    fn watermarks_inside_batches_are_those_of_every_row(
        kind in kinds(),
        gap in prop_oneof![Just(0i64), Just(5i64)],
        delay in 0..20i64,
        batches in prop::collection::vec((0..3u32, prop::collection::vec((rows(), 0..400i64), 1..40)), 1..12)
    ) {
        let mut source = Cluster::new(watermark_node(gap, None), 1).unwrap();
        for split in 0..3 {
            let event = irmak_common::split::SplitEvent::Added { split, name: format!("s{split}") };
            source.each(|subtask, context, out| subtask.on_split(context, &event, out)).unwrap();
        }
        let mut windows = Cluster::new(window_node(window(kind.clone(), WindowStyle::TableFunction, usual_calls())), 1).unwrap();
        let (mut model, mut expected, mut lines) = (Model::default(), Vec::new(), Vec::new());
        let (mut splits, mut emitted) = ([i64::MIN; 3], 0);
        for (split, rows) in batches {
            let rows: Vec<Row> = rows
                .into_iter()
                .map(|(row, time)| Row { time: Some(time), mark: Some(time - delay), ..row })
                .collect();
            for row in &rows {
                model.row(&kind, row);
                splits[split as usize] = splits[split as usize].max(row.mark.unwrap());
                let reached = splits.into_iter().min().unwrap();
                if reached.saturating_sub(emitted) > gap {
                    emitted = reached;
                    expected.extend(model.watermark(emitted));
                }
            }
            source.split = Some(split);
            for element in source.rows(&rows).unwrap() {
                lines.extend(match element {
                    Element::Batch(batch) => {
                        let out = windows.each(|subtask, context, out| subtask.on_batch(context, 0, batch.clone(), out));
                        render(&out.unwrap())
                    }
                    Element::Watermark(watermark) => render(&windows.watermark(watermark.0).unwrap()),
                    other => panic!("{other:?}"),
                });
            }
        }
        expected.extend(model.watermark(i64::MAX));
        lines.extend(render(&windows.watermark(i64::MAX).unwrap()));
        lines.retain(|line| !line.starts_with("---"));
        prop_assert_eq!(sorted(lines), sorted(expected));
        prop_assert_eq!(windows.late(), model.late);
    }
}
