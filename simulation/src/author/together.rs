//! Stacks that share a bucket, its role, or their own earlier lives.

use super::last;
use crate::story::{Act, Deed, Errand, Handling, Prop, Question, RuleText, Template};
use aws_in_memory::draw::Draw;
use aws_in_memory::people::Asked;

/// How long what lies there was there before anybody deploys.
const LONG_BEFORE: u64 = 90;
/// Long enough for the judge not to excuse what is done next by what was done before.
const LATER: [u64; 2] = [130, 200];

/// A stack's number and template.
fn one_of<'a>(draw: &mut Draw, templates: &'a [Template]) -> Option<(usize, &'a Template)> {
    let stack = draw.place(templates.len());
    Some((stack, templates.get(stack)?))
}

/// Puts the first two stacks on one bucket, under prefixes that have nothing in common.
fn share(draw: &mut Draw, one: &mut Template, other: &mut Template) {
    for (template, prefixes) in [(one, ["tax/", "misc/"]), (other, ["log/", "log/old/"])] {
        template.source = "ledger";
        template.source_keys = Vec::new();
        template.role = None;
        template.slip = None;
        template.rules.truncate(draw.pick(&[1, 1, 2]));
        for (rule, prefix) in template.rules.iter_mut().zip(prefixes) {
            *rule = RuleText {
                prefix,
                tagged: false,
                enabled: true,
                priority: None,
                ..rule.clone()
            };
        }
    }
}

/// Under the prefixes of two stacks on one bucket lie objects, and one of the two asks for what exists.
/// Returns what was uploaded long before.
pub(super) fn lying_there(
    draw: &mut Draw,
    stage: &mut Vec<Prop>,
    templates: &mut [Template],
) -> Vec<Act> {
    let lie_there = draw.chance(12);
    let (true, [one, other, ..]) = (lie_there, templates) else {
        return Vec::new();
    };
    share(draw, one, other);
    (one.existing, other.existing) = draw.pick(&[(true, false), (false, true)]);
    let is_there = |prop: &Prop| {
        matches!(
            prop,
            Prop::Plain("ledger") | Prop::Busy("ledger") | Prop::Keyed("ledger", _)
        )
    };
    if !stage.iter().any(is_there) {
        stage.insert(0, Prop::Keyed("ledger", draw.pick(&["east-1", "east-2"])));
    }
    let uploads = ["tax/", "log/", "misc/"].map(|prefix| Act {
        at: 1,
        what: Deed::Upload {
            bucket: "ledger",
            prefix,
            tagged: false,
            asked: Asked::Nothing,
            count: 2,
            every: 1,
        },
    });
    uploads.into()
}

/// What lay there did so long before all that was drawn until now.
pub(super) fn long_before(earlier: Vec<Act>, acts: &mut Vec<Act>) {
    if !earlier.is_empty() {
        for act in acts.iter_mut() {
            act.at += LONG_BEFORE;
        }
        acts.extend(earlier);
    }
}

/// Two stacks on one bucket have boundaries of their own for the role that they share.
pub(super) fn bounded(draw: &mut Draw, templates: &mut [Template]) {
    let are_bounded = draw.chance(10);
    if let (true, [one, other, ..]) = (are_bounded, templates) {
        share(draw, one, other);
        one.boundary = draw.pick(&[Some("fence"), Some("fence"), None]);
        other.boundary = Some("wall");
    }
}

/// A role of somebody's has the name that the role of a stack's would have.
pub(super) fn namesakes(draw: &mut Draw, stage: &mut Vec<Prop>, templates: &mut [Template]) {
    let namesake = draw.chance(5);
    if let (true, [first, ..]) = (namesake, templates) {
        first.role = None;
        first.slip = None;
        stage.push(Prop::Namesake(first.source));
    }
}

/// A key that a stack rests on is disabled, and some time later the stack is changed.
pub(super) fn keyless(draw: &mut Draw, templates: &[Template], acts: &mut Vec<Act>) {
    if !draw.chance(10) {
        return;
    }
    let Some((stack, template)) = one_of(draw, templates) else {
        return;
    };
    let last = last(acts);
    let disabled = last + draw.pick(&LATER);
    let of_rule = template.rules.first().map(|rule| match rule.key {
        Some(key) => Errand::Disable(key),
        None => Errand::DisableOwn(rule.destination),
    });
    let of_source = match template.source_keys.first() {
        Some(key) => Errand::Disable(key),
        None => Errand::DisableOwn(template.source),
    };
    let errand = if draw.chance(60) { of_rule } else { None };
    acts.push(Act {
        at: disabled,
        what: Deed::Person(errand.unwrap_or(of_source)),
    });
    let mut after = template.clone();
    after.slip = None;
    match draw.below(3) {
        0 => after.revision += 1,
        1 => after.verification = draw.pick(&["BestEffort", "Required", "None"]),
        _ => after.rules.push(RuleText {
            id: "four",
            prefix: "misc/",
            tagged: false,
            destination: draw.pick(&["vault", "attic"]),
            key: draw.pick(&[None, Some("west-1"), Some("west-2")]),
            enabled: true,
            priority: None,
        }),
    }
    acts.push(Act {
        at: disabled + draw.pick(&LATER),
        what: Deed::Deploy(stack, after, Handling::Once),
    });
}

/// The resource of a stack that stays fails or goes, and is made again.
pub(super) fn again(draw: &mut Draw, templates: &[Template], acts: &mut Vec<Act>) {
    if !draw.chance(10) {
        return;
    }
    let Some((stack, template)) = one_of(draw, templates) else {
        return;
    };
    let last = last(acts);
    let mut template = Template {
        delete_keys: true,
        role: None,
        slip: None,
        ..template.clone()
    };
    for rule in &mut template.rules {
        rule.key = None;
    }
    let mut at = last + draw.pick(&[30, 200]);
    let mut then = |after: u64, what: Deed| {
        at += after;
        acts.push(Act { at, what });
    };
    let destination = template
        .rules
        .first()
        .map_or("vault", |rule| rule.destination);
    let how = draw.pick(&[0, 0, 1, 2]);
    if how == 0 {
        let made = Deed::Deploy(stack, template.clone(), Handling::Once);
        then(0, made);
        // It is made and has been tried by then.
        then(150, Deed::Person(Errand::Empty(template.source)));
    }
    for bucket in [template.source, destination] {
        then(1, Deed::Person(Errand::Empty(bucket)));
    }
    then(1, Deed::Delete(stack));
    match how {
        // It goes, with all that it was for.
        0 => {}
        // It is killed in the middle of its Create.
        1 => {
            let killed = Handling::Killed(draw.pick(&[4, 10, 20]));
            then(30, Deed::Deploy(stack, template.clone(), killed));
        }
        // Its proof fails, as somebody closed the bucket, which they open again.
        _ => {
            template.verification = "Required";
            then(30, Deed::Person(Errand::Deny(destination)));
            then(1, Deed::Deploy(stack, template.clone(), Handling::Once));
            then(600, Deed::Person(Errand::Admit(destination)));
        }
    }
    then(60, Deed::Deploy(stack, template, Handling::Once));
    acts.push(Act {
        at: 0,
        what: Deed::Beside(stack),
    });
}

/// The destinations of a stack, or of two, are another account's.
pub(super) fn abroad(draw: &mut Draw, stage: &mut Vec<Prop>, templates: &mut [Template]) {
    if !draw.chance(12) {
        return;
    }
    match draw.below(3) {
        0 => {}
        1 => stage.push(Prop::Plain("abroad")),
        _ => stage.push(Prop::Keyed("abroad", "abroad-1")),
    }
    for template in templates.iter_mut().take(draw.pick(&[1, 1, 2])) {
        if template.source == "vault" {
            continue;
        }
        for rule in &mut template.rules {
            if draw.chance(70) {
                rule.destination = "abroad";
                rule.key = draw.pick(&[None, None, Some("abroad-1")]);
            }
        }
    }
}

/// People in the other account do what people do, and the author asks how that is, and has another key taken there
/// while objects are uploaded.
pub(super) fn meddled_with(draw: &mut Draw, templates: &[Template], acts: &mut Vec<Act>) {
    let leads_abroad = |template: &Template| {
        template
            .rules
            .iter()
            .any(|rule| rule.destination == "abroad")
    };
    let stack = templates.iter().position(leads_abroad);
    let Some(stack) = stack.filter(|_| draw.chance(60)) else {
        return;
    };
    let last = last(acts);
    let errands = [
        Errand::Default("abroad", "abroad-1"),
        Errand::Tag("abroad"),
        Errand::BucketPolicy("abroad"),
        Errand::StripPolicy("abroad"),
        Errand::Deny("abroad"),
        Errand::Deafen("abroad"),
        Errand::DisableOwn("abroad"),
        Errand::Disable("abroad-1"),
    ];
    let at = last / 2 + draw.below(last / 2 + 200);
    let errand = errands.get(draw.place(errands.len()));
    acts.extend(errand.map(|errand| Act {
        at,
        what: Deed::Person(errand.clone()),
    }));
    for question in [Question::Drift, Question::Diagnose] {
        acts.push(Act {
            at: at + draw.pick(&LATER),
            what: Deed::Ask(stack, question),
        });
    }
    let changed = templates.get(stack).filter(|_| draw.chance(50));
    let Some(mut after) = changed.cloned() else {
        return;
    };
    after.slip = None;
    let at = at + draw.pick(&LATER);
    let mut prefix = "";
    for rule in &mut after.rules {
        if rule.destination == "abroad" {
            prefix = rule.prefix;
            rule.key = match rule.key {
                None => Some("abroad-1"),
                Some(_) => None,
            };
        }
    }
    acts.push(Act {
        at: at.saturating_sub(10),
        what: Deed::Upload {
            bucket: after.source,
            prefix,
            tagged: false,
            asked: Asked::Nothing,
            count: 30,
            every: 1,
        },
    });
    acts.push(Act {
        at,
        what: Deed::Deploy(stack, after, Handling::Once),
    });
}
