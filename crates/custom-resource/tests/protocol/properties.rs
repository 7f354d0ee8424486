//! Properties as types of a resource's own: what is taken, and what is said of what is not.

use std::collections::BTreeMap;

use custom_resource::{Failure, Request, RequestType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn read<T: DeserializeOwned>(members: &Map<String, Value>) -> Result<T, Failure> {
    Request::new(RequestType::Create, "stack", "Resource", members.clone()).properties()
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    name: String,
    size: u8,
    #[serde(default)]
    offset: i64,
    share: f32,
    enabled: bool,
    mode: Mode,
    note: Option<String>,
    rules: Vec<Rule>,
    #[serde(default)]
    tags: BTreeMap<String, u16>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Mode {
    Fast,
    Safe,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    prefix: String,
    priority: Option<u32>,
    target: Target,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Target {
    bucket: String,
    port: u16,
}

fn sound() -> Value {
    json!({
        "Name": "n", "Size": "5", "Offset": "-3", "Share": "0.5", "Enabled": "true", "Mode": "Safe",
        "Rules": [{"Prefix": "a/", "Priority": "1", "Target": {"Bucket": "b", "Port": 443}}],
        "Tags": {"one": "1"},
    })
}

fn given(value: &Value) -> Result<Properties, String> {
    let Value::Object(members) = value else {
        panic!("{value}")
    };
    read(members).map_err(|failure| failure.reason)
}

/// The sound properties with one value replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut properties = sound();
    *properties.pointer_mut(pointer).unwrap() = value;
    properties
}

#[test]
fn strings_become_numbers_and_booleans_where_the_type_has_them() {
    let rule = Rule {
        prefix: "a/".to_owned(),
        priority: Some(1),
        target: Target {
            bucket: "b".to_owned(),
            port: 443,
        },
    };
    let expected = Properties {
        name: "n".to_owned(),
        size: 5,
        offset: -3,
        share: 0.5,
        enabled: true,
        mode: Mode::Safe,
        note: None,
        rules: vec![rule],
        tags: BTreeMap::from([("one".to_owned(), 1)]),
    };
    assert_eq!(given(&sound()), Ok(expected));
    // As a direct call may give them.
    for (pointer, value) in [
        ("/Size", json!(5)),
        ("/Enabled", json!(true)),
        ("/Share", json!(0.5)),
        ("/Offset", json!(-3)),
    ] {
        assert_eq!(given(&with(pointer, value)), given(&sound()));
    }
    // A text that looks like a number stays one.
    let numeric = given(&with("/Name", json!("007"))).unwrap();
    assert_eq!(numeric.name, "007");
}

#[test]
fn each_fault_names_its_property_and_what_it_takes() {
    for (pointer, value, fault) in [
        (
            "/Size",
            json!("256"),
            "property Size is `256`, not a whole number from 0 to 255",
        ),
        (
            "/Size",
            json!("five"),
            "property Size is `five`, not a whole number from 0 to 255",
        ),
        (
            "/Enabled",
            json!("yes"),
            "property Enabled is `yes`, not true or false",
        ),
        (
            "/Share",
            json!([]),
            "property Share is a list, not a number",
        ),
        ("/Name", json!({}), "property Name is an object, not a text"),
        (
            "/Rules",
            json!("all"),
            "property Rules is `all`, not a list",
        ),
        (
            "/Mode",
            json!("Slow"),
            "property Mode is `Slow`, none of Fast and Safe",
        ),
        (
            "/Rules/0/Target",
            json!("b"),
            "property Rules[0].Target is `b`, not an object",
        ),
        (
            "/Rules/0/Target/Port",
            json!("-1"),
            "property Rules[0].Target.Port is `-1`, not a whole number from 0 to 65535",
        ),
        (
            "/Tags/one",
            json!("x"),
            "property Tags.one is `x`, not a whole number from 0 to 65535",
        ),
    ] {
        assert_eq!(given(&with(pointer, value)), Err(fault.to_owned()));
    }
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let mut properties = sound();
    properties.as_object_mut().unwrap().remove("Name");
    assert_eq!(
        given(&properties),
        Err("property Name is missing".to_owned())
    );
    let mut properties = sound();
    properties["Colour"] = json!("red");
    let fault = given(&properties).unwrap_err();
    assert!(
        fault.starts_with("property Colour is unknown; there are Name, Size,"),
        "{fault}"
    );
}

#[test]
fn all_faults_come_at_once_and_each_once() {
    let properties = json!({
        "Size": "big", "Share": "half", "Enabled": "perhaps", "Mode": "Slow", "Colour": "red",
        "Rules": [
            {"Prefix": "a/", "Target": {"Port": "x"}, "Extra": 1},
            {"Priority": "low", "Target": {"Bucket": "b", "Port": "443"}},
            {"Prefix": "c/"},
        ],
    });
    let told = given(&properties).unwrap_err();
    let mut faults: Vec<&str> = told
        .split("; (")
        .map(|fault| {
            let (_, words) = fault.split_once(") ").unwrap();
            let (named, _) = words.split_once(" is ").unwrap();
            named.strip_prefix("property ").unwrap()
        })
        .collect();
    faults.sort_unstable();
    assert_eq!(
        faults,
        [
            "Colour",
            "Enabled",
            "Mode",
            "Name",
            "Rules[0].Extra",
            "Rules[0].Target.Bucket",
            "Rules[0].Target.Port",
            "Rules[1].Prefix",
            "Rules[1].Priority",
            "Rules[2].Target",
            "Share",
            "Size",
        ],
        "{told}"
    );
    assert!(
        told.starts_with("(1) ") && told.contains("; (12) "),
        "{told}"
    );
}

#[test]
fn a_type_that_refuses_by_itself_says_so_under_its_name() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Even;

    impl TryFrom<String> for Even {
        type Error = &'static str;

        fn try_from(_: String) -> Result<Self, Self::Error> {
            Err("that is odd")
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Both {
        #[expect(dead_code, reason = "it is never made")]
        even: Even,
        #[expect(dead_code, reason = "the same")]
        size: u8,
    }

    let members = Map::from_iter([("Even".to_owned(), json!("3"))]);
    let failure = read::<Both>(&members).unwrap_err();
    assert!(
        failure.reason.contains("property Even is `3`: that is odd"),
        "{failure}"
    );
}

#[test]
fn anything_can_be_taken_as_it_is() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Raw {
        document: Value,
        pair: (u8, bool),
        nothing: Option<u8>,
    }
    let given = json!({"Document": {"a": ["1", 2]}, "Pair": ["7", "false"], "Nothing": null});
    let members = given.as_object().unwrap();
    let raw: Raw = read(members).unwrap();
    let document = json!({"a": ["1", 2]});
    assert_eq!(
        raw,
        Raw {
            document,
            pair: (7, false),
            nothing: None
        }
    );
}
