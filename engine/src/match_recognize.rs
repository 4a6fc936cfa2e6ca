//! MATCH_RECOGNIZE: rows of a key, in order of time, that make a pattern together; one row a match.
//!
//! In event time rows wait until the watermark has passed them; what comes behind the watermark is late, dropped and counted. In processing
//! time they are looked at as they come, unless further columns order those of one millisecond. Source: Flink's `CepOperator`.
//!
//! Keys know nothing of each other, so the first rows of all keys are looked at together, then the second ones, and so on: each condition is
//! computed once for a whole round of rows. State by key group: rows that wait, begun matches with their rows, and the watermark.

mod automaton;
mod buffer;
mod heap;
mod matcher;
mod reads;
mod rounds;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::match_spec::{MatchSpec, PatternVariable};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::ordered::clock::Clock;
use crate::ordered::rows::RowStore;
use crate::ordered::sort::Order;
use crate::state::keyed::KeyTable;
use crate::watermark::millis;
use automaton::Automaton;
use buffer::Buffer;
use matcher::{Match, Matches, Rules};
use reads::{Asked, Reader};
use rounds::{Turn, Visit, Visits};

/// So many keys without a begun match may lie about before they are looked for.
const FRESH_KEYS_MIN: usize = 4_096;

pub(crate) struct MatchRecognize {
    /// The rowtime column and its name; `None`: processing time.
    time: Option<(usize, String)>,
    /// The columns behind time in ORDER BY; `None`: there are none.
    order: Option<Order>,
    partition_by: Vec<usize>,
    keys: KeyEncoder,
    table: KeyTable,
    /// One a key of the table.
    matches: Vec<Matches>,
    rules: Rules,
    /// One a variable; `None`: any row.
    conditions: Vec<Option<Reader>>,
    measures: Vec<Reader>,
    buffer: Buffer,
    /// Rows whose time has not come, by time and arrival: key and number.
    waiting: BTreeMap<(Millis, u64), (u32, u32)>,
    /// When begun matches run out of time, by time and key.
    timers: BTreeSet<(Millis, u32)>,
    arrivals: u64,
    /// Rows looked at.
    looked_at: u64,
    clock: Clock,
    input: SchemaRef,
    output: SchemaRef,
    place: state::Place,
}

impl MatchRecognize {
    pub(crate) fn new(spec: &MatchSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let Some((first, further)) = spec.order_by.split_first() else { return Err(EngineError::plan("MATCH_RECOGNIZE without an order")) };
        let functions = env.functions();
        let condition = |(index, variable): (usize, &PatternVariable)| {
            variable.condition.as_ref().map(|condition| Reader::new(index, condition, &functions)).transpose()
        };
        let measure = |(index, measure)| Reader::new(index, measure, &functions);
        let named = |column: usize| input.fields.get(column).map(|field| (column, field.name.clone()));
        let keys = KeyEncoder::new(input, &spec.partition_by)?;
        let owned = env.owned();
        let mut operator = Self {
            time: match spec.processing_time {
                true => None,
                false => Some(named(first.column).ok_or_else(|| EngineError::plan(format!("the rowtime is column {}", first.column)))?),
            },
            order: if further.is_empty() { None } else { Some(Order::new(further, input)?) },
            partition_by: spec.partition_by.clone(),
            place: state::Place { fingerprint: state::fingerprint(spec, &keys, input), max_parallelism: env.max_parallelism },
            keys,
            table: KeyTable::default(),
            matches: Vec::new(),
            rules: Rules {
                automaton: Automaton::new(&spec.pattern),
                within_ms: spec.within_ms.unwrap_or(0),
                skip: spec.skip,
                names: spec.pattern.iter().map(|variable| variable.name.clone()).collect(),
            },
            conditions: spec.pattern.iter().enumerate().map(condition).collect::<Result<_, _>>()?,
            measures: (spec.pattern.len()..).zip(&spec.measures).map(measure).collect::<Result<_, _>>()?,
            buffer: Buffer::new(RowStore::new(input.to_arrow())),
            waiting: BTreeMap::new(),
            timers: BTreeSet::new(),
            arrivals: 0,
            looked_at: 0,
            clock: Clock::new(&owned)?,
            input: input.to_arrow(),
            output: output.to_arrow(),
        };
        for bytes in owned.keyed() {
            operator.restore(bytes)?;
        }
        Ok(operator)
    }

    /// The number of row `row`'s key, in the batch that was encoded last.
    fn key(&mut self, row: usize) -> u32 {
        let key = self.table.intern(self.keys.hash(row), self.keys.key(row));
        if self.matches.len() <= key as usize {
            self.matches.resize_with(key as usize + 1, Matches::default);
        }
        key
    }

    /// Keeps rows until `time` says that they are due.
    fn keep(&mut self, batch: &RecordBatch, rows: &[u32], time: impl Fn(u32) -> Millis) -> Result<(), EngineError> {
        self.keys.encode(batch)?;
        let numbers = self.buffer.add(batch, rows)?;
        for (&row, number) in rows.iter().zip(numbers) {
            let key = self.key(row as usize);
            self.arrivals += 1;
            self.waiting.insert((time(row), self.arrivals), (key, number));
        }
        Ok(())
    }

    /// The rows of a batch that are in time.
    fn in_event_time(&mut self, batch: &RecordBatch, column: usize, name: &str) -> Result<(), EngineError> {
        let (times, nulls) = millis(column, batch.columns().get(column))?;
        if let Some(row) = nulls.and_then(|nulls| (0..nulls.len()).find(|row| nulls.is_null(*row))) {
            return Err(EngineError::Null { column: name.to_owned(), row });
        }
        let reached = self.clock.reached;
        let kept: Vec<u32> = (0..batch.num_rows() as u32).filter(|&row| times[row as usize] > reached).collect();
        self.clock.late += (batch.num_rows() - kept.len()) as u64;
        self.keep(batch, &kept, |row| times[row as usize])
    }

    /// Looks at all rows up to `reached`, and at the keys whose matches run out of time until then.
    fn up_to(&mut self, reached: Millis, now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let behind = reached.checked_add(1);
        let later = behind.map(|behind| self.waiting.split_off(&(behind, 0))).unwrap_or_default();
        let due = std::mem::replace(&mut self.waiting, later);
        let later = behind.map(|behind| self.timers.split_off(&(behind, 0))).unwrap_or_default();
        let timers = std::mem::replace(&mut self.timers, later);
        let mut visits = Visits::new(Some(reached));
        for ((time, number), (key, row)) in due {
            visits.of(key).turns.push(Turn { row, time, number });
        }
        timers.into_iter().for_each(|(_, key)| {
            visits.of(key);
        });
        let mut visits = visits.all;
        self.sort_peers(&mut visits)?;
        self.visit(visits, now, out)
    }

    /// Rows of one key and time in the order of the further columns.
    fn sort_peers(&self, visits: &mut [Visit]) -> Result<(), EngineError> {
        let Some(order) = &self.order else { return Ok(()) };
        for visit in visits.iter_mut().filter(|visit| visit.turns.windows(2).any(|pair| pair[0].time == pair[1].time)) {
            let numbers: Vec<u32> = visit.turns.iter().map(|turn| turn.row).collect();
            let rows = order.rows(&self.buffer.store.batch(&numbers)?)?;
            let numbers: Vec<u64> = visit.turns.iter().map(|turn| turn.number).collect();
            let mut turns: Vec<(usize, Turn)> = std::mem::take(&mut visit.turns).into_iter().enumerate().collect();
            turns.sort_by(|(a, left), (b, right)| left.time.cmp(&right.time).then_with(|| rows.row(*a).cmp(&rows.row(*b))));
            visit.turns = turns.into_iter().zip(numbers).map(|((_, turn), number)| Turn { number, ..turn }).collect();
        }
        Ok(())
    }

    /// The rows of a batch in processing time: all are looked at, in order.
    fn at_once(&mut self, batch: &RecordBatch, now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(batch)?;
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let numbers = self.buffer.add(batch, &all)?;
        let mut visits = Visits::new(None);
        for (at, row) in numbers.into_iter().enumerate() {
            let key = self.key(at);
            visits.of(key).turns.push(Turn { row, time: now, number: at as u64 + 1 });
        }
        self.visit(visits.all, now, out)
    }

    /// Writes the rows of matches and forgets them.
    fn emit(&mut self, found: &[Match], now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        for piece in found.chunks(BATCH_ROWS_MAX) {
            let asked: Vec<Asked> = piece.iter().map(|found| Asked { node: found.node, next: None, time: found.time }).collect();
            let last = |found: &Match| self.buffer.path(found.node).next().map(|(_, node)| node.row);
            let rows = piece.iter().map(last).collect::<Option<Vec<u32>>>().ok_or_else(|| EngineError::plan("a match without a row"))?;
            let mut columns: Vec<ArrayRef> = self.buffer.store.columns(&rows, self.partition_by.iter().copied())?;
            for measure in &self.measures {
                columns.push(measure.values(&asked, &self.buffer, now)?);
            }
            let options = RecordBatchOptions::new().with_row_count(Some(piece.len()));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options);
            out.push(Element::Batch(batch.map_err(EngineError::arrow("emitting matches"))?));
            piece.iter().for_each(|found| self.buffer.release(found.node));
        }
        Ok(())
    }

    /// Forgets keys without a begun match, where they are most.
    fn tidy(&mut self) {
        if self.matches.len() < FRESH_KEYS_MIN {
            return;
        }
        let waits: BTreeSet<u32> = self.waiting.values().map(|(key, _)| *key).collect();
        let lives = |key: usize, matches: &Matches| !matches.is_fresh() || waits.contains(&(key as u32));
        if self.matches.iter().enumerate().filter(|(key, matches)| lives(*key, matches)).count() * 2 > self.matches.len() {
            return;
        }
        let (mut table, mut moved) = (KeyTable::default(), vec![u32::MAX; self.matches.len()]);
        let mut matches = Vec::new();
        for (key, its) in std::mem::take(&mut self.matches).into_iter().enumerate().filter(|(key, its)| lives(*key, its)) {
            moved[key] = table.intern(self.table.hash(key as u32), self.table.key(key as u32));
            matches.push(its);
        }
        let at = |key: u32| moved.get(key as usize).copied().unwrap_or(u32::MAX);
        self.waiting.values_mut().for_each(|(key, _)| *key = at(*key));
        self.timers = self.timers.iter().map(|&(time, key)| (time, at(key))).filter(|(_, key)| *key != u32::MAX).collect();
        (self.table, self.matches) = (table, matches);
    }
}

impl Operator for MatchRecognize {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        match self.time.clone() {
            Some((column, name)) => self.in_event_time(&batch, column, &name),
            None if self.order.is_some() => {
                let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
                self.keep(&batch, &all, |_| context.now)
            }
            None => self.at_once(&batch, context.now, out),
        }
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.clock.advance(watermark) && self.time.is_some() {
            self.up_to(self.clock.reached, context.now, out)?;
            self.tidy();
        }
        self.clock.pass(out);
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        if self.time.is_some() {
            return None;
        }
        let waits = self.waiting.first_key_value().map(|((time, _), _)| time.saturating_add(1));
        waits.into_iter().chain(self.timers.first().map(|(time, _)| *time)).min()
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.time.is_some() {
            return Ok(());
        }
        self.up_to(context.now, context.now, out)?;
        self.tidy();
        Ok(())
    }

    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        // In processing time rows of the last millisecond may still wait for each other.
        if self.time.is_none() && !self.waiting.is_empty() {
            self.up_to(context.now, context.now, out)?;
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        self.stored()
    }

    fn metrics(&self) -> OperatorMetrics {
        self.clock.metrics()
    }
}
