//! The shortest story that still breaks the same promise.

use crate::life::{Lived, live};
use crate::story::{Deed, Handling, Sky, Story};

/// How many lives are spent on it at most.
const MOST_LIVES: usize = 400;

/// Leaves out of a story whatever it does not need to break a promise.
#[must_use]
pub fn shortest(story: &Story, promise: &str) -> (Story, Lived) {
    let mut best = story.clone();
    let mut spent = 0;
    let mut still = |story: &Story| {
        spent += 1;
        let again = (spent <= MOST_LIVES).then(|| live(story));
        again.filter(|again| again.broken.iter().any(|one| one.promise == promise))
    };
    let Some(mut lived) = still(&best) else {
        return (best, live(story));
    };
    let mut before = usize::MAX;
    // Until nothing can be left out any more.
    while size(&best) < before {
        before = size(&best);
        let mut chunk = best.acts.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < best.acts.len() {
                let mut shorter = best.clone();
                shorter.acts.drain(at..(at + chunk).min(shorter.acts.len()));
                match still(&shorter) {
                    Some(broke) => (best, lived) = (shorter, broke),
                    None => at += chunk,
                }
            }
            chunk /= 2;
        }
        for simpler in simpler(&best) {
            if let Some(broke) = still(&simpler) {
                (best, lived) = (simpler, broke);
            }
        }
    }
    (best, lived)
}

fn size(story: &Story) -> usize {
    let rules = story.acts.iter().map(|act| match &act.what {
        Deed::Deploy(_, template, handling) => {
            let extra = usize::from(*handling != Handling::Once) + usize::from(template.existing);
            template.rules.len() + template.source_keys.len() + extra
        }
        Deed::Upload { count, .. } => usize::try_from(*count).unwrap_or(1),
        _ => 1,
    });
    let sky = usize::from(story.sky != Sky::CALM);
    story.acts.len() + story.stage.len() + rules.sum::<usize>() + sky
}

/// The same with one thing less.
fn simpler(story: &Story) -> Vec<Story> {
    let mut found = Vec::new();
    let mut calm = story.clone();
    calm.sky = Sky {
        repairs: story.sky.repairs,
        ..Sky::CALM
    };
    found.push(calm);
    for at in 0..story.stage.len() {
        let mut less = story.clone();
        less.stage.remove(at);
        found.push(less);
    }
    for (at, act) in story.acts.iter().enumerate() {
        let mut with = |what: Deed| {
            let mut less = story.clone();
            if let Some(act) = less.acts.get_mut(at) {
                act.what = what;
            }
            found.push(less);
        };
        match &act.what {
            Deed::Deploy(stack, template, handling) => {
                if *handling != Handling::Once {
                    with(Deed::Deploy(*stack, template.clone(), Handling::Once));
                }
                for rule in 0..template.rules.len() {
                    let mut less = template.clone();
                    less.rules.remove(rule);
                    if !less.rules.is_empty() {
                        with(Deed::Deploy(*stack, less, *handling));
                    }
                }
                if template.existing {
                    let mut less = template.clone();
                    less.existing = false;
                    with(Deed::Deploy(*stack, less, *handling));
                }
            }
            Deed::Upload {
                bucket,
                prefix,
                tagged,
                asked,
                count,
                every,
            } if *count > 1 => with(Deed::Upload {
                bucket,
                prefix,
                tagged: *tagged,
                asked: asked.clone(),
                count: count / 2,
                every: *every,
            }),
            _ => {}
        }
    }
    found
}
