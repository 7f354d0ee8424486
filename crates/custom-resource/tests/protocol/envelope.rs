//! Whatever comes in is carried out, answered with its faults, or clearly refused.

use custom_resource::{InvocationError, Payload, ResponseHosts};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::common::{Attempt, Does, Fake, Scripted, changed, event, provider, request};

async fn handle(payload: impl Into<Payload>) -> (Result<Value, InvocationError>, Scripted, Fake) {
    let fake = Fake::succeeding();
    let transport = Scripted::new(&[Attempt::Status(200)]);
    let result = provider(&fake, &transport).handle(event(payload, 60)).await;
    (result, transport, fake)
}

/// The reason of a FAILED answer to a request that did not reach the resource.
async fn refused(payload: impl Into<Payload>) -> (String, Value) {
    let (result, transport, fake) = handle(payload).await;
    assert!(result.is_ok());
    assert!(fake.calls().is_empty());
    let answer = transport.answer();
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    let reason = answer["Reason"].as_str().unwrap().to_owned();
    (reason, answer)
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_the_envelope_is_named() {
    let long = "x".repeat(2000);
    for (request_type, member, value, fault) in [
        ("Create", "RequestType", None, "RequestType is missing"),
        (
            "Create",
            "RequestType",
            Some(json!("create")),
            "RequestType `create` is none of Create, Update and Delete",
        ),
        (
            "Create",
            "RequestType",
            Some(json!(1)),
            "RequestType is a number, not a string",
        ),
        ("Create", "RequestId", None, "RequestId is missing"),
        ("Create", "RequestId", Some(json!("")), "RequestId is empty"),
        ("Create", "StackId", None, "StackId is missing"),
        (
            "Create",
            "StackId",
            Some(json!(null)),
            "StackId is null, not a string",
        ),
        (
            "Create",
            "StackId",
            Some(json!(long)),
            "StackId has 2000 bytes, more than 512",
        ),
        (
            "Create",
            "LogicalResourceId",
            Some(json!("a\nb")),
            "LogicalResourceId has characters that no such id has",
        ),
        (
            "Create",
            "ResourceType",
            Some(json!([])),
            "ResourceType is a list, not a string",
        ),
        (
            "Create",
            "ResourceProperties",
            None,
            "ResourceProperties is missing",
        ),
        (
            "Create",
            "ResourceProperties",
            Some(json!("text")),
            "ResourceProperties is a string, not an object",
        ),
        (
            "Update",
            "OldResourceProperties",
            Some(json!(true)),
            "OldResourceProperties is a boolean, not an object",
        ),
        (
            "Update",
            "PhysicalResourceId",
            None,
            "PhysicalResourceId is missing",
        ),
        (
            "Update",
            "PhysicalResourceId",
            Some(json!(long)),
            "PhysicalResourceId has 2000 bytes, CloudFormation takes 1 to 1024",
        ),
        ("Delete", "StackId", None, "StackId is missing"),
        (
            "Delete",
            "RequestId",
            Some(json!({})),
            "RequestId is an object, not a string",
        ),
    ] {
        let (reason, answer) = refused(changed(request_type, &[(member, value)])).await;
        assert_eq!(
            reason,
            format!("the request cannot be carried out, nothing was changed: {fault}")
        );
        let id = answer["PhysicalResourceId"].as_str().unwrap();
        let unnamed = request_type == "Create" || member == "PhysicalResourceId";
        if unnamed && member != "RequestType" {
            assert!(id.starts_with("nothing-created/"), "{id}");
        }
        for echoed in ["StackId", "RequestId", "LogicalResourceId"] {
            let expected = if echoed == member {
                json!("unknown")
            } else {
                request("Create")[echoed].clone()
            };
            assert_eq!(answer[echoed], expected, "{echoed} with {member} broken");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_faults_are_named_in_one_reason() {
    let url = request("Create")["ResponseURL"].clone();
    let (reason, answer) = refused(json!({"ResponseURL": url})).await;
    assert_eq!(
        reason,
        "the request cannot be carried out, nothing was changed: RequestType is missing; \
         RequestId is missing; StackId is missing; LogicalResourceId is missing; \
         ResourceType is missing; ResourceProperties is missing"
    );
    assert_eq!(answer["PhysicalResourceId"], "nothing-created/unknown");
}

#[tokio::test(start_paused = true)]
async fn delete_with_unusable_properties_reaches_the_resource_by_its_ids() {
    for properties in [
        None,
        Some(json!(null)),
        Some(json!("text")),
        Some(json!([1])),
    ] {
        let payload = changed(
            "Delete",
            &[("ResourceProperties", properties), ("ResourceType", None)],
        );
        let (result, _, fake) = handle(payload).await;
        assert_eq!(result.unwrap()["Status"], "SUCCESS");
        assert_eq!(fake.calls().len(), 1);
        assert!(fake.calls()[0].resource_properties.is_empty());
        assert_eq!(
            fake.calls()[0].physical_resource_id.as_deref(),
            Some("the-id")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn broken_delete_succeeds_only_where_it_is_about_nothing_of_the_resources() {
    for (id, status) in [
        (Some(json!("the-id")), "FAILED"),
        (Some(json!("2026/11/24/[$LATEST]0123")), "SUCCESS"),
        (Some(json!("nothing-created/1")), "SUCCESS"),
        (Some(json!("")), "SUCCESS"),
        (Some(json!(7)), "SUCCESS"),
        (None, "SUCCESS"),
    ] {
        let payload = changed(
            "Delete",
            &[("StackId", None), ("PhysicalResourceId", id.clone())],
        );
        let (result, transport, fake) = handle(payload).await;
        assert_eq!(result.unwrap()["Status"], status, "{id:?}");
        assert!(fake.calls().is_empty());
        assert!(
            !transport.answer()["PhysicalResourceId"]
                .as_str()
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn delete_without_physical_id_is_answered_under_the_resources_own() {
    let (result, _, fake) = handle(changed("Delete", &[("PhysicalResourceId", None)])).await;
    let answer = result.unwrap();
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(answer["PhysicalResourceId"], "the-id");
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn members_that_cloudformation_may_add_are_ignored() {
    let (result, _, fake) = handle(changed("Create", &[("Novelty", Some(json!({"a": 1})))])).await;
    assert_eq!(result.unwrap()["Status"], "SUCCESS");
    assert_eq!(fake.calls().len(), 1);
}

/// The request of `request_type` as text, with `properties` in the place of its properties, last.
fn text(request_type: &str, properties: &str) -> String {
    let Value::Object(members) = changed(request_type, &[("ResourceProperties", None)]) else {
        panic!("a request is an object")
    };
    let text = Value::from(members).to_string();
    let text = text.strip_suffix('}').unwrap();
    format!("{text},\"ResourceProperties\":{properties}")
}

#[tokio::test(start_paused = true)]
async fn request_that_breaks_off_or_nests_too_deeply_is_answered() {
    let deep = format!("{}0{}}}", "{\"a\":".repeat(200), "}".repeat(200));
    for (damage, part) in [
        ("{\"Name\": \"b", "EOF while parsing a string"),
        (deep.as_str(), "recursion limit exceeded"),
        ("{\"Size\": 1e999}}", "number out of range"),
        ("{oops}}", "key must be a string"),
    ] {
        let (reason, answer) =
            refused(Payload::from_slice(text("Create", damage).as_bytes())).await;
        assert!(
            reason.contains("member `ResourceProperties` of the request cannot be read"),
            "{reason}"
        );
        assert!(reason.contains(part), "{reason}");
        assert_eq!(answer["LogicalResourceId"], "Logical");
        // The ids are whole, so the Delete can do its work.
        let (result, _, fake) =
            handle(Payload::from_slice(text("Delete", damage).as_bytes())).await;
        assert_eq!(result.unwrap()["Status"], "SUCCESS");
        assert_eq!(fake.calls().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_be_answered_about_is_a_clear_error() {
    let refused_url = |url: &str| changed("Create", &[("ResponseURL", Some(json!(url)))]);
    for (payload, code, part) in [
        (
            Payload::from_slice(b"not json"),
            "CustomResource.NotJson",
            "expected ident",
        ),
        (
            Payload::from_slice(b"{\"RequestType\": \"Create\", \"Res"),
            "CustomResource.NotJson",
            "EOF",
        ),
        (
            Payload::from(json!([1])),
            "CustomResource.NotAnObject",
            "the payload is a list",
        ),
        (
            Payload::from(json!("x")),
            "CustomResource.NotAnObject",
            "the payload is a string",
        ),
        (
            Payload::from(changed("Create", &[("ResponseURL", None)])),
            "CustomResource.NoResponseUrl",
            "ResponseURL is missing",
        ),
        (
            Payload::from(changed("Create", &[("ResponseURL", Some(json!(null)))])),
            "CustomResource.NoResponseUrl",
            "ResponseURL is null",
        ),
        (
            Payload::from(refused_url("https://evil.example/?s=5ec3e7")),
            "CustomResource.ResponseUrlRefused",
            "evil.example",
        ),
        (
            Payload::from(refused_url("http://127.0.0.1:4566/5ec3e7")),
            "CustomResource.ResponseUrlRefused",
            "AWS_ENDPOINT_URL",
        ),
    ] {
        let (result, transport, fake) = handle(payload).await;
        let error = result.unwrap_err();
        assert_eq!(error.code(), code);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(part) && !shown.contains("5ec3e7"), "{shown}");
        assert!(transport.sent().is_empty() && fake.calls().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn loopback_is_answered_where_it_is_allowed() {
    let url = "http://localhost:4566/_ministack/cfn-response/token";
    let payload = changed("Create", &[("ResponseURL", Some(json!(url)))]);
    let fake = Fake::succeeding();
    let transport = Scripted::new(&[Attempt::Status(200)]);
    let provider = provider(&fake, &transport).with_response_hosts(ResponseHosts::AmazonOrLoopback);
    provider.handle(event(payload, 60)).await.unwrap();
    assert_eq!(transport.sent()[0].url, url);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!("Create")),
        Just(json!("Update")),
        Just(json!("Delete")),
        Just(json!("the-id")),
        Just(request("Create")["ResponseURL"].clone()),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("\\PC{0,10}", inner, 0..6)
                .prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

const MEMBERS: [&str; 9] = [
    "RequestType",
    "RequestId",
    "StackId",
    "LogicalResourceId",
    "ResourceType",
    "PhysicalResourceId",
    "ResourceProperties",
    "OldResourceProperties",
    "ResponseURL",
];

/// A request with some of its members replaced or taken out.
fn any_request() -> impl Strategy<Value = Value> {
    let change = (
        proptest::sample::select(&MEMBERS),
        proptest::option::of(any_json()),
    );
    (
        proptest::sample::select(&["Create", "Update", "Delete"]),
        proptest::collection::vec(change, 0..5),
    )
        .prop_map(|(request_type, changes)| changed(request_type, &changes))
}

/// Handles `payload`: it is either answered once, well-formed, or refused without being carried out.
fn answered_or_refused(payload: Payload) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (result, transport, fake) = runtime.block_on(handle(payload));
    let sent = transport.sent();
    match result {
        Ok(summary) => {
            prop_assert_eq!(sent.len(), 1);
            let answer = &sent[0].body;
            prop_assert!(sent[0].length <= 4096);
            prop_assert_eq!(&summary["Status"], &answer["Status"]);
            for name in [
                "PhysicalResourceId",
                "StackId",
                "RequestId",
                "LogicalResourceId",
            ] {
                let text = answer[name].as_str().unwrap();
                prop_assert!(
                    !text.is_empty() && text.len() <= 1024,
                    "{} {:?}",
                    name,
                    text
                );
            }
            match answer["Status"].as_str() {
                Some("SUCCESS") => {}
                Some("FAILED") => {
                    prop_assert!(!answer["Reason"].as_str().unwrap().is_empty());
                    prop_assert!(fake.calls().is_empty());
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        Err(error) => {
            prop_assert!(sent.is_empty() && fake.calls().is_empty());
            prop_assert!(!error.to_string().is_empty());
            prop_assert!(!error.to_string().contains("X-Amz-Signature"));
        }
    }
    Ok(())
}

fn whatever(payload: Payload) {
    answered_or_refused(payload).unwrap();
}

#[test]
fn the_tricks_that_are_kept_are_answered_or_refused() {
    let folder = "../../events/hostile";
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        count += 1;
        whatever(Payload::from_slice(&bytes));
        let properties = String::from_utf8_lossy(&bytes);
        for request_type in ["Create", "Update", "Delete"] {
            let whole = format!("{}}}", text(request_type, &properties));
            whatever(Payload::from_slice(whole.as_bytes()));
        }
    }
    assert!(count > 20, "{count} files");
}

#[test]
fn a_megabyte_in_any_member_is_answered_or_refused() {
    const MEGABYTE: usize = 1 << 20;
    let x = "x".repeat(MEGABYTE);
    let quotes = "\"".repeat(MEGABYTE);
    let list = vec![0; MEGABYTE / 2];
    for member in MEMBERS {
        for request_type in ["Create", "Update", "Delete"] {
            for value in [json!(x), json!(quotes), json!(list), json!({ &x: 1 })] {
                whatever(changed(request_type, &[(member, Some(value))]).into());
            }
        }
    }
    for damage in [
        "[".repeat(MEGABYTE),
        "{\"a\":".repeat(MEGABYTE / 5),
        "1".repeat(MEGABYTE),
        format!("{{\"Size\": {}}}}}", "9".repeat(MEGABYTE)),
        format!("\"{x}"),
    ] {
        for request_type in ["Create", "Update", "Delete"] {
            whatever(Payload::from_slice(text(request_type, &damage).as_bytes()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_a_megabyte_fits_the_answer_with_its_head_and_its_tail() {
    let reason = format!("head{}tail", "ü\"".repeat(1 << 19));
    let fake = Fake::new(Does::Fail(reason));
    let transport = Scripted::new(&[Attempt::Status(200)]);
    let handled = provider(&fake, &transport)
        .handle(event(request("Create"), 60))
        .await;
    assert!(handled.is_ok());
    assert!(transport.sent()[0].length <= 4096);
    let told = transport.answer()["Reason"].as_str().unwrap().to_owned();
    assert!(
        told.starts_with("head") && told.ends_with("tail") && told.contains("bytes left out"),
        "{told}"
    );
}

/// Addresses that look like Amazon's to somebody.
#[tokio::test(start_paused = true)]
async fn nothing_is_carried_out_for_an_address_that_is_not_amazons() {
    const SECRET_PATH: &str = "5ec3e7";
    for address in [
        "https://s3.amazonaws.com@evil.example/",
        "https://s3.amazonaws.com:443@evil.example/",
        "https://user:password@s3.amazonaws.com/",
        "https://evil.example:443/",
        "https://s3.amazonaws.com:8443/",
        "https://s3.amazonaws.com.evil.example/",
        "https://evil.example/s3.amazonaws.com/",
        "https://evil.example?.s3.amazonaws.com/",
        "https://evil.example#.s3.amazonaws.com/",
        "https://evil.example\\.s3.amazonaws.com/",
        "https://evil.example%2f.s3.amazonaws.com/",
        "https://evil.example\t.s3.amazonaws.com/",
        "https://s3.amazonaws.com./",
        "https://.s3.amazonaws.com/",
        "https://amazonaws.com/",
        "https://evilamazonaws.com/",
        "https://s3.amazonaws.co/",
        "https://s3.amаzonaws.com/",
        "https://s3.xn--amzonaws-86g.com/",
        "https://s3。amazonaws.com/",
        "https://52.216.0.1/",
        "https://0x34d80001/",
        "https://[::ffff:52.216.0.1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://127.0.0.1/",
        "http://s3.amazonaws.com/",
        "HTTP://s3.amazonaws.com/",
        "ftp://s3.amazonaws.com/",
        "file:///etc/passwd",
        "//s3.amazonaws.com/",
        "https://s3.amazonaws.com",
        "",
    ] {
        let url = format!("{address}{SECRET_PATH}");
        for request_type in ["Create", "Update", "Delete"] {
            let payload = changed(request_type, &[("ResponseURL", Some(json!(url)))]);
            let (result, transport, fake) = handle(payload).await;
            let error = result.unwrap_err();
            assert_eq!(
                error.code(),
                "CustomResource.ResponseUrlRefused",
                "{address}"
            );
            assert!(
                !format!("{error} {error:?}").contains(SECRET_PATH),
                "{error}"
            );
            assert!(
                transport.sent().is_empty() && fake.calls().is_empty(),
                "{address}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_answered_or_refused(value in any_json()) {
        answered_or_refused(value.into())?;
    }

    #[test]
    fn any_damaged_request_is_answered_or_refused(request in any_request()) {
        answered_or_refused(request.into())?;
    }

    #[test]
    fn any_bytes_are_answered_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        answered_or_refused(Payload::from_slice(&bytes))?;
    }

    #[test]
    fn request_cut_anywhere_behind_its_url_is_answered(
        request_type in proptest::sample::select(&["Create", "Update", "Delete"]), cut in any::<proptest::sample::Index>(),
    ) {
        let whole = request(request_type);
        let url = format!("{{\"ResponseURL\":{},", whole["ResponseURL"]);
        let rest = changed(request_type, &[("ResponseURL", None)]).to_string();
        let rest = rest.strip_prefix('{').unwrap();
        let rest: String = rest.chars().take(cut.index(rest.len())).collect();
        let payload = Payload::from_slice(format!("{url}{rest}").as_bytes());
        answered_or_refused(payload.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let (result, transport, _) = runtime.block_on(handle(payload));
        prop_assert!(result.is_ok());
        prop_assert_eq!(transport.sent().len(), 1);
    }
}
