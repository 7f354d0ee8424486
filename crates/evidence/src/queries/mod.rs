//! The saved queries, which reports are made of and auditors can run again.
//!
//! In the SQL of Athena's engine version 3. Every `?` is an execution parameter, a literal in the order of
//! [`Query::parameters`]: texts in single quotes. Each names its bucket, as the partitions of a bucket are those
//! that a query names (`injected`). An `id` counts once, however often it was told.
//!
//! See <https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html>.

/// A saved query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What it answers, in one sentence.
    pub answers: &'static str,
    /// What its parameters are, in order.
    pub parameters: &'static [&'static str],
    /// Its text.
    pub text: &'static str,
}

/// The bucket, and the days of the verdicts that are counted, both included.
const SPAN: &[&str] = &["bucket", "first day", "last day"];

/// Of all that hold inventories against verdicts.
const COMPARED: &[&str] = &[
    "time before which versions were written",
    "source bucket",
    "dt of its inventory",
    "destination bucket",
    "dt of its inventory",
    "destination bucket",
    "first day",
    "last day",
];

/// Of all that hold a destination's inventory against its verdicts, whatever its sources.
const REPLICAS: &[&str] = &[
    "time from which versions were written",
    "time before which they were",
    "bucket",
    "dt of its inventory",
    "bucket",
    "first day",
    "last day",
];

macro_rules! compared {
    ($tail:literal) => {
        concat!(include_str!("versions.sql"), include_str!($tail))
    };
}

macro_rules! replicas {
    ($tail:literal) => {
        concat!(include_str!("replicas.sql"), include_str!($tail))
    };
}

/// Verdicts by kind.
pub const COUNTS: Query = Query {
    name: "counts",
    answers: "How many verdicts of each kind a bucket has: findings, versions that they are about, and lines",
    parameters: SPAN,
    text: include_str!("counts.sql"),
};

/// What was wrong, and since when until when.
pub const FINDINGS: Query = Query {
    name: "findings",
    answers: "Every finding on a bucket's replicas, probes left out: first and last seen, mended, gone or open, and for \
              how long",
    parameters: SPAN,
    text: include_str!("findings.sql"),
};

/// What never arrived, or did since.
pub const FAILURES: Query = Query {
    name: "failures",
    answers: "Every failed replication of a source bucket, probes left out, and whether its replica has arrived since",
    parameters: &[
        "source bucket",
        "first day",
        "last day",
        "destination bucket",
        "first day",
        "last day",
    ],
    text: include_str!("failures.sql"),
};

/// How the replication itself stood.
pub const TIMELINE: Query = Query {
    name: "timeline",
    answers: "What each look for drift and each proof showed of the resources of a source bucket, and from when to \
              when: looks in a row that showed the same are one row",
    parameters: &["source bucket", "first day", "last day"],
    text: include_str!("timeline.sql"),
};

/// The share of replicas that have a verdict.
pub const COVERAGE: Query = Query {
    name: "coverage",
    answers: "How many versions by S3 Inventory are judged, without verdict, missing, failed, claimed but absent, \
              or under another algorithm; coverage is judged divided by replicas",
    parameters: COMPARED,
    text: compared!("coverage.sql"),
};

/// Each version that coverage counts as a gap.
pub const GAPS: Query = Query {
    name: "gaps",
    answers: "Each version that has no good verdict, and why",
    parameters: COMPARED,
    text: compared!("gaps.sql"),
};

/// The manifest of a sweep.
pub const SWEEP: Query = Query {
    name: "sweep",
    answers: "Replicas without verdict, as the manifest of an S3 Batch Operations job that looks at them",
    parameters: COMPARED,
    text: compared!("sweep.sql"),
};

/// The manifest of a replay.
pub const REPLAY: Query = Query {
    name: "replay",
    answers: "Source versions whose replica is not there, as the manifest of an S3 Batch Replication job",
    parameters: COMPARED,
    text: compared!("replay.sql"),
};

/// What stands of a bucket's replicas today, of those that anybody told of.
pub const POSTURE: Query = Query {
    name: "posture",
    answers: "How many of a bucket's replicas each verdict is the last word on; Gone and NotReplica are none, and \
              probes are left out",
    parameters: SPAN,
    text: include_str!("posture.sql"),
};

/// The same of all replicas that there are.
pub const POPULATION: Query = Query {
    name: "population",
    answers: "How many replicas by S3 Inventory each verdict stands for, or none, and how many of them were judged \
              more than an hour after their source version was written: replicated late, or swept",
    parameters: REPLICAS,
    text: replicas!("population.sql"),
};

/// Those of them that nobody has judged.
pub const UNHEARD: Query = Query {
    name: "unheard",
    answers: "The first 10,000 replicas by S3 Inventory that nothing was told of, or that could not be looked at; \
              their keys are URL-encoded",
    parameters: REPLICAS,
    text: replicas!("unheard.sql"),
};

/// All saved queries.
pub const ALL: [Query; 11] = [
    COUNTS, FINDINGS, FAILURES, TIMELINE, COVERAGE, GAPS, SWEEP, REPLAY, POSTURE, POPULATION,
    UNHEARD,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_has_a_parameter_for_each_place() {
        for query in ALL {
            let places = query.text.matches('?').count();
            assert_eq!(places, query.parameters.len(), "{}", query.name);
        }
    }

    /// Athena refuses a query of an injected partition that it does not name.
    #[test]
    fn each_query_names_the_bucket_of_every_table() {
        for query in ALL {
            let tables = ["verdicts", "inventory", "source_inventory"];
            let asked = |table| query.text.matches(&format!("FROM {table}\n")).count();
            let tables: usize = tables.into_iter().map(asked).sum();
            assert_eq!(
                tables,
                query.text.matches("bucket = ?").count(),
                "{}",
                query.name
            );
        }
    }

    #[test]
    fn the_queries_have_different_names() {
        let mut names: Vec<_> = ALL.iter().map(|query| query.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
