//! Answers as tables, for people at a terminal: `jq -r .` prints one.

use std::fmt::Write as _;

use serde_json::Value;

use crate::format::Format;

/// `answer` as it was asked for.
pub(crate) fn formatted(answer: Value, format: Format) -> Value {
    match format {
        Format::Json => answer,
        Format::Text => Value::String(table(&answer)),
    }
}

/// What is first of all is told on a line each, lists below it.
fn table(answer: &Value) -> String {
    let mut text = String::new();
    for (name, value) in answer.as_object().into_iter().flatten() {
        if let Some(value) = plain(value) {
            line(&mut text, &format!("{name}: {value}"));
        }
    }
    let list = |name: &str| answer.get(name).and_then(Value::as_array);
    for name in ["Statuses", "Prefixes", "JobIds"] {
        let all: Vec<_> = list(name)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !all.is_empty() {
            line(&mut text, &format!("{name}: {}", all.join(", ")));
        }
    }
    if let Some(checks) = list("Checks") {
        let mut checks: Vec<_> = checks.iter().collect();
        checks.sort_by_key(|check| rank(member(check, "Result")));
        rows(
            &mut text,
            checks.iter().map(|check| {
                let words = said(&[member(check, "Finding"), member(check, "Remedy")]);
                [
                    member(check, "Result"),
                    member(check, "Check"),
                    member(check, "Resource"),
                    &words,
                ]
                .map(str::to_owned)
            }),
        );
    }
    for name in ["Faults", "Unwatched", "Warnings"] {
        let told = list(name).into_iter().flatten().filter_map(Value::as_str);
        for (number, fault) in told.enumerate() {
            if number == 0 {
                line(&mut text, &format!("{name}:"));
            }
            line(&mut text, &format!("  {}. {fault}", number + 1));
        }
    }
    if let Some(phases) = list("Phases") {
        if phases.is_empty() {
            line(&mut text, "Steps: none");
        }
        rows(
            &mut text,
            phases.iter().enumerate().flat_map(|(number, phase)| {
                let steps = phase.as_array().into_iter().flatten();
                steps.map(move |step| {
                    [
                        format!("phase {}", number + 1),
                        member(step, "Summary").to_owned(),
                    ]
                })
            }),
        );
    }
    // Of WatchAll; a plan's are words.
    let unwatched = list("Unwatched").into_iter().flatten();
    let unwatched: Vec<_> = unwatched.filter(|found| found.is_object()).collect();
    rows(
        &mut text,
        unwatched.into_iter().map(|found| {
            let words = said(&[member(found, "Reason"), member(found, "Remedy")]);
            [member(found, "SourceBucket"), &words].map(str::to_owned)
        }),
    );
    jobs(&mut text, answer);
    if let Some(resources) = list("Resources") {
        rows(
            &mut text,
            resources.iter().map(|found| {
                let words = said(&[member(found, "Reason"), member(found, "Remedy")]);
                let id = member(found, "PhysicalResourceId");
                [member(found, "Result"), id, &words].map(str::to_owned)
            }),
        );
    }
    text
}

/// Jobs, and what failed in one.
fn jobs(text: &mut String, answer: &Value) {
    let list = |name: &str| answer.get(name).and_then(Value::as_array);
    if let Some(jobs) = list("Jobs") {
        if jobs.is_empty() {
            line(text, "Jobs: none whose outcome was not told yet");
        }
        let columns = ["JobId", "Status", "PhysicalResourceId", "Reason"];
        let told = jobs
            .iter()
            .map(|job| columns.map(|name| member(job, name).to_owned()));
        rows(text, told);
    }
    let failures = list("Failures").into_iter().flatten().map(|failure| {
        let count = failure.get("Count").and_then(plain).unwrap_or_default();
        let examples = failure.get("Examples").and_then(Value::as_array);
        let examples: Vec<_> = examples
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let reason = member(failure, "Reason").to_owned();
        [count, reason, examples.join(", ")]
    });
    rows(text, failures);
}

/// What goes on a line by itself: no lists and objects.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn member<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What is wrong comes first.
fn rank(result: &str) -> usize {
    let order = ["FAIL", "WARN", "SKIPPED", "PASS"];
    order
        .iter()
        .position(|one| *one == result)
        .unwrap_or(order.len())
}

fn said(parts: &[&str]) -> String {
    let parts: Vec<_> = parts
        .iter()
        .copied()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(". ")
}

/// Rows with their columns one under the other; the last may be as long as it is.
fn rows<const N: usize>(text: &mut String, rows: impl Iterator<Item = [String; N]>) {
    let rows: Vec<_> = rows.collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut told = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a text does not fail.
            let _ = write!(told, "{cell:width$}  ");
        }
        line(text, told.trim_end());
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fails_comes_first_and_columns_stand_one_under_the_other() {
        let answer = json!({"Action": "Diagnose", "Healthy": false, "Checks": [
            {"Check": "Rules", "Resource": "rule `a`", "Result": "PASS", "Finding": "is there"},
            {"Check": "KeyUsable", "Resource": "key `k`", "Result": "FAIL", "Finding": "is gone", "Remedy": "make it"}]});
        assert_eq!(
            formatted(answer.clone(), Format::Text),
            "Action: Diagnose\nHealthy: no\n\
             FAIL  KeyUsable  key `k`   is gone. make it\n\
             PASS  Rules      rule `a`  is there\n"
        );
        assert_eq!(formatted(answer.clone(), Format::Json), answer);
    }

    #[test]
    fn a_plan_is_told_step_by_step() {
        let answer = json!({"Action": "Plan", "Faults": ["a; b", "c"], "Policies": {"RoleArn": "r"},
                            "Phases": [[{"Summary": "make x"}, {"Summary": "make y"}], [{"Summary": "join z"}]]});
        assert_eq!(
            formatted(answer, Format::Text),
            "Action: Plan\nFaults:\n  1. a; b\n  2. c\nphase 1  make x\nphase 1  make y\nphase 2  join z\n"
        );
        let nothing = json!({"Action": "Plan", "Faults": [], "Phases": []});
        assert_eq!(
            formatted(nothing, Format::Text),
            "Action: Plan\nSteps: none\n"
        );
    }
}
