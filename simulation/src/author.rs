//! Draws a story from a seed. Few names and shared buckets, so that people meet.

mod meetings;
mod together;

use self::meetings::{
    back, chained, closer, copied, empties, from_nothing, looks_again, onward, schedule, slips,
};
use self::together::{
    abroad, again, bounded, keyless, long_before, lying_there, meddled_with, namesakes,
};
use crate::story::{
    Act, Deed, Errand, Handling, Prop, Question, RuleText, Sky, Slip, Story, Template, key_arn,
};
use aws_in_memory::draw::Draw;
use aws_in_memory::people::Asked;

const SOURCES: [&str; 3] = ["ledger", "ledger", "papers"];
const DESTINATIONS: [&str; 3] = ["vault", "vault", "attic"];
const EAST_KEYS: [&str; 2] = ["east-1", "east-2"];
const WEST_KEYS: [&str; 2] = ["west-1", "west-2"];
/// Roles of somebody's, and one that is not there.
const ROLES: [Option<&str>; 5] = [
    None,
    None,
    Some("carrier"),
    Some("tax-carrier"),
    Some("not-there"),
];
const PREFIXES: [&str; 5] = ["", "tax/", "tax/", "tax/old/", "log/"];
const RULE_IDS: [&str; 3] = ["one", "two", "three"];

/// The life of a seed.
#[must_use]
pub fn story(seed: u64) -> Story {
    let mut draw = Draw::new(seed);
    let sky = sky(&mut draw);
    let mut stage = stage(&mut draw);
    let mut acts = Vec::new();
    let stacks = draw.pick(&[1, 1, 2, 2, 3]);
    let mut templates: Vec<Template> = (0..stacks).map(|_| template(&mut draw)).collect();
    if Draw::new(seed ^ 0x4A3E_5A4E).chance(3) {
        stage.push(Prop::Namesake("ledger"));
    }
    chained(&mut Draw::new(seed ^ 0xC4A1_4ED5), &mut templates);
    copied(&mut Draw::new(seed ^ 0xC0_B1ED), &mut templates);
    from_nothing(&mut Draw::new(seed ^ 0xF0_07E5), &mut templates);
    abroad(&mut Draw::new(seed ^ 0xAB_40AD), &mut stage, &mut templates);
    namesakes(&mut Draw::new(seed ^ 0x4A_3E5A), &mut stage, &mut templates);
    bounded(&mut Draw::new(seed ^ 0xB0_04DE), &mut templates);
    let lay_there = lying_there(&mut Draw::new(seed ^ 0x11_E5), &mut stage, &mut templates);
    let mut at = 5;
    for (number, template) in templates.iter().enumerate() {
        let handling = handling(&mut draw, false);
        acts.push(Act {
            at,
            what: Deed::Deploy(number, template.clone(), handling),
        });
        at += draw.pick(&[0, 1, 30, 200, 400]);
    }
    let first = at;
    for bucket in ["ledger", "papers"] {
        let used = templates.iter().any(|template| template.source == bucket);
        for _ in 0..draw.pick(&[0, 1, 2]) {
            if used {
                let upload = upload(&mut draw, bucket);
                let at = draw.below(first + 300);
                acts.push(Act { at, what: upload });
            }
        }
    }
    let more = draw.pick(&[1, 2, 4, 6]);
    for _ in 0..more {
        at += draw.pick(&[1, 20, 60, 200, 400, 700]);
        let what = deed(&mut draw, &mut templates);
        acts.push(Act { at, what });
    }
    closer(&mut Draw::new(seed ^ 0x0C10_5E12), &mut acts);
    onward(&mut Draw::new(seed ^ 0x00_4A4D), &templates, &mut acts);
    slips(&mut Draw::new(seed ^ 0x51_1950), &mut acts);
    back(&mut Draw::new(seed ^ 0xBA_C25), &mut acts);
    empties(&mut Draw::new(seed ^ 0xE4_9713), &mut acts);
    looks_again(&mut Draw::new(seed ^ 0x10_0C5A), &mut acts);
    schedule(&mut Draw::new(seed ^ 0x5C_4ED0), &mut acts);
    meddled_with(&mut Draw::new(seed ^ 0x4E_DD1E), &templates, &mut acts);
    keyless(&mut Draw::new(seed ^ 0x4E_71E5), &templates, &mut acts);
    again(&mut Draw::new(seed ^ 0xA6_A1D0), &templates, &mut acts);
    long_before(lay_there, &mut acts);
    acts.sort_by_key(|act| act.at);
    Story {
        seed,
        sky,
        stage,
        acts,
    }
}

fn sky(draw: &mut Draw) -> Sky {
    match draw.below(3) {
        0 => Sky {
            repairs: draw.chance(20),
            ..Sky::CALM
        },
        1 => Sky {
            slow_ms: draw.pick(&[100, 300]),
            faults: 0,
            replicates: draw.pick(&[1, 3, 10]),
            late: draw.pick(&[10, 40]),
            twice: 10,
            repairs: draw.chance(30),
        },
        _ => Sky {
            slow_ms: draw.pick(&[100, 500, 1_500]),
            faults: draw.pick(&[0, 5, 20]),
            replicates: draw.pick(&[1, 5, 20]),
            late: draw.pick(&[0, 30, 100]),
            twice: 20,
            repairs: draw.chance(30),
        },
    }
}

fn stage(draw: &mut Draw) -> Vec<Prop> {
    let mut props = Vec::new();
    for bucket in ["ledger", "papers"] {
        match draw.below(5) {
            0 => {}
            1 => props.push(Prop::Plain(bucket)),
            2 => props.push(Prop::Busy(bucket)),
            _ => props.push(Prop::Keyed(bucket, draw.pick(&EAST_KEYS))),
        }
        let there = !matches!(props.last(), None | Some(Prop::Logs(_)));
        if there && draw.chance(10) {
            props.push(Prop::Logs(bucket));
        }
    }
    for bucket in ["vault", "attic"] {
        match draw.below(4) {
            0 => props.push(Prop::Plain(bucket)),
            1 => props.push(Prop::Keyed(bucket, draw.pick(&WEST_KEYS))),
            _ => {}
        }
    }
    props
}

fn template(draw: &mut Draw) -> Template {
    let count = draw.pick(&[1, 1, 2, 3]);
    let slips = [Slip::Arn, Slip::Region("us-west-22"), Slip::Role];
    let source_keys = match draw.below(5) {
        0 => vec![draw.pick(&EAST_KEYS)],
        1 => EAST_KEYS.to_vec(),
        _ => Vec::new(),
    };
    Template {
        source: draw.pick(&SOURCES),
        source_keys,
        rules: (0..count)
            .map(|number| rule(draw, RULE_IDS[number]))
            .collect(),
        verification: draw.pick(&["BestEffort", "Required", "Required", "None"]),
        delete_buckets: draw.chance(50),
        delete_keys: draw.chance(60),
        existing: draw.chance(10),
        boundary: draw.chance(8).then(|| draw.pick(&["fence", "wall"])),
        revision: 0,
        role: None,
        slip: draw.chance(6).then(|| draw.pick(&slips)),
    }
}

fn rule(draw: &mut Draw, id: &'static str) -> RuleText {
    RuleText {
        id,
        prefix: draw.pick(&PREFIXES),
        tagged: draw.chance(12),
        destination: draw.pick(&DESTINATIONS),
        key: draw.chance(40).then(|| draw.pick(&WEST_KEYS)),
        enabled: !draw.chance(10),
        priority: draw.chance(25).then(|| draw.pick(&[1, 2, 5])),
    }
}

/// A template somewhat different.
fn change(draw: &mut Draw, before: &Template) -> Template {
    let mut after = before.clone();
    after.slip = None;
    for _ in 0..=draw.below(2) {
        let at = draw.place(after.rules.len());
        match draw.below(11) {
            0 => after.revision += 1,
            1 if after.rules.len() > 1 => {
                after.rules.remove(at);
            }
            2 if after.rules.len() < RULE_IDS.len() => {
                let free = RULE_IDS
                    .iter()
                    .find(|id| after.rules.iter().all(|rule| rule.id != **id));
                if let Some(id) = free {
                    after.rules.push(rule(draw, id));
                }
            }
            3 | 4 => after.rules[at].key = draw.pick(&[None, Some("west-1"), Some("west-2")]),
            5 => after.rules[at].prefix = draw.pick(&PREFIXES),
            6 => after.rules[at].enabled = !after.rules[at].enabled,
            7 => after.source = draw.pick(&["ledger", "papers"]),
            8 => after.verification = draw.pick(&["BestEffort", "Required", "None"]),
            9 => after.rules[at].destination = draw.pick(&["vault", "attic"]),
            _ => {
                after.delete_keys = draw.chance(70);
                after.delete_buckets = draw.chance(70);
            }
        }
    }
    after
}

fn handling(draw: &mut Draw, may_be_killed: bool) -> Handling {
    match draw.below(12) {
        0 => Handling::Twice(draw.pick(&[0, 1, 5, 30])),
        1 if may_be_killed => Handling::Killed(draw.pick(&[1, 2, 4, 10, 30])),
        _ => Handling::Once,
    }
}

fn upload(draw: &mut Draw, bucket: &'static str) -> Deed {
    let asked = match draw.below(8) {
        0 => Asked::S3,
        1 | 2 => Asked::Key(key_arn(draw.pick(&EAST_KEYS))),
        _ => Asked::Nothing,
    };
    Deed::Upload {
        bucket,
        prefix: draw.pick(&["", "tax/", "tax/", "tax/old/", "log/"]),
        tagged: draw.chance(15),
        asked,
        count: draw.pick(&[1, 5, 40, 120]),
        every: draw.pick(&[1, 5, 20]),
    }
}

/// When the last of what is done begins.
fn last(acts: &[Act]) -> u64 {
    acts.iter().map(|act| act.at).max().unwrap_or(0)
}

fn deed(draw: &mut Draw, templates: &mut [Template]) -> Deed {
    let stack = draw.place(templates.len());
    let source = templates[stack].source;
    match draw.below(20) {
        0..=4 => {
            let after = change(draw, &templates[stack]);
            templates[stack] = after.clone();
            Deed::Deploy(stack, after, handling(draw, true))
        }
        5 | 6 => Deed::Delete(stack),
        7 => Deed::Ask(stack, Question::Plan),
        8 | 9 => Deed::Ask(stack, Question::Diagnose),
        10 | 11 => Deed::Ask(stack, Question::Drift),
        12 | 13 => upload(draw, source),
        14 => Deed::Outage(draw.pick(&[5, 30, 100])),
        15 => match draw.below(3) {
            0 => Deed::ColdStart,
            1 => Deed::CheckerTrouble(draw.pick(&[1, 3, 10])),
            _ => Deed::DeliverLog(source),
        },
        _ => Deed::Person(errand(draw, source)),
    }
}

fn errand(draw: &mut Draw, source: &'static str) -> Errand {
    let destination = draw.pick(&DESTINATIONS);
    let keys = if source == "vault" {
        WEST_KEYS
    } else {
        EAST_KEYS
    };
    match draw.below(20) {
        0 => Errand::Disable(draw.pick(&WEST_KEYS)),
        1 => Errand::Enable(draw.pick(&WEST_KEYS)),
        2 => Errand::Default(source, draw.pick(&keys)),
        3 => Errand::Default(destination, draw.pick(&WEST_KEYS)),
        4..=7 => Errand::Rule {
            source,
            destination,
            prefix: draw.pick(&["tax/", "log/", "misc/"]),
            key: draw.pick(&WEST_KEYS),
            own_role: draw.chance(30),
        },
        8 => Errand::RemoveRule(source),
        9 => Errand::Notification(source),
        10 => Errand::Tag(draw.pick(&[source, destination])),
        11 => Errand::BucketPolicy(draw.pick(&[source, destination])),
        12 => Errand::Deny(destination),
        13 => Errand::StripRole(source),
        14 => Errand::Distrust(source),
        15 => Errand::Deafen(destination),
        16 => Errand::Listen(source),
        17 => Errand::Unrule(source),
        18 => Errand::CloseToChecker(destination),
        _ => Errand::Disable(draw.pick(&EAST_KEYS)),
    }
}
