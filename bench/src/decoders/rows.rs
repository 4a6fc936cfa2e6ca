//! The rows that decoders are measured over: those of the reference job, readings of devices, and a wide row with arrays, rows and a map.

use std::fmt::Write as _;

use anyhow::Result;
use irmak_common::types::{Field, Schema, TypeKind};
use irmak_e2e::listings::{Listings, timestamp};

/// Rows of one shape as text, with the columns that they are read into.
pub(crate) struct Rows {
    /// As the table names them.
    pub(crate) what: &'static str,
    pub(crate) schema: Schema,
    /// A record each.
    pub(crate) json: Vec<String>,
    /// The same as CSV, where the shape allows it.
    pub(crate) csv: Option<String>,
}

/// All shapes, `count` rows each.
///
/// # Errors
/// The listings cannot be read.
pub(crate) fn all(count: u32) -> Result<Vec<Rows>> {
    Ok(vec![listings(&Listings::load()?, count), temperatures(count), wide(count)])
}

fn listings(listings: &Listings, count: u32) -> Rows {
    let columns = [
        ("id", TypeKind::Int),
        ("product", TypeKind::STRING),
        ("description", TypeKind::STRING),
        ("price", TypeKind::Int),
        ("kdv", TypeKind::Double),
        ("timestamp_column", TypeKind::timestamp(3)),
    ];
    let mut csv = String::new();
    for id in 0..count {
        let (listing, time) = (listings.of(id), timestamp(listings.time_ms(id)));
        // Infallible: writing to a String.
        let _ = writeln!(csv, "{id},{:?},{:?},{},{},{time}", listing.product, listing.description, listing.price, listing.kdv);
    }
    Rows { what: "listings", schema: Schema::nullable(&columns), json: (0..count).map(|id| listings.json(id)).collect(), csv: Some(csv) }
}

/// As `examples/device-temperature` has them.
fn temperatures(count: u32) -> Rows {
    let columns = [("device_id", TypeKind::Int), ("temperature", TypeKind::Double), ("execution_time", TypeKind::BigInt)];
    let reading = |id: u32| (id % 10, 250.0 + f64::from(id.wrapping_mul(2_654_435_761)) / 3e7, 1_739_691_600_000 + u64::from(id) * 200);
    let json = |id: u32| {
        let (device, temperature, time) = reading(id);
        format!(r#"{{"device_id": {device}, "temperature": {temperature}, "execution_time": {time}}}"#)
    };
    let mut csv = String::new();
    for id in 0..count {
        let (device, temperature, time) = reading(id);
        let _ = writeln!(csv, "{device},{temperature},{time}");
    }
    Rows { what: "temperatures", schema: Schema::nullable(&columns), json: (0..count).map(json).collect(), csv: Some(csv) }
}

/// 20 columns, one of them NULL, two fields that no column has; arrays, rows in rows.
fn wide(count: u32) -> Rows {
    let field = |name: &str, kind: TypeKind| Field::new(name, kind.nullable());
    let place = TypeKind::Row(vec![field("city", TypeKind::STRING), field("lat", TypeKind::Double), field("lon", TypeKind::Double)]);
    let seller = TypeKind::Row(vec![field("id", TypeKind::BigInt), field("name", TypeKind::STRING), field("place", place)]);
    let mut columns = vec![
        ("id", TypeKind::BigInt),
        ("seller", seller),
        ("tags", TypeKind::Array(Box::new(TypeKind::STRING.nullable()))),
        ("sizes", TypeKind::Array(Box::new(TypeKind::Int.nullable()))),
        ("labels", TypeKind::Row(vec![field("a", TypeKind::STRING), field("b", TypeKind::STRING)])),
        ("sold", TypeKind::Boolean),
        ("note", TypeKind::STRING),
        ("ts", TypeKind::timestamp(3)),
    ];
    columns.extend(["i1", "i2", "i3", "i4"].map(|name| (name, TypeKind::Int)));
    columns.extend(["d1", "d2", "d3", "d4"].map(|name| (name, TypeKind::Double)));
    columns.extend(["s1", "s2", "s3", "s4"].map(|name| (name, TypeKind::STRING)));
    let json = |id: u32| {
        let time = timestamp(1_739_691_600_000 + i64::from(id) * 1_000);
        format!(
            r#"{{"id":{id},"seller":{{"id":{},"name":"Seller {}","place":{{"city":"İzmir","lat":38.42,"lon":27.14}}}},"tags":["new","used \"x\"","sale"],"sizes":[1,{},3],"labels":{{"a":"red","b":"{}"}},"sold":{},"note":null,"ts":"{time}","unknown":"of no column","i1":{id},"i2":{},"i3":-7,"i4":0,"d1":{}.5,"d2":0.18,"d3":-1.5e3,"d4":1234.5678,"other":{{"a":[1,2,3]}},"s1":"short","s2":"a text of a middling length, {id}","s3":"çok güzel","s4":""}}"#,
            id % 1_000,
            id % 1_000,
            id % 50,
            id % 7,
            id.is_multiple_of(2),
            id / 3,
            id % 977,
        )
    };
    Rows { what: "20 columns, nested", schema: Schema::nullable(&columns), json: (0..count).map(json).collect(), csv: None }
}
