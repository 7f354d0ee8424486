//! The answer gets through faults, and stops where there is no point or no time.

use std::time::Duration;

use crate::common::{Attempt, Fake, HOST, SECRET, Scripted, changed, event, provider, request};
use custom_resource::{DeliveryError, InvocationError};
use lambda_runtime::Diagnostic;
use serde_json::json;

async fn run(
    script: &[Attempt],
    seconds: u64,
) -> (Result<serde_json::Value, InvocationError>, Scripted) {
    let transport = Scripted::new(script);
    let fake = Fake::succeeding();
    let result = provider(&fake, &transport)
        .handle(event(request("Create"), seconds))
        .await;
    (result, transport)
}

#[tokio::test(start_paused = true)]
async fn first_attempt_taken_is_the_only_one_and_bears_an_empty_content_type() {
    for status in [200, 204] {
        let (result, transport) = run(&[Attempt::Status(status)], 60).await;
        assert_eq!(
            result.unwrap(),
            json!({"Status": "SUCCESS", "PhysicalResourceId": "the-id"})
        );
        let sent = transport.sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].content_type, "");
        assert_eq!(
            sent[0].url,
            format!("https://{HOST}/stack%7CName%7Cid?{SECRET}")
        );
        assert_eq!(
            sent[0].body,
            json!({
                "Status": "SUCCESS",
                "PhysicalResourceId": "the-id",
                "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/name/guid",
                "RequestId": "7bfe2d54-0000-4000-8000-000000000001",
                "LogicalResourceId": "Logical",
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn faults_timeouts_and_server_errors_are_retried_with_growing_pauses() {
    let script = [
        Attempt::Fault { retryable: true },
        Attempt::Status(500),
        Attempt::Status(503),
        Attempt::Hangs,
        Attempt::Status(200),
    ];
    let (result, transport) = run(&script, 300).await;
    assert!(result.is_ok());
    let times = transport.times();
    assert_eq!(times.len(), 5);
    let bodies: Vec<_> = transport.sent().into_iter().map(|sent| sent.body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let gaps: Vec<_> = times
        .windows(2)
        .map(|pair| pair[1].abs_diff(pair[0]))
        .collect();
    // Pauses of 200, 400, 800 and 1,600 ms, each shortened by at most its half; the fourth attempt
    // itself takes its limit of 24 s.
    for (gap, (low, high)) in
        gaps.iter()
            .zip([(100, 201), (200, 401), (400, 801), (24_800, 25_602)])
    {
        let range = Duration::from_millis(low)..=Duration::from_millis(high);
        assert!(range.contains(gap), "{gaps:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_end_before_the_invocation_does() {
    for attempt in [
        Attempt::Fault { retryable: true },
        Attempt::Status(503),
        Attempt::Hangs,
    ] {
        for seconds in [2, 5, 10, 60, 900] {
            let begun = tokio::time::Instant::now();
            let (result, transport) = run(&[attempt], seconds).await;
            let took = begun.elapsed();
            assert!(
                took + Duration::from_millis(240) <= Duration::from_secs(seconds),
                "{attempt:?} {seconds}: {took:?}"
            );
            // Nor does it give up while another attempt would fit.
            assert!(
                took + Duration::from_millis(10_500 + 250 + 50) + transport.delay()
                    >= Duration::from_secs(seconds),
                "{attempt:?} {seconds}: {took:?}"
            );
            let Err(InvocationError::Delivery(DeliveryError::OutOfTime { url, attempts, .. })) =
                result
            else {
                panic!("{attempt:?}: {result:?}")
            };
            assert_eq!(attempts as usize, transport.sent().len());
            assert_eq!(url, format!("https://{HOST}/…"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn service_timeout_ends_the_attempts_where_it_is_the_shorter() {
    let transport = Scripted::new(&[Attempt::Status(503)]);
    let fake = Fake::succeeding();
    let properties = json!({"ServiceTimeout": "20", "ServiceToken": "arn:token"});
    let payload = changed("Create", &[("ResourceProperties", Some(properties))]);
    let begun = tokio::time::Instant::now();
    let result = provider(&fake, &transport)
        .handle(event(payload, 900))
        .await;
    assert!(matches!(
        result,
        Err(InvocationError::Delivery(DeliveryError::OutOfTime { .. }))
    ));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(begun.elapsed() > Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn late_start_still_makes_one_attempt() {
    let (result, transport) = run(&[Attempt::Status(200)], 0).await;
    assert!(result.is_ok());
    assert_eq!(transport.sent().len(), 1);
    let (result, transport) = run(&[Attempt::Hangs], 0).await;
    assert!(result.is_err());
    assert_eq!(transport.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn refusals_stop_at_once() {
    for status in [301, 307, 400, 403, 404, 412] {
        let (result, transport) = run(&[Attempt::Status(status)], 300).await;
        assert_eq!(
            result.unwrap_err(),
            InvocationError::Delivery(DeliveryError::Refused {
                url: format!("https://{HOST}/…"),
                status,
                attempts: 1,
            })
        );
        assert_eq!(transport.sent().len(), 1);
    }
    let (result, transport) = run(&[Attempt::Status(500), Attempt::Status(403)], 300).await;
    assert!(result.unwrap_err().to_string().contains("403, attempt 2"));
    assert_eq!(transport.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn request_that_cannot_be_sent_is_not_tried_again() {
    let (result, transport) = run(&[Attempt::Fault { retryable: false }], 300).await;
    assert_eq!(
        result.unwrap_err().to_string(),
        "the answer cannot be sent: connection reset"
    );
    assert_eq!(transport.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_error_shows_more_of_the_url_than_its_host() {
    for attempt in [Attempt::Status(403), Attempt::Status(500), Attempt::Hangs] {
        let (result, _) = run(&[attempt], 10).await;
        let error = result.unwrap_err();
        let diagnostic = Diagnostic::from(error.clone());
        assert_eq!(diagnostic.error_type, "CustomResource.NotDelivered");
        for shown in [
            error.to_string(),
            format!("{error:?}"),
            diagnostic.error_message,
        ] {
            assert!(
                !shown.contains(SECRET) && !shown.contains("stack%7C"),
                "{shown}"
            );
        }
    }
}
