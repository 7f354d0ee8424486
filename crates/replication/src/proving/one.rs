//! One resource, proved.

use std::sync::atomic::AtomicBool;

use tokio::time::timeout_at;

use super::finding::{Finding, ProofStatus, RuleFinding};
use super::{ATTEMPTS, Proving, Terms, way};
use crate::case::{Case, Resolved};
use crate::diagnosis::Check;
use crate::error::ReplicationError;
use crate::made::Made;
use crate::naming::Names;
use crate::owner::{Kind, Owner};
use crate::plan::Desired;
use crate::ports::Aws;
use crate::probe::{Doubt, ProbeReport, Trial};
use crate::properties::Sound;
use crate::record::{self, Parts, Record, Since};
use crate::spec::Verification;
use crate::teller::Teller;
use crate::verify::{Findings, enabled, told};

impl<A: Aws> Proving<'_, A> {
    /// What the proof of the resource with this record shows; `None` where it was deleted meanwhile.
    pub(super) async fn one(&self, owner: &Owner, parts: &Parts, terms: Terms) -> Option<Finding> {
        let found = Box::pin(self.proved(owner, parts, terms)).await;
        if matches!(found.result, ProofStatus::Completed | ProofStatus::Skipped) {
            return Some(found);
        }
        // Its stack may have been updated or deleted meanwhile.
        let Teller {
            aws, installation, ..
        } = self.teller;
        match record::since(aws, &installation.home.region, owner, parts).await {
            Since::Deleted => None,
            Since::Updated(now) => Some(Box::pin(self.proved(owner, &now, terms)).await),
            Since::Nothing => Some(found),
        }
    }

    async fn proved(&self, owner: &Owner, parts: &Parts, terms: Terms) -> Finding {
        let (record, id) = match Record::read(owner, parts) {
            Ok(read) => read,
            Err(why) => return Finding::of_broken_record(owner, &why),
        };
        if id.kind == Kind::Watched {
            let why = "it watches rules that others own, and writes nothing there: have Diagnose look at them";
            return Finding::skipped(&record, &id, why);
        }
        let sound = match Sound::read(&record.properties, self.teller.installation) {
            Ok(sound) => sound,
            Err(faults) => return Finding::of_properties(&record, &id, &faults.to_string()),
        };
        let replication = sound.of(owner.clone());
        if replication.spec.verification == Verification::None && !terms.asked_by_name {
            let why =
                "its `Verification` is None; ask for it by name to have it proved all the same";
            return Finding::skipped(&record, &id, why);
        }
        let case = match Case::open(self.teller.aws, replication, None).await {
            Ok(case) => case,
            Err(error) => return Finding::unknown(&record, &id, &error.to_string()),
        };
        let trial = Attempted {
            proving: self,
            case: &case,
            terms,
            unproved: Finding::unknown(&record, &id, ""),
        };
        Box::pin(trial.outcome()).await
    }
}

/// A resource that AWS can be asked about.
struct Attempted<'a, 'b, A> {
    proving: &'a Proving<'a, A>,
    case: &'a Case<'b, A>,
    terms: Terms,
    /// What nothing is known of yet.
    unproved: Finding,
}

impl<A: Aws> Attempted<'_, '_, A> {
    async fn outcome(self) -> Finding {
        let planned = match self.case.planned().await {
            Ok(planned) => planned,
            Err(error) => {
                return self
                    .unclear(&format!("it cannot be looked at: {error}"))
                    .await;
            }
        };
        let (desired, unheard) = match planned.resolved {
            Ok(Resolved { desired, plan, .. }) => {
                let missing = plan.map(|plan| way::missing(&plan, &planned.observed));
                (desired, missing.unwrap_or_default())
            }
            // What is there does not fit the properties any more.
            Err(faults) => {
                let why = format!(
                    "what is there does not fit any more: {}",
                    faults.told().join("; ")
                );
                return self.failed(Vec::new(), &why).await;
            }
        };
        if enabled(&desired).next().is_none() {
            return self.unproved.skipping("every rule of it is disabled");
        }
        let trial = Trial {
            replication: &self.case.replication,
            accounts: &self.case.accounts,
            desired: &desired,
            patience: self.terms.patience,
            most_attempts: ATTEMPTS,
            keep: self.terms.keep,
            made: &Made::default(),
            former: &[],
            given_up: AtomicBool::new(false),
            troubled: AtomicBool::new(false),
        };
        match Box::pin(trial.run()).await {
            Ok(shown) => self.concluded(&desired, &unheard, shown).await,
            Err(ReplicationError::Unproven(why)) => self.failed(Vec::new(), &why).await,
            Err(error) => self.unclear(&error.to_string()).await,
        }
    }

    /// What the probes come to, taken together. `unheard`: what nobody hears of them without.
    async fn concluded(self, desired: &Desired, unheard: &[String], shown: ProbeReport) -> Finding {
        let rules: Vec<_> = enabled(desired)
            .map(|id| RuleFinding::of(id, &shown))
            .collect();
        // What nobody can prove stands in the way of nothing.
        let open = |doubt: &Doubt| !matches!(doubt, Doubt::Idle(_) | Doubt::Unprovable(_));
        let doubts = shown.unproved.iter().filter(|(_, doubt)| open(doubt));
        let why = told(doubts.map(|(rule, doubt)| (rule, doubt.why())));
        let has = |result| rules.iter().any(|one| one.result == result);
        if has(ProofStatus::Failed) {
            return self.failed(rules, &why).await;
        }
        let unwritten = shown
            .unproved
            .values()
            .any(|doubt| matches!(doubt, Doubt::Unwritten(_)));
        if unwritten {
            let unproved = self.unproved.clone().about(rules);
            return Self { unproved, ..self }.unclear(&why).await;
        }
        if has(ProofStatus::Pending) {
            let checks = self.checks().await;
            let remedy = "S3 promises no time below 15 minutes: wait for the next proof, and look at what is pending \
                          where it stays so";
            let found = self.unproved.about(rules);
            return found.concluding(ProofStatus::Pending, (why, remedy.to_owned()), &checks);
        }
        if has(ProofStatus::Completed) && !unheard.is_empty() {
            let why = format!(
                "every probe arrived, but nobody hears of what arrives or fails. An update would {}",
                unheard.join("; ")
            );
            return self.failed(rules, &why).await;
        }
        if has(ProofStatus::Completed) {
            return self.unproved.about(rules).completing(&shown);
        }
        let why = told(
            shown
                .unproved
                .iter()
                .map(|(rule, doubt)| (rule, doubt.why())),
        );
        self.unproved.about(rules).skipping(&why)
    }

    /// Rules were shown not to work.
    async fn failed(self, rules: Vec<RuleFinding>, why: &str) -> Finding {
        let checks = self.checks().await;
        let remedy = self.remedy(&checks);
        let found = self.unproved.about(rules);
        found.concluding(ProofStatus::Failed, (why.to_owned(), remedy), &checks)
    }

    /// It is not known whether the rules work, unless a check says so.
    async fn unclear(self, why: &str) -> Finding {
        let checks = self.checks().await;
        let result = if fails(&checks).next().is_some() {
            ProofStatus::Failed
        } else {
            ProofStatus::Unknown
        };
        let remedy = match result {
            ProofStatus::Failed => self.remedy(&checks),
            _ => "see that the provisioner can make that call, then prove again".to_owned(),
        };
        self.unproved
            .concluding(result, (why.to_owned(), remedy), &checks)
    }

    fn remedy(&self, checks: &[Check]) -> String {
        let mut remedies = fails(checks).filter_map(|check| check.remedy.as_deref());
        if let Some(first) = remedies.next() {
            let more = remedies.count();
            let rest = if more == 0 {
                String::new()
            } else {
                format!("; and do what the other {more} finding(s) say")
            };
            return format!(
                "{first}{rest}; then have it proved again, and replicate what failed meanwhile"
            );
        }
        let found = Findings::of(checks).in_words(self.case);
        // A check that fails may have no remedy of its own.
        if fails(checks).next().is_some() {
            format!("mend what was {found}")
        } else {
            found
        }
    }

    /// What Diagnose finds, its owners explained; nothing where there is no time to look.
    async fn checks(&self) -> Vec<Check> {
        let look = async {
            let mut checks = Box::pin(self.case.checks()).await;
            let texts = checks.iter().map(|check| check.finding.as_str());
            let owner = &self.case.replication.owner;
            let Teller {
                aws, installation, ..
            } = self.proving.teller;
            let names = Names::in_texts(aws, &installation.home.region, owner, texts).await;
            for check in &mut checks {
                check.finding = names.explain(std::mem::take(&mut check.finding));
            }
            checks
        };
        let looked = timeout_at(self.terms.looking.instant(), Box::pin(look)).await;
        looked.unwrap_or_default()
    }
}

fn fails(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|check| check.fails())
}
