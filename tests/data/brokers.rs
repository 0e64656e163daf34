//! Packets of DECam and of brokers, and packets that come without their schema.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use apache_avro::{Reader, Schema};
use rbgpu::data::{PacketSchema, ReadOptions, Row, open, stream};
use std::sync::Arc;

use super::alerts::{alert, all};
use super::says;

/// The schema in the header of the container `name`, as JSON, and its records.
fn parts(name: &str) -> (serde_json::Value, Vec<Value>) {
    let bytes = std::fs::read(alert(name)).unwrap();
    let reader = Reader::new(&bytes[..]).unwrap();
    let schema = serde_json::to_value(reader.writer_schema()).unwrap();
    (schema, reader.map(Result::unwrap).collect())
}

/// A record without a container.
fn datum(schema: &serde_json::Value, record: Value) -> Vec<u8> {
    let schema = Schema::parse(schema).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    writer.write_value_to_vec(record).unwrap()
}

fn given(path: &std::path::Path) -> ReadOptions {
    ReadOptions {
        schema: Some(Arc::new(PacketSchema::read(path).unwrap())),
        ..ReadOptions::default()
    }
}

/// As the brokers of Rubin and ZTF send them: the wire format's five bytes, or nothing, before the
/// packet.
#[test]
fn a_packet_without_its_schema_is_read_with_one_that_is_given() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ztf_new.avro", "rubin.avro"] {
        let (schema, mut records) = parts(name);
        let bytes = datum(&schema, records.swap_remove(0));
        let avsc = dir.path().join("packet.avsc");
        std::fs::write(&avsc, schema.to_string()).unwrap();
        let (expected, _) = all(&[alert(name)], &ReadOptions::default());
        for (message, head) in [("framed.avro", &b"\0\0\0\x04\x4c"[..]), ("bare", b"")] {
            let path = dir.path().join(message);
            std::fs::write(&path, [head, &bytes].concat()).unwrap();
            let (rows, notices) = all(&[&path], &given(&avsc));
            let (Row::Cutout(found), Row::Cutout(expected)) = (&rows[0], &expected[0]) else {
                panic!("{rows:?}");
            };
            assert_eq!((rows.len(), notices.len()), (1, 0));
            let same = found.values.iter().zip(&expected.values);
            assert!(
                same.clone().all(|(a, b)| a.to_bits() == b.to_bits()),
                "{name}"
            );
            assert_eq!(found.candidate.id, expected.candidate.id);
            assert_eq!(
                found.candidate.mag.to_bits(),
                expected.candidate.mag.to_bits()
            );
            // Without it, or with that of another survey, there is no row that is half one.
            let other = parts(if name == "rubin.avro" {
                "ztf_old.avro"
            } else {
                "rubin.avro"
            });
            std::fs::write(dir.path().join("other.avsc"), other.0.to_string()).unwrap();
            let (rows, _) = all(&[&path], &given(&dir.path().join("other.avsc")));
            assert!(matches!(&rows[..], [Row::Failed(_)]), "{rows:?}");
        }
        let refused = open(&[dir.path().join("framed.avro")], &ReadOptions::default());
        let refused = refused.unwrap_err().to_string();
        says(
            &refused,
            &[
                "a packet without its schema",
                "schema 1100",
                "--schema FILE.avsc",
            ],
        );
        let refused = stream(&[dir.path().join("bare")], &ReadOptions::default());
        says(&refused.err().unwrap().to_string(), &["bare"]);
    }
}

/// Rubin ships the packet and the records in it as files of their own.
#[test]
fn records_of_a_schema_may_stand_in_other_files() {
    let (mut schema, mut records) = parts("rubin.avro");
    let bytes = datum(&schema, records.swap_remove(0));
    let dir = tempfile::tempdir().unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    let source = fields
        .iter_mut()
        .find(|f| f["name"] == "diaSource")
        .unwrap();
    let mut own = std::mem::replace(&mut source["type"], "lsst.v1.diaSource".into());
    own["namespace"] = "lsst.v1".into();
    // The others name it from within the same namespace.
    schema["namespace"] = "lsst.v1".into();
    std::fs::write(dir.path().join("alert.avsc"), schema.to_string()).unwrap();
    let only = PacketSchema::read(dir.path()).unwrap_err().to_string();
    says(&only, &["schema"]);
    std::fs::write(dir.path().join("source.avsc"), own.to_string()).unwrap();
    let message = dir.path().join("message.avro");
    std::fs::write(&message, [&b"\0\0\0\0\x01"[..], &bytes].concat()).unwrap();
    let (rows, _) = all(&[&message], &given(dir.path()));
    assert!(matches!(&rows[..], [Row::Cutout(_)]), "{rows:?}");

    let empty = tempfile::tempdir().unwrap();
    let error = PacketSchema::read(empty.path()).unwrap_err().to_string();
    says(&error, &["no .avsc file"]);
    let file = empty.path().join("a.avsc");
    std::fs::write(&file, "no JSON").unwrap();
    says(
        &PacketSchema::read(&file).unwrap_err().to_string(),
        &["a.avsc", "an Avro schema"],
    );
}

/// A packet with `fields` in its record `candidate`, as (name, type, value).
fn packet(fields: &[(&str, &str, Value)]) -> Vec<u8> {
    let (_, records) = parts("rubin.avro");
    let Value::Record(rubin) = &records[0] else {
        panic!("a record");
    };
    let stamp = rubin
        .iter()
        .find(|(name, _)| name == "cutoutScience")
        .unwrap();
    let Value::Union(_, stamp) = &stamp.1 else {
        panic!("a union");
    };
    let field =
        |name: &str, kind: serde_json::Value| serde_json::json!({"name": name, "type": kind});
    let inner: Vec<_> = fields
        .iter()
        .map(|(name, kind, _)| field(name, (*kind).into()))
        .collect();
    let candidate = serde_json::json!({"type": "record", "name": "candidate", "fields": inner});
    let stamps = ["cutoutScience", "cutoutTemplate", "cutoutDifference"];
    let mut outer = vec![
        field("objectId", "string".into()),
        field("candid", "long".into()),
        field("candidate", candidate),
    ];
    outer.extend(stamps.map(|name| field(name, "bytes".into())));
    let schema = serde_json::json!({"type": "record", "name": "alert", "fields": outer});
    let own = fields
        .iter()
        .map(|(name, _, value)| (name.to_string(), value.clone()));
    let mut record = vec![
        ("objectId".to_string(), Value::String("C202509".into())),
        ("candid".to_string(), Value::Long(7)),
        ("candidate".to_string(), Value::Record(own.collect())),
    ];
    record.extend(stamps.map(|name| (name.to_string(), (**stamp).clone())));
    let schema = Schema::parse(&schema).unwrap();
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).unwrap();
    writer.append_value(Value::Record(record)).unwrap();
    writer.into_inner().unwrap()
}

/// DECam's fields were read by ZTF's names: no time, no magnitude, no filter, and not a word.
#[test]
fn packets_of_decam_and_of_brokers_are_whole_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.avro");
    let double = |name, value| (name, "double", Value::Double(value));
    let text = |name, value: &str| (name, "string", Value::String(value.into()));
    let place = [double("ra", 150.5), double("dec", 2.25)];
    let decam = [
        double("mjd", 60_000.5),
        double("forcediffimflux", 12.0),
        double("forcediffimmag", 21.5),
        double("forcediffimmagunc", 0.25),
        text("band", "z"),
        double("reliability", 0.875),
    ];
    let broker = [
        double("jd", 2_460_001.0),
        double("psfFlux", 1000.0),
        double("psfFluxErr", 100.0),
        text("band", "z"),
        double("reliability", 0.875),
    ];
    for (fields, mag, error) in [(&decam[..], 21.5, 0.25), (&broker, 23.9, 0.108_573_62)] {
        std::fs::write(&path, packet(&[&place[..], fields].concat())).unwrap();
        let (rows, _) = all(&[&path], &ReadOptions::default());
        let Row::Cutout(one) = &rows[0] else {
            panic!("{rows:?}");
        };
        let known = &one.candidate;
        assert_eq!(
            (&known.id[..], &known.object[..], &known.filter[..]),
            ("7", "C202509", "z")
        );
        assert_eq!((known.ra, known.dec, known.mjd), (150.5, 2.25, 60_000.5));
        assert!((known.mag - mag).abs() < 1e-12 && (known.mag_err - error).abs() < 1e-8);
        assert_eq!(known.survey_score, 0.875);
    }

    // A layout that nobody knows is no row that is half empty.
    std::fs::write(
        &path,
        packet(&[&place[..], &[text("colour", "red")]].concat()),
    )
    .unwrap();
    let (rows, _) = all(&[&path], &ReadOptions::default());
    let Row::Failed(failed) = &rows[0] else {
        panic!("{rows:?}");
    };
    says(
        &failed.why,
        &[
            "time (jd, mjd,",
            "magnitude (magpsf,",
            "filter (band,",
            "ra, dec, colour",
        ],
    );
    assert!(!failed.why.contains("declination"), "{}", failed.why);
}
