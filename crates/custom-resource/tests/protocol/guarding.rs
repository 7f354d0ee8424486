//! Code that panics, hangs, fails or runs twice is answered under the right id.

use std::time::Duration;

use custom_resource::{ANSWER_RESERVE, InvocationError, RequestType};
use lambda_runtime::Diagnostic;
use serde_json::{Map, Value, json};

use crate::common::{Attempt, Does, Fake, Scripted, changed, event, provider, request};

const TYPES: [&str; 3] = ["Create", "Update", "Delete"];

async fn answer(fake: &Fake, payload: Value, seconds: u64) -> Value {
    let transport = Scripted::new(&[Attempt::Status(200)]);
    let result = provider(fake, &transport)
        .handle(event(payload, seconds))
        .await;
    let answer = transport.answer();
    let summary = result.unwrap();
    for member in ["Status", "Reason", "PhysicalResourceId"] {
        assert_eq!(summary.get(member), answer.get(member), "{member}");
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn request_reaches_its_method_with_plain_properties() {
    for (name, request_type) in TYPES.into_iter().zip([
        RequestType::Create,
        RequestType::Update,
        RequestType::Delete,
    ]) {
        let data = Map::from_iter([("Arn".to_owned(), json!("arn:thing"))]);
        let fake = Fake::new(Does::Succeed(data));
        let answer = answer(&fake, request(name), 60).await;
        assert_eq!(answer["Status"], "SUCCESS");
        assert_eq!(answer["PhysicalResourceId"], "the-id");
        let expected = (name != "Delete").then(|| json!({"Arn": "arn:thing"}));
        assert_eq!(answer.get("Data"), expected.as_ref());
        let calls = fake.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].request_type, request_type);
        assert_eq!(calls[0].service_token.as_deref(), Some("arn:token"));
        assert_eq!(
            Value::from(calls[0].resource_properties.clone()),
            json!({"Name": "new"})
        );
        let old = if name == "Update" {
            json!({"Name": "old"})
        } else {
            json!({})
        };
        assert_eq!(Value::from(calls[0].old_resource_properties.clone()), old);
    }
}

#[tokio::test(start_paused = true)]
async fn failure_is_answered_with_its_reason_under_the_resources_id() {
    for name in TYPES {
        let fake = Fake::new(Does::Fail("bucket `b`: access denied".to_owned()));
        let answer = answer(&fake, request(name), 60).await;
        assert_eq!(answer["Status"], "FAILED");
        assert_eq!(answer["Reason"], "bucket `b`: access denied");
        assert_eq!(answer["PhysicalResourceId"], "the-id");
    }
}

#[tokio::test(start_paused = true)]
async fn panic_is_answered_with_its_message_under_the_resources_id() {
    for name in TYPES {
        for (does, message) in [
            (Does::PanicAtOnce, "panicked at once"),
            (Does::PanicLater, "panicked after 1 await"),
        ] {
            let fake = Fake::new(does);
            let answer = answer(&fake, request(name), 60).await;
            assert_eq!(answer["Status"], "FAILED");
            assert_eq!(answer["PhysicalResourceId"], "the-id");
            assert_eq!(
                answer["Reason"],
                format!(
                    "{name} of `Logical` ended in a defect of the function: {message}; see the \
                     function's log, request invocation-1"
                )
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn work_without_end_is_stopped_in_time_to_answer_under_the_resources_id() {
    for name in TYPES {
        for does in [Does::Hang, Does::PanicOnDrop] {
            let fake = Fake::new(does);
            let transport = Scripted::new(&[Attempt::Status(200)]);
            let result = provider(&fake, &transport)
                .handle(event(request(name), 60))
                .await;
            assert!(result.is_ok());
            let answer = transport.answer();
            assert_eq!(answer["Status"], "FAILED");
            assert_eq!(answer["PhysicalResourceId"], "the-id");
            let reason = answer["Reason"].as_str().unwrap();
            let stopped = transport.times()[0];
            // Timers go by whole milliseconds.
            let told = [stopped, stopped.saturating_sub(Duration::from_millis(1))];
            let told = told.map(|after| {
                let after = after.as_secs();
                format!("{name} of `Logical` was stopped after {after} s")
            });
            assert!(told.iter().any(|told| reason.starts_with(told)), "{reason}");
            let left = Duration::from_mins(1).abs_diff(stopped);
            let slack = Duration::from_millis(500) + transport.delay();
            assert!(
                left >= ANSWER_RESERVE && left <= ANSWER_RESERVE + slack,
                "{left:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answer_of_the_watchdog_has_time_for_a_second_attempt() {
    for first in [
        Attempt::Hangs,
        Attempt::Status(503),
        Attempt::Fault { retryable: true },
    ] {
        for seconds in [30, 60, 900] {
            let fake = Fake::new(Does::Hang);
            let transport = Scripted::new(&[first, Attempt::Status(200)]);
            let result = provider(&fake, &transport)
                .handle(event(request("Create"), seconds))
                .await;
            assert_eq!(result.unwrap()["Status"], "FAILED", "{first:?}");
            assert_eq!(transport.sent().len(), 2);
            assert!(transport.times()[1] < Duration::from_secs(seconds));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn short_invocation_gives_a_quarter_to_the_answer() {
    let fake = Fake::new(Does::Hang);
    let transport = Scripted::new(&[Attempt::Status(200)]);
    provider(&fake, &transport)
        .handle(event(request("Create"), 4))
        .await
        .unwrap();
    let stopped = transport.times()[0];
    let least = Duration::from_millis(2700).saturating_sub(transport.delay());
    assert!(stopped > least && stopped < Duration::from_millis(2900));
}

#[tokio::test(start_paused = true)]
async fn service_timeout_stops_the_work_where_it_is_the_shorter() {
    for timeout in [json!("20"), json!(20)] {
        let fake = Fake::new(Does::Hang);
        let properties = json!({"ServiceTimeout": timeout});
        let payload = changed("Create", &[("ResourceProperties", Some(properties))]);
        let transport = Scripted::new(&[Attempt::Status(200)]);
        provider(&fake, &transport)
            .handle(event(payload, 900))
            .await
            .unwrap();
        let stopped = transport.times()[0];
        let least = Duration::from_secs(14).saturating_sub(transport.delay());
        assert!(stopped > least && stopped < Duration::from_secs(16));
        let given = fake.time_given.lock().unwrap().unwrap();
        assert!(stopped.abs_diff(given) < Duration::from_millis(50) + transport.delay());
        assert!(
            !fake.calls()[0]
                .resource_properties
                .contains_key("ServiceTimeout")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn id_that_cannot_be_told_fails_before_anything_is_done() {
    for (id, part) in [
        (None, "no id to be had"),
        (Some(String::new()), "has 0 bytes"),
        (Some("x".repeat(1025)), "has 1025 bytes"),
        (Some("\u{1}".repeat(400)), "has 400 bytes"),
    ] {
        let mut fake = Fake::succeeding();
        fake.id = id;
        let created = answer(&fake, request("Create"), 60).await;
        assert_eq!(created["Status"], "FAILED");
        let reason = created["Reason"].as_str().unwrap();
        assert!(reason.contains(part), "{reason}");
        assert_eq!(
            created["PhysicalResourceId"],
            "nothing-created/7bfe2d54-0000-4000-8000-000000000001"
        );
        let updated = answer(&fake, request("Update"), 60).await;
        assert_eq!(updated["Status"], "FAILED");
        assert_eq!(updated["PhysicalResourceId"], "the-id");
        assert!(fake.calls().is_empty());
        // The rollback's Delete, under the id it was told.
        let id = created["PhysicalResourceId"].clone();
        let delete = changed("Delete", &[("PhysicalResourceId", Some(id.clone()))]);
        let deleted = answer(&fake, delete, 60).await;
        assert_eq!(deleted["Status"], "SUCCESS");
        assert_eq!(deleted["PhysicalResourceId"], id);
        assert!(fake.calls().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn id_of_the_greatest_length_is_taken() {
    let mut fake = Fake::succeeding();
    fake.id = Some("x".repeat(1024));
    let answer = answer(&fake, request("Create"), 60).await;
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(answer["PhysicalResourceId"], "x".repeat(1024));
}

#[tokio::test(start_paused = true)]
async fn replacement_answers_the_new_id_and_a_delete_the_one_it_bears() {
    let fake = Fake::succeeding();
    let old = [("PhysicalResourceId", Some(json!("the-old-id")))];
    let updated = answer(&fake, changed("Update", &old), 60).await;
    assert_eq!(updated["PhysicalResourceId"], "the-id");
    let deleted = answer(&fake, changed("Delete", &old), 60).await;
    assert_eq!(deleted["PhysicalResourceId"], "the-old-id");
}

#[tokio::test(start_paused = true)]
async fn request_delivered_twice_is_answered_twice_with_the_same_bytes() {
    for does in [
        Does::Succeed(Map::from_iter([("A".to_owned(), json!("b"))])),
        Does::Fail("no".to_owned()),
        Does::PanicLater,
    ] {
        let fake = Fake::new(does);
        let transport = Scripted::new(&[Attempt::Status(200)]);
        let provider = provider(&fake, &transport);
        for _ in 0..2 {
            provider.handle(event(request("Create"), 60)).await.unwrap();
        }
        let sent = transport.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].body, sent[1].body);
        let calls = fake.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0], calls[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn attributes_beyond_the_limit_fail_a_create_and_not_a_delete() {
    let data = Map::from_iter([("Big".to_owned(), json!("x".repeat(5000)))]);
    let fake = Fake::new(Does::Succeed(data));
    let created = answer(&fake, request("Create"), 60).await;
    assert_eq!(created["Status"], "FAILED");
    assert_eq!(created["PhysicalResourceId"], "the-id");
    assert!(created["Reason"].as_str().unwrap().ends_with("Big 5002"));
    let deleted = answer(&fake, request("Delete"), 60).await;
    assert_eq!(deleted["Status"], "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn direct_invocation_is_refused_unless_the_resource_takes_it() {
    let fake = Fake::succeeding();
    let transport = Scripted::new(&[Attempt::Status(200)]);
    let error = provider(&fake, &transport)
        .handle(event(json!({"Action": "Plan"}), 60))
        .await
        .unwrap_err();
    assert!(matches!(error, InvocationError::Direct(_)), "{error:?}");
    assert!(error.to_string().contains("has no ResponseURL"));
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.error_type, "CustomResource.InvocationFailed");
    assert!(transport.sent().is_empty());
}
