//! A report as one page of HTML that needs nothing else, and prints.

use std::fmt::Write as _;

use evidence::Day;
use evidence::asking::Sweep;

use super::chart::{Bar, bars};
use super::html::{Html, text};
use super::model::{Asked, Bucket, Fields, Report, Source};
use crate::coverage::inventory::begun;

const STYLE: &str = include_str!("page/style.css");
const PROOF: &str = include_str!("page/proof.html");

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut html = Html::default();
    let title = format!("Encrypted replication, {} to {}", report.from, report.to);
    html.raw("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>");
    html.raw("<meta charset=\"utf-8\"/>");
    html.raw("<meta name=\"viewport\" content=\"width=device-width\"/>");
    html.raw(&format!("<title>{}</title>", text(&title)));
    html.raw(&format!("<style>\n{STYLE}</style>\n</head>\n<body>"));
    html.heading(1, &title);
    scope(&mut html, report);
    for bucket in &report.buckets {
        of_bucket(&mut html, bucket, report.to);
    }
    standing(&mut html, &report.sources);
    html.raw(PROOF.trim_end());
    queries(&mut html, &report.queries);
    html.raw("</body>\n</html>");
    html.0
}

fn scope(html: &mut Html, report: &Report) {
    html.heading(2, "Scope");
    html.paragraph(&format!(
        "Verdicts that were told from {} to {} (UTC, both included) on {} destination buckets, as the evidence of \
         account {} in {} has them: Athena workgroup {}, database {}. Made {}.",
        report.from,
        report.to,
        report.buckets.len(),
        report.account,
        report.region,
        report.work_group,
        report.database,
        report.made,
    ));
    if let Some(words) = report.unfinished() {
        html.paragraph(words);
    }
    let rows: Vec<_> = report
        .buckets
        .iter()
        .map(|bucket| {
            vec![
                bucket.bucket.clone(),
                bucket.sources.join(", "),
                covered(bucket, report.to),
                bucket.findings.len().to_string(),
                bucket
                    .failed()
                    .map_or_else(|| "not asked".to_owned(), |failed| failed.to_string()),
                bucket.open().to_string(),
            ]
        })
        .collect();
    let columns = [
        "destination",
        "sources",
        "replicas with a verdict",
        "findings",
        "failed replications",
        "open of both",
    ];
    html.table(&columns, &rows);
    let silent = [report.told_left_out(), report.told_not_in_table()];
    for words in silent.iter().flatten() {
        html.paragraph(words);
    }
    match &report.head {
        Some(head) => html.paragraph(&head.told()),
        None => html.paragraph("Nobody asked where the chain of signed digests ends (--evidence)."),
    }
    sweeps(html, &report.sweeps);
}

fn sweeps(html: &mut Html, sweeps: &[Sweep]) {
    if sweeps.is_empty() {
        return;
    }
    html.heading(3, "What was swept");
    html.paragraph(
        "Replicas without a verdict by S3 Inventory, as their event was lost: each day they are shown to the checker, \
         whose verdicts are among those below.",
    );
    let mut rows = Vec::new();
    for sweep in sweeps {
        for bucket in &sweep.buckets {
            let verdicts = bucket.verdicts.iter();
            let verdicts: Vec<_> = verdicts
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            rows.push(vec![
                sweep.at.to_string(),
                bucket.bucket.clone(),
                bucket
                    .inventory
                    .clone()
                    .unwrap_or_else(|| "none".to_owned()),
                if bucket.not_begun {
                    "nobody looked".to_owned()
                } else {
                    bucket.without_verdict.to_string()
                },
                verdicts.join(", "),
                bucket.not_looked_at.to_string(),
                bucket.failed.clone().unwrap_or_default(),
            ]);
        }
    }
    let columns = [
        "when",
        "destination",
        "inventory",
        "without verdict",
        "were then",
        "not looked at",
        "as",
    ];
    html.table(&columns, &rows);
}

fn covered(bucket: &Bucket, to: Day) -> String {
    match (bucket.coverage, &bucket.not_counted) {
        (Some(coverage), _) => {
            let mut text = format!("{} of {}", coverage.judged, coverage.replicas);
            if let Some(late) = coverage.late.filter(|late| *late > 0) {
                let _ = write!(
                    text,
                    ", {late} of them more than an hour after their source version was written (replicated late, or swept)"
                );
            }
            if let Some(dt) = &bucket.inventory {
                let _ = write!(text, ", by S3 Inventory {dt}");
                if begun(dt).is_none_or(|begun| begun.secs() < to.next().begins()) {
                    text += ", which is of before the days were over: later ones are not counted";
                }
            }
            text
        }
        (None, Some(why)) => format!("not counted: {why}"),
        (None, None) => "not counted".to_owned(),
    }
}

fn of_bucket(html: &mut Html, bucket: &Bucket, to: Day) {
    html.raw("<section class=\"own\">");
    html.heading(2, &format!("Destination {}", bucket.bucket));
    history(html, bucket);
    html.heading(3, "Coverage");
    html.paragraph(&format!(
        "Versions that are there and were written in these days, but for those that no replication made, and that \
         have a verdict: {}.",
        covered(bucket, to)
    ));
    if let Some(coverage) = bucket.coverage {
        let without = coverage.replicas.saturating_sub(coverage.judged);
        let of: [Bar<'_>; 2] = [
            ("with a verdict", coverage.judged, Some(true)),
            ("without", without, None),
        ];
        html.raw(&bars("Replicas with and without a verdict", &of));
    }
    counts(html, bucket);
    rows(
        html,
        "Findings",
        &bucket.findings,
        &[
            ("key", "key"),
            ("version", "versionid"),
            ("verdict", "verdict"),
            ("under", "kmskeyarn"),
            ("first seen", "first_seen"),
            ("state", "state"),
            ("ended", "ended"),
            ("minutes open", "open_minutes"),
            ("repaired", "repaired"),
            ("reason", "reason"),
        ],
    );
    if bucket.failed().is_none() {
        html.heading(3, "Failed replications");
        html.paragraph(
            "Nobody was asked: which buckets it is replicated from is not written in Parameter Store. A failed \
             replication is told of by its source bucket, and so are drift and proofs.",
        );
        html.raw("</section>");
        return;
    }
    rows(
        html,
        "Failed replications",
        &bucket.failures,
        &[
            ("key", "key"),
            ("version", "versionid"),
            ("rule", "rule"),
            ("reason", "failure_reason"),
            ("first seen", "first_seen"),
            ("state", "state"),
            ("arrived", "arrived"),
            ("verdict", "verdict"),
        ],
    );
    html.raw("</section>");
}

/// How the replication itself stood: drift and proofs.
fn standing(html: &mut Html, sources: &[Source]) {
    if sources.is_empty() {
        return;
    }
    html.raw("<section class=\"own\">");
    html.heading(2, "Drift and proofs");
    html.paragraph(
        "A look for drift holds what is there against what the stack asked for; a proof uploads a probe under each rule \
         and follows its replica. Looks in a row that showed the same are one row. One without end is how it stood at \
         the last look in these days.",
    );
    for source in sources {
        let title = format!("Source {}", source.bucket);
        if source.timeline.is_empty() {
            html.heading(3, &title);
            html.paragraph(
                "Nobody looked for drift and nobody proved anything in these days (DriftSchedule, ProofSchedule), or \
                 what was seen did not come into this evidence.",
            );
            continue;
        }
        rows(
            html,
            &title,
            &source.timeline,
            &[
                ("of", "kind"),
                ("resource", "logicalresourceid"),
                ("result", "result"),
                ("first seen", "first_seen"),
                ("last seen", "last_seen"),
                ("looks", "looks"),
                ("slowest probe, seconds", "slowest_seconds"),
                ("state", "state"),
                ("ended", "ended"),
                ("reason", "reason"),
                ("stack", "stackid"),
            ],
        );
    }
    html.raw("</section>");
}

fn history(html: &mut Html, bucket: &Bucket) {
    html.heading(3, "Which key was expected");
    if bucket.history.is_empty() {
        html.paragraph("Nothing is written about this bucket in Parameter Store.");
        return;
    }
    let mut rows = Vec::new();
    for change in &bucket.history {
        for rule in &change.rules {
            let until = change
                .until
                .map_or_else(|| "today".to_owned(), |time| time.to_string());
            let id = if rule.enabled {
                rule.id.clone()
            } else {
                format!("{} (disabled)", rule.id)
            };
            rows.push(vec![
                change.at.to_string(),
                until,
                id,
                rule.prefix.clone(),
                rule.kms_key_arn.clone(),
                change.by.clone(),
            ]);
        }
    }
    let columns = ["from", "until", "rule", "prefix", "key", "written by"];
    html.table(&columns, &rows);
}

fn counts(html: &mut Html, bucket: &Bucket) {
    html.heading(3, "Verdicts");
    if bucket.counts.is_empty() {
        html.paragraph("There is none.");
        return;
    }
    let number = |row: &Fields, name: &str| row.get(name)?.parse().ok();
    let of: Vec<Bar<'_>> = bucket
        .counts
        .iter()
        .map(|row| {
            let good = row.get("compliant").map(|compliant| compliant == "true");
            let verdict = row.get("verdict").map_or("", String::as_str);
            (verdict, number(row, "versions").unwrap_or(0), good)
        })
        .collect();
    html.raw(&bars("Versions by verdict", &of));
    html.paragraph(
        "Versions by verdict; one that was looked at again is counted under each of its verdicts.",
    );
}

fn rows(html: &mut Html, title: &str, found: &[Fields], columns: &[(&str, &str)]) {
    html.heading(3, title);
    if found.is_empty() {
        html.paragraph("There is none.");
        return;
    }
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let cells = |row: &Fields| {
        let cells = columns.iter().map(|(_, field)| row.get(*field).cloned());
        cells.map(Option::unwrap_or_default).collect()
    };
    html.table(&names, &found.iter().map(cells).collect::<Vec<_>>());
}

fn queries(html: &mut Html, asked: &[Asked]) {
    html.raw("<section class=\"own\">");
    html.heading(2, "The queries");
    html.paragraph(
        "All figures above come from these, run in Athena; whoever runs them again over the same days gets the same.",
    );
    let mut told: Vec<&str> = Vec::new();
    for query in asked {
        if !told.contains(&query.text.as_str()) {
            told.push(&query.text);
            html.heading(3, &query.name);
            html.verbatim(query.text.trim_end());
        }
    }
    let rows: Vec<_> = asked
        .iter()
        .map(|query| {
            vec![
                query.name.clone(),
                query.parameters.join(", "),
                query.execution_id.clone(),
            ]
        })
        .collect();
    html.table(&["query", "parameters", "execution"], &rows);
    html.raw("</section>");
}

#[cfg(test)]
mod tests;
