//! What kubectl 1.36 sends for `kubectl create`, byte for byte.

use super::*;
use expect_test::{Expect, expect};

fn check(hex: &str, expected: &Expect) {
    let text = match decode(&bytes(hex)) {
        Ok(object) => object.to_string(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&text);
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

#[test]
fn a_config_map() {
    check(
        "6b3873000a0f0a0276311209436f6e6669674d617012290a180a0873657474696e677312001a0022002a00320038004200120d0a06636f6c6f757212037265641a002200",
        &expect![[
            r#"{"apiVersion":"v1","data":{"colour":"red"},"kind":"ConfigMap","metadata":{"name":"settings"}}"#
        ]],
    );
}

#[test]
fn a_secret() {
    check(
        "6b3873000a0c0a0276311206536563726574121d0a110a017312001a0022002a0032003800420012060a016b1201761a001a002200",
        &expect![[
            r#"{"apiVersion":"v1","data":{"k":"dg=="},"kind":"Secret","metadata":{"name":"s"}}"#
        ]],
    );
}

#[test]
fn a_deployment() {
    check(
        "6b3873000a150a07617070732f7631120a4465706c6f796d656e7412b8010a1f0a0377656212001a0022002a003200380042005a0a0a0361707012037765621286010800120c0a0a0a0361707012037765621a6c0a1c0a0012001a0022002a003200380042005a0a0a036170701203776562124c122e0a056e67696e7812056e67696e782a00320a0a001000185022002a0042006a007200800100880100900100a201001a00320042004a0052005800600068008201008a01009a0100c2010022020a00280038001a0c0800100018002000280038001a002200",
        &expect![[
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"app":"web"},"name":"web"},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"nginx","name":"nginx","ports":[{"containerPort":80}]}]}}}}"#
        ]],
    );
}

#[test]
fn a_service() {
    check(
        "6b3873000a0d0a02763112075365727669636512650a1d0a026e7012001a0022002a003200380042005a090a0361707012026e7012400a1b0a0738302d38303830120354435018502207080010903f1a00280012090a0361707012026e701a0022084e6f6465506f72743a00420052005a00600068001a020a001a002200",
        &expect![[
            r#"{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"app":"np"},"name":"np"},"spec":{"ports":[{"name":"80-8080","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"np"},"type":"NodePort"}}"#
        ]],
    );
}

#[test]
fn a_cron_job() {
    check(
        "6b3873000a130a0862617463682f7631120743726f6e4a6f62129f010a110a016312001a0022002a003200380042001287010a092a202a202a202a202a1a002a780a110a016312001a0022002a00320038004200126332610a100a0012001a0022002a00320038004200124d12260a0163120762757379626f781a04646174652a0042006a007200800100880100900100a201001a094f6e4661696c757265320042004a0052005800600068008201008a01009a0100c201001a001a002200",
        &expect![[
            r#"{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"c"},"spec":{"jobTemplate":{"metadata":{"name":"c"},"spec":{"template":{"spec":{"containers":[{"command":["date"],"image":"busybox","name":"c"}],"restartPolicy":"OnFailure"}}}},"schedule":"* * * * *"}}"#
        ]],
    );
}

#[test]
fn a_token_request() {
    check(
        "6b3873000a280a1861757468656e7469636174696f6e2e6b38732e696f2f7631120c546f6b656e52657175657374121d0a100a0012001a0022002a00320038004200120320901c1a040a0012001a002200",
        &expect![[
            r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}"#
        ]],
    );
}

#[test]
fn a_namespace() {
    check(
        "6b3873000a0f0a02763112094e616d65737061636512190a110a017812001a0022002a0032003800420012001a020a001a002200",
        &expect![[r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"x"}}"#]],
    );
}

#[test]
fn times_before_1970() {
    // `time.Time{}.Add(2 * time.Second)`, as upstream's test of leases has it.
    check(
        "6b3873000a1f0a16636f6f7264696e6174696f6e2e6b38732e696f2f763112054c65617365120f120d1a0b088292b8c398feffffff01",
        &expect![[
            r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","spec":{"acquireTime":"0001-01-01T00:00:02.000000Z"}}"#
        ]],
    );
}

#[test]
fn what_is_no_such_message() {
    check(
        "",
        &expect![
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        ],
    );
    check(
        "7b7d",
        &expect![
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        ],
    );
    check("6b387300", &expect!["no such kind is known in this form"]);
    check(
        "6b3873000a0c0a0276311206536563726574121d0a110a",
        &expect!["unexpected EOF"],
    );
    // A kind that is not known, and a text that is a number.
    check(
        "6b3873000a090a02763112035064621200",
        &expect!["no such kind is known in this form"],
    );
    check(
        "6b3873000a0c0a02763112065365637265741202080a",
        &expect!["proto: wrong wireType for field metadata"],
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_too_bad(kind in "(Pod|Deployment|ConfigMap)", mut tail: Vec<u8>) {
        let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
        let mut meta = vec![0x0a, version.len() as u8];
        meta.extend(version.bytes());
        meta.extend([0x12, kind.len() as u8]);
        meta.extend(kind.bytes());
        let mut body = MAGIC.to_vec();
        body.extend([0x0a, meta.len() as u8]);
        body.append(&mut meta);
        tail.truncate(120);
        body.extend([0x12, tail.len() as u8]);
        body.append(&mut tail);
        let _ = decode(&body);
    }
}
