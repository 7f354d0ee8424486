//! What brings people together in a story: who uploads, changes, empties, copies and looks just then.

use super::last;
use super::{PREFIXES, ROLES};
use crate::story::{Act, Deed, Errand, Handling, Slip, Template, key_arn};
use aws_in_memory::draw::Draw;
use aws_in_memory::people::Asked;

/// Every bucket that anybody has.
const BUCKETS: [&str; 6] = ["ledger", "papers", "vault", "attic", "cellar", "abroad"];
/// A Region that there is not, and one that the account has not switched on.
const NO_REGIONS: [&str; 2] = ["us-west-22", "ap-east-1"];

/// Brings people closer together: they upload while a stack is changed, which changes its role, too, or is given
/// up.
pub(super) fn closer(draw: &mut Draw, acts: &mut Vec<Act>) {
    let mut deployed = std::collections::BTreeSet::new();
    let mut meanwhile = Vec::new();
    for Act { at, what } in acts.iter_mut() {
        match what {
            Deed::Deploy(stack, template, _) if !deployed.insert(*stack) => {
                if draw.chance(20) {
                    template.role = draw.pick(&ROLES);
                }
                if draw.chance(30) {
                    let before = draw.pick(&[2, 5, 15]);
                    meanwhile.push(Act {
                        at: at.saturating_sub(before),
                        what: Deed::Upload {
                            bucket: template.source,
                            prefix: draw.pick(&["", "tax/", "tax/old/", "log/", "misc/"]),
                            tagged: false,
                            asked: Asked::Nothing,
                            count: 20,
                            every: 1,
                        },
                    });
                }
            }
            Deed::Delete(stack) if draw.chance(10) => *what = Deed::GiveUp(*stack),
            _ => {}
        }
    }
    acts.extend(meanwhile);
}

/// The keys of a source in the western Region.
fn western(keys: &[&'static str]) -> Vec<&'static str> {
    let west = |key: &&str| if *key == "east-1" { "west-1" } else { "west-2" };
    keys.iter().map(west).collect()
}

/// The destination of one stack is the source of another.
pub(super) fn chained(draw: &mut Draw, templates: &mut [Template]) {
    let leads_on = draw.chance(25);
    if let (true, [_, .., last]) = (leads_on, templates) {
        last.source = "vault";
        last.source_keys = western(&last.source_keys);
        for rule in &mut last.rules {
            rule.destination = "attic";
        }
    }
}

/// People upload to a bucket in the middle of a chain, and under the prefixes of rules of theirs.
pub(super) fn onward(draw: &mut Draw, templates: &[Template], acts: &mut Vec<Act>) {
    let mut more = Vec::new();
    let last = last(acts);
    let plain = |bucket, prefix, asked| Deed::Upload {
        bucket,
        prefix,
        tagged: false,
        asked,
        count: 5,
        every: 1,
    };
    if templates.iter().any(|template| template.source == "vault") {
        let asked = [
            Asked::Nothing,
            Asked::Key(key_arn("west-1")),
            Asked::Key(key_arn("west-2")),
        ];
        for asked in asked {
            let at = draw.below(last + 200);
            more.push(Act {
                at,
                what: plain("vault", draw.pick(&PREFIXES), asked),
            });
        }
    }
    for Act { at, what } in acts.iter() {
        if let Deed::Person(Errand::Rule { source, prefix, .. }) = what
            && draw.chance(60)
        {
            let at = at + draw.pick(&[1, 30, 200]);
            more.push(Act {
                at,
                what: plain(source, prefix, Asked::Nothing),
            });
        }
    }
    acts.extend(more);
}

/// Mistakes in the template of an Update, and functions that end in the middle of a Create.
pub(super) fn slips(draw: &mut Draw, acts: &mut [Act]) {
    let mut deployed = std::collections::BTreeSet::new();
    for Act { what, .. } in acts.iter_mut() {
        if let Deed::Deploy(stack, template, handling) = what {
            if deployed.insert(*stack) {
                if draw.chance(5) {
                    *handling = Handling::Killed(draw.pick(&[1, 2, 4, 10, 30]));
                }
            } else if draw.chance(6) {
                template.slip = Some(draw.pick(&[Slip::Arn, Slip::Region(NO_REGIONS[0])]));
            }
        }
    }
}

/// Buckets are emptied before their stack goes.
pub(super) fn empties(draw: &mut Draw, acts: &mut Vec<Act>) {
    let mut more = Vec::new();
    let mut empty = |at| {
        for bucket in BUCKETS {
            let what = Deed::Person(Errand::Empty(bucket));
            more.push(Act { at, what });
        }
    };
    for Act { at, what } in acts.iter() {
        if matches!(what, Deed::Delete(_)) && draw.chance(25) {
            empty(at.saturating_sub(1));
        }
    }
    if draw.chance(15) {
        empty(last(acts) + 100);
    }
    acts.extend(more);
}

/// Somebody has a bucket looked through.
pub(super) fn looks_again(draw: &mut Draw, acts: &mut Vec<Act>) {
    let last = last(acts);
    for bucket in ["vault", "attic", "cellar"] {
        if draw.chance(25) {
            let at = last / 2 + draw.below(last / 2 + 400);
            let what = Deed::Sweep(bucket);
            acts.push(Act { at, what });
        }
    }
}

/// A template is copied: another stack asks for the same, with or without a priority of its own.
pub(super) fn copied(draw: &mut Draw, templates: &mut [Template]) {
    let is_copied = draw.chance(20);
    if let (true, [first, .., last]) = (is_copied, templates) {
        *last = Template {
            verification: last.verification,
            delete_buckets: last.delete_buckets,
            delete_keys: last.delete_keys,
            ..first.clone()
        };
        for rule in &mut last.rules {
            rule.priority = draw.pick(&[None, Some(7), Some(7)]);
        }
    }
}

/// Whoever begins with nothing is often mistaken about a Region.
pub(super) fn from_nothing(draw: &mut Draw, templates: &mut [Template]) {
    for template in templates {
        if draw.chance(10) {
            for rule in &mut template.rules {
                rule.destination = "cellar";
                rule.key = None;
            }
            if draw.chance(50) {
                let region = draw.pick(&NO_REGIONS);
                template.slip =
                    Some(draw.pick(&[Slip::Region(region), Slip::SourceRegion(region)]));
            }
        }
    }
}

/// Authors go back to what they had before.
pub(super) fn back(draw: &mut Draw, acts: &mut Vec<Act>) {
    let mut had = std::collections::BTreeMap::new();
    let mut more = Vec::new();
    for Act { at, what } in acts.iter() {
        if let Deed::Deploy(stack, template, _) = what {
            let before = had.insert(*stack, template.clone());
            if let Some(before) = before.filter(|_| draw.chance(25)) {
                let at = at + draw.pick(&[30, 200, 500]);
                let what = Deed::Deploy(*stack, before, Handling::Once);
                more.push(Act { at, what });
            }
        }
    }
    acts.extend(more);
}

/// The schedule that drift is looked for by, in every resource at once.
pub(super) fn schedule(draw: &mut Draw, acts: &mut Vec<Act>) {
    const QUARTER: u64 = 900;
    if draw.chance(50) {
        let last = last(acts);
        let first = draw.below(QUARTER);
        let times = (0..6).map(|number| first + number * QUARTER);
        let within = times.filter(|at| *at < last + QUARTER);
        acts.extend(within.map(|at| Act {
            at,
            what: Deed::LookAtAll,
        }));
    }
}
