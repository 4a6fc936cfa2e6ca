//! The examples of `examples/device-temperature`, from a topic to a topic: by event time exactly, by the clock as far as it can be known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::kafka::Kafka;
use irmak_e2e::scenario::{self, PARTITIONS, Scenario};
use irmak_e2e::wait::{Seen, seconds, until};
use irmak_e2e::{places, produce};

const DEVICES: u32 = 10;
/// 2025-02-16 07:40:00 UTC, a multiple of 10 s.
const START: i64 = 1_739_691_600_000;

/// One line of the input.
#[derive(Clone, Copy, Debug)]
struct Reading {
    device: u32,
    temperature: f64,
    time: i64,
}

impl Reading {
    fn json(&self) -> String {
        format!("{{\"device_id\": {}, \"temperature\": {:?}, \"execution_time\": {}}}", self.device, self.temperature, self.time)
    }
}

/// Readings (temperatures in eighths, which every reader takes as they are), out of order by less than a second, each device with pauses of its own length.
fn readings(count: u32) -> Vec<Reading> {
    let mut readings = Vec::new();
    for at in 0..count {
        let mixed = u64::from(at).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let device = at % DEVICES;
        // Some devices are silent now and then: sessions end.
        let second = at / 40;
        if second % (7 + device) < device.min(5) {
            continue;
        }
        let jitter = (mixed >> 32) as i64 % 900;
        let time = START + i64::from(at) * 25 + 1_000 - jitter;
        readings.push(Reading { device, temperature: 250.0 + (mixed % 1_200) as f64 / 8.0, time });
    }
    readings
}

/// Device, window start, window end.
type Window = (u32, i64, i64);

/// The highest temperature of each.
type Maxima = BTreeMap<Window, f64>;

fn take(maxima: &mut Maxima, key: Window, temperature: f64) {
    let highest = maxima.entry(key).or_insert(temperature);
    *highest = highest.max(temperature);
}

fn expected(window: &str, readings: &[Reading]) -> Maxima {
    let mut maxima = Maxima::new();
    match window {
        "tumbling" => readings.iter().for_each(|reading| {
            let start = reading.time - reading.time.rem_euclid(5_000);
            take(&mut maxima, (reading.device, start, start + 5_000), reading.temperature);
        }),
        "sliding" => readings.iter().for_each(|reading| {
            let last = reading.time - reading.time.rem_euclid(5_000);
            for start in [last - 5_000, last] {
                take(&mut maxima, (reading.device, start, start + 10_000), reading.temperature);
            }
        }),
        _ => {
            for device in 0..DEVICES {
                let mut own: Vec<_> = readings.iter().filter(|reading| reading.device == device).collect();
                own.sort_by_key(|reading| reading.time);
                for session in own.chunk_by(|one, next| next.time - one.time <= 3_000) {
                    let (Some(first), Some(last)) = (session.first(), session.last()) else { continue };
                    let key = (device, first.time, last.time + 3_000);
                    session.iter().for_each(|reading| take(&mut maxima, key, reading.temperature));
                }
            }
        }
    }
    maxima
}

/// `2025-02-16 07:40:00` or with `.123`, UTC, of that day or the next: as milliseconds since the epoch.
fn millis(text: &str) -> Result<i64> {
    let (date, time) = text.split_once(' ').context("a date and a time")?;
    let days: Vec<i64> = date.split('-').map(str::parse).collect::<Result<_, _>>()?;
    let [year, month, day] = days.as_slice() else { anyhow::bail!("no date: {text}") };
    // Days since the epoch, as in Howard Hinnant's `days_from_civil`.
    let year = if *month <= 2 { year - 1 } else { *year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if *month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + part.parse::<i64>()?;
    }
    if clock.split(':').count() == 2 {
        seconds *= 60;
    }
    Ok((days * 86_400 + seconds) * 1_000 + format!("{fraction:0<3}").parse::<i64>()?)
}

/// The rows of an output topic; their keys must be their devices.
fn rows(kafka: &Kafka, topic: &str) -> Result<Vec<(Window, f64)>> {
    let mut rows = Vec::new();
    for (key, value) in produce::read_back_keyed(kafka, topic)? {
        let row: serde_json::Value = serde_json::from_str(&value).with_context(|| value.clone())?;
        let device = row["device_id"].as_u64().context("device_id")?;
        ensure!(key == device.to_string(), "the key is `{key}` and the row {value}");
        let time = |name: &str| millis(row[name].as_str().unwrap_or_default()).with_context(|| value.clone());
        let temperature = row["max_temperature"].as_f64().context("max_temperature")?;
        rows.push(((device as u32, time("window_start")?, time("window_end")?), temperature));
    }
    Ok(rows)
}

fn send(s: &Scenario, kafka: &Kafka, readings: &[Reading]) -> Result<()> {
    for partition in 0..PARTITIONS {
        let own = readings.iter().filter(|reading| reading.device % PARTITIONS == partition);
        produce::lines(kafka, &s.topic(), partition, &own.map(Reading::json).collect::<Vec<_>>(), s.dir())?;
    }
    Ok(())
}

/// An example from the story's topic to a topic of its own, whose name is returned.
fn example(s: &Scenario, kafka: &Kafka, name: &str, options: &str) -> Result<(PathBuf, String)> {
    let text = fs::read_to_string(places::repository().join("examples/device-temperature").join(name).with_extension("sql"))?;
    let output = format!("{}-{}-processed", s.topic(), name.replace('/', "-"));
    kafka.create_topic(&output, 2, &[])?;
    let text = text
        .replace("'device-temperature-processed'", &format!("'{output}'"))
        .replace("'device-temperature'", &format!("'{}'", s.topic()))
        .replace("'localhost:9092'", &format!("'{}'", kafka.address()))
        .replace("'scan.startup.mode' = 'earliest-offset',", &format!("'scan.startup.mode' = 'earliest-offset',{options}"));
    let file = s.dir().join(format!("{}.sql", name.replace('/', "-")));
    fs::write(&file, format!("SET 'table.local-time-zone' = 'UTC';\nSET 'execution.checkpointing.interval' = '1 s';\n{text}"))?;
    Ok((file, output))
}

#[test]
fn by_event_time_each_window_is_written_exactly_once() -> Result<()> {
    scenario::run("device-temperature", |s| {
        let kafka = s.kafka()?;
        let readings = readings(4_800);
        send(s, kafka, &readings)?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        for window in ["tumbling", "sliding", "session"] {
            let (script, output) = example(s, kafka, &format!("event-time/{window}"), " 'scan.bounded.mode' = 'latest-offset',")?;
            let said = cluster.client()?.run(&script, 2, seconds(60))?;
            ensure!(said.code == Some(0), "{window} failed: {}", said.all());
            let (found, expected) = (rows(kafka, &output)?, expected(window, &readings));
            let lost = expected.iter().filter(|(key, value)| !found.contains(&(**key, **value))).count();
            let surplus = found.len() as i64 - (expected.len() - lost) as i64;
            ensure!(lost == 0 && surplus == 0, "{window}: LOST={lost} DUP={surplus} of {}", expected.len());
        }
        cluster.never_crashed()
    })
}

#[test]
fn killing_a_task_manager_loses_no_row_of_a_kafka_sink() -> Result<()> {
    scenario::run("device-temperature-kill", |s| {
        let kafka = s.kafka()?;
        let readings = readings(24_000);
        let (early, late) = readings.split_at(readings.len() / 2);
        send(s, kafka, early)?;
        let (script, output) = example(s, kafka, "event-time/tumbling", "")?;
        let mut cluster = s.cluster(Layout::of(2, 1).quick_heartbeat())?;
        let client = cluster.client()?;
        let job = client.submit(&script, 2)?;
        client.wait_state(&job, "RUNNING", seconds(20))?;
        client.wait_checkpoints(&job, 1, seconds(30))?;
        cluster.task_manager(0)?.kill()?;
        send(s, kafka, late)?;
        cluster.restart_dead()?;
        // The last windows stay open: no later reading closes them.
        let closed = readings.iter().map(|reading| reading.time).max().unwrap_or_default() - 10_000;
        let expected: Maxima = expected("tumbling", &readings).into_iter().filter(|((_, _, end), _)| *end <= closed).collect();
        until("all windows", seconds(90), || {
            let found: BTreeSet<_> = rows(kafka, &output)?.into_iter().map(|(key, value)| (key, value.to_bits())).collect();
            let lost = expected.iter().filter(|(key, value)| !found.contains(&(**key, value.to_bits()))).count();
            Ok(if lost == 0 { Seen::Yes(()) } else { Seen::NotYet(format!("LOST={lost} of {}", expected.len())) })
        })?;
        client.cancel(&job)
    })
}

#[test]
fn by_the_clock_windows_are_aligned_and_every_devices_maximum_is_right() -> Result<()> {
    scenario::run("device-temperature-clock", |s| {
        let kafka = s.kafka()?;
        let readings = readings(4_800);
        let mut cluster = s.cluster(Layout::of(1, 6))?;
        let client = cluster.client()?;
        let mut jobs = Vec::new();
        for window in ["tumbling", "sliding", "session"] {
            let (script, output) = example(s, kafka, window, "")?;
            jobs.push((window, client.submit(&script, 2)?, output));
        }
        for (_, job, _) in &jobs {
            client.wait_state(job, "RUNNING", seconds(20))?;
        }
        for part in readings.chunks(400) {
            send(s, kafka, part)?;
            thread::sleep(seconds(1));
        }
        let mut highest: BTreeMap<u32, f64> = BTreeMap::new();
        for reading in &readings {
            let own = highest.entry(reading.device).or_insert(reading.temperature);
            *own = own.max(reading.temperature);
        }
        for (window, job, output) in &jobs {
            let found = until("every device's maximum", seconds(40), || {
                let rows = rows(kafka, output)?;
                let mut maxima: BTreeMap<u32, f64> = BTreeMap::new();
                rows.iter().for_each(|((device, ..), value)| {
                    let own = maxima.entry(*device).or_insert(*value);
                    *own = own.max(*value);
                });
                Ok(if maxima == highest { Seen::Yes(rows) } else { Seen::NotYet(format!("{window}: {maxima:?} of {highest:?}")) })
            })?;
            judge(window, &found)?;
            client.cancel(job)?;
        }
        cluster.never_crashed()
    })
}

/// What must hold of windows by the clock: their grid and length, no two of a device alike, and a pause between sessions.
fn judge(window: &str, rows: &[(Window, f64)]) -> Result<()> {
    let size = if window == "sliding" { 10_000 } else { 5_000 };
    let distinct: BTreeSet<_> = rows.iter().map(|(key, _)| *key).collect();
    ensure!(distinct.len() == rows.len(), "{window}: a device's window was written twice");
    if window != "session" {
        let off = rows.iter().find(|((_, start, end), _)| start % 5_000 != 0 || end - start != size);
        ensure!(off.is_none(), "{window}: {off:?} is not on the grid");
        return Ok(());
    }
    let close = distinct.iter().zip(distinct.iter().skip(1)).find(|((device, _, end), (other, start, _))| device == other && start <= end);
    ensure!(close.is_none(), "sessions {close:?} are one");
    Ok(())
}
