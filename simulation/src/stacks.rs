//! A stack with one resource, and its author.

mod leaving;
mod questions;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use custom_resource::RequestType;
use tokio::time::{Instant, sleep, timeout};

use crate::cloudformation::{Answer, Answers, FUNCTION_SECONDS, Request, invoke};
use crate::oracle::{Before, Court, Resource, Who};
use crate::story::{Handling, Sky, Template};
use aws_in_memory::draw::Draw;
use aws_in_memory::faults::{Delays, Faulty, Watcher};

/// A stack.
pub struct Stack {
    number: usize,
    court: Court,
    sky: Sky,
    draw: Draw,
    /// Until when AWS answers nobody.
    out: Arc<std::sync::Mutex<Instant>>,
    incarnation: usize,
    requests: usize,
    /// Id and template, as CloudFormation has them.
    stands: Option<(String, Template)>,
    /// How the resource's things were when a request had put them in order.
    in_order: Option<Before>,
    past: Past,
    /// Whether something else is in the stack, which stays when the resource goes.
    has_more: bool,
    began: Instant,
}

/// What may have left something behind.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// Its function ended in the middle of a request.
    killed: bool,
    /// A Delete failed.
    stuck: bool,
    /// Its resource was left standing.
    retained: bool,
}

/// What all stacks live in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Who judges.
    pub court: Court,
    /// What it is like.
    pub sky: Sky,
    /// Until when AWS is out.
    pub out: Arc<std::sync::Mutex<Instant>>,
}

/// What CloudFormation asks of the function.
struct Asked<'a> {
    kind: RequestType,
    id: Option<&'a str>,
    to: &'a Template,
    old: Option<&'a Template>,
}

fn owner_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

impl Stack {
    /// One that is not there yet.
    #[must_use]
    pub fn new(number: usize, around: &Surroundings, draw: Draw) -> Self {
        let Surroundings { court, sky, out } = around.clone();
        Self {
            number,
            court,
            sky,
            draw,
            out,
            incarnation: 0,
            requests: 0,
            stands: None,
            in_order: None,
            past: Past::default(),
            has_more: false,
            began: Instant::now(),
        }
    }

    /// AWS as the function sees it, for one invocation.
    fn aws(&mut self) -> Faulty {
        let aws = Faulty::new(&self.court.world);
        aws.delay(Delays::Drawn(
            self.draw.number(),
            Duration::from_millis(self.sky.slow_ms),
        ));
        if self.sky.faults > 0 {
            aws.troubled(Draw::new(self.draw.number()), self.sky.faults);
        }
        aws.out_until(*self.out.lock().unwrap_or_else(PoisonError::into_inner));
        let court = self.court.clone();
        let watcher = move |operation: &'static str| court.changed_by(Who::Us, operation);
        aws.watched_by(Watcher(Arc::new(watcher)));
        aws
    }

    /// One request, as CloudFormation sends it.
    async fn send(&mut self, asked: Asked<'_>, handling: Handling) -> Answer {
        let Asked { kind, id, to, old } = asked;
        self.requests += 1;
        let request = Request {
            kind,
            stack: self.number,
            incarnation: self.incarnation,
            id: id.map(str::to_owned),
            properties: to.properties(),
            old: old.map(Template::properties),
            number: self.requests,
        };
        let what = format!(
            "{} {} of stack {}",
            kind.as_str(),
            self.requests,
            self.number
        );
        let answers = Answers::default();
        let (first, began) = (self.aws(), Instant::now());
        let stirs = self.court.oracle().stirs(Some(self.number));
        let whole = Duration::from_secs(FUNCTION_SECONDS);
        match handling {
            Handling::Once => invoke(first, &request, &answers).await,
            Handling::Twice(after) => {
                let (second, again) = (self.aws(), Answers::default());
                let later = async {
                    sleep(Duration::from_secs(after)).await;
                    invoke(second, &request, &again).await;
                };
                futures_util::future::join(invoke(first, &request, &answers), later).await;
                self.are_same(&answers, &again, &what);
            }
            Handling::Killed(after) => {
                let end = Duration::from_secs(after);
                if timeout(end, invoke(first, &request, &answers))
                    .await
                    .is_err()
                {
                    self.past.killed = true;
                    // CloudFormation waits until the time is over that it was told.
                    sleep(whole).await;
                }
            }
        }
        let took = began.elapsed();
        self.court.oracle().stirred(stirs);
        self.court.oracle().counts.one("requests");
        let all = answers.all();
        let killed = matches!(handling, Handling::Killed(_)) && all.is_empty();
        if killed {
            // CloudFormation gives a resource that never answered an id of its own.
            let own = format!("stack-{}-Replication-1HYQMP1KMAQ9Q", self.number);
            return Answer::none(id.unwrap_or(&own));
        }
        self.court.answered(&all, id, took, &what);
        let answer = all
            .first()
            .cloned()
            .map_or_else(|| Answer::none(""), Answer);
        if !answer.ok() {
            self.court.oracle().counts.one("requests failed");
        }
        if std::env::var_os("SIMULATE_TELL").is_some() {
            let at = self.court.world.state().time_of(Instant::now());
            println!("    {at} {what}: {}", answer.0);
        }
        answer
    }

    /// Two deliveries of one request are answered alike.
    fn are_same(&self, first: &Answers, second: &Answers, what: &str) {
        let told = |answers: &Answers| {
            let answer = answers.all().first().cloned().unwrap_or_default();
            let of = |name: &str| answer["Data"][name].clone();
            (
                answer["Status"].clone(),
                answer["PhysicalResourceId"].clone(),
                of("Verification"),
                of("Unproved"),
            )
        };
        let (one, other) = (told(first), told(second));
        if one != other && self.sky.faults == 0 {
            let seen = format!("{what}: {one:?}, and delivered again {other:?}");
            self.court.oracle().breaks("same-answer-twice", seen);
        }
    }

    /// Makes it or changes it, as its author asks.
    pub async fn deploys(&mut self, template: &Template, handling: Handling) {
        match self.stands.clone() {
            None => self.creates(template, handling).await,
            Some((_, before)) if before == *template => {}
            Some((id, before)) => self.updates(&id, &before, template, handling).await,
        }
    }

    async fn creates(&mut self, template: &Template, handling: Handling) {
        if self.incarnation == 0 || !self.has_more {
            self.incarnation += 1;
        }
        let guess = self.owner(template);
        let planned = self.is_foreseen(template, &guess).await;
        let from = Instant::now();
        self.court.wants(self.number, &guess, Some(template));
        let create = Asked {
            kind: RequestType::Create,
            id: None,
            to: template,
            old: None,
        };
        let answer = self.send(create, handling).await;
        let id = answer.id().to_owned();
        self.is_as_planned(planned, handling, &answer);
        if answer.ok() {
            self.keeps(&id, template, &answer, from).await;
            return;
        }
        self.is_refused(&guess, template, &answer, from);
        self.court.wants(self.number, &guess, None);
        let back = self.sends_delete(&id, template).await;
        self.court.settled(&guess, None);
        self.gone(&id, template, &back, false);
    }

    /// A request failed, where AWS was well perhaps for a reason that is none.
    fn is_refused(&self, owner: &str, template: &Template, answer: &Answer, from: Instant) {
        if self.sky.faults == 0 && !self.was_out(from) {
            let resource = self.resource(owner, template);
            self.court.weighs_refusal(resource, answer.reason());
        }
    }

    /// Whether its resource stands.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.stands.is_some()
    }

    /// The owner that its things will bear: SEMANTICS says how it is derived.
    fn owner(&self, template: &Template) -> String {
        let stack = format!(
            "arn:aws:cloudformation:us-east-1:111122223333:stack/stack-{}/{}",
            self.number, self.incarnation
        );
        crate::names::owner(&stack, "Replication", template.source)
    }

    async fn updates(
        &mut self,
        id: &str,
        before: &Template,
        template: &Template,
        handling: Handling,
    ) {
        let owner = self.owner(template);
        let planned = self.is_foreseen(template, &owner).await;
        let from = Instant::now();
        let whole = self.is_whole(owner_of(id), before);
        self.court.wants(self.number, &owner, Some(template));
        let update = Asked {
            kind: RequestType::Update,
            id: Some(id),
            to: template,
            old: Some(before),
        };
        let answer = self.send(update, handling).await;
        self.is_as_planned(planned, handling, &answer);
        if answer.ok() {
            let now = answer.id().to_owned();
            self.keeps(&now, template, &answer, from).await;
            if now != id {
                self.cleans_up(id, before).await;
            }
            return;
        }
        self.is_refused(&owner, template, &answer, from);
        // What the request wanted is wanted no more, by whatever name.
        if owner != owner_of(id) {
            self.court.wants(self.number, &owner, None);
        }
        self.court.wants(self.number, owner_of(id), Some(before));
        let undo = Asked {
            kind: RequestType::Update,
            id: Some(id),
            to: before,
            old: Some(template),
        };
        let back = self.send(undo, Handling::Once).await;
        if owner != owner_of(id) {
            self.court.settled(&owner, None);
        }
        if back.ok() {
            self.court.settled(owner_of(id), Some(before));
            self.in_order = Some(self.order(owner_of(id), before));
        } else {
            self.in_order = None;
            let quiet = !self
                .court
                .oracle()
                .is_stirred(Some(self.number), from, Instant::now());
            if quiet && whole && !self.was_out(from) && self.sky.faults == 0 {
                let seen = format!(
                    "stack {} cannot be rolled back: {}",
                    self.number,
                    back.reason()
                );
                self.court.oracle().breaks("rollback-succeeds", seen);
            }
        }
    }

    /// Whether nobody has taken anything from it since it was in order; what became of keys does not count.
    fn is_whole(&self, owner: &str, template: &Template) -> bool {
        let in_order = self.in_order.as_ref();
        let Some(in_order) = in_order.and_then(|before| before.in_order.as_ref()) else {
            return false;
        };
        let now = self.court.of_owner(owner, template);
        let mut things = in_order.iter();
        things.all(|(name, is)| name.starts_with("key ") || now.get(name) == Some(is))
    }

    fn order(&self, owner: &str, template: &Template) -> Before {
        Before {
            at: Instant::now(),
            in_order: Some(self.court.of_owner(owner, template)),
        }
    }

    async fn keeps(&mut self, id: &str, template: &Template, answer: &Answer, from: Instant) {
        let owner = owner_of(id).to_owned();
        if owner != self.owner(template) {
            let seen = format!("{id} is not the owner {}", self.owner(template));
            self.court.oracle().breaks("right-id", seen);
        }
        self.court.settled(&owner, Some(template));
        self.stands = Some((id.to_owned(), template.clone()));
        self.in_order = Some(self.order(&owner, template));
        self.court.oracle().counts.one("stacks in order");
        self.court
            .weighs_boundary(self.number, template.source, from);
        if template.verification == "Required" {
            let unproved = answer.attribute("Unproved");
            let whose = (self.number, owner.as_str());
            self.court.weighs_required(whose, template, unproved, from);
        }
        if answer.attribute("Verification") == "COMPLETED" {
            let but: Vec<String> = answer
                .attribute("Unproved")
                .split(',')
                .map(str::to_owned)
                .collect();
            self.court
                .tries("proof-true", self.resource(&owner, template), &but, from)
                .await;
        }
    }

    fn resource<'a>(&self, owner: &'a str, template: &'a Template) -> Resource<'a> {
        Resource {
            stack: self.number,
            owner,
            template,
        }
    }

    fn was_out(&self, from: Instant) -> bool {
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) > from
    }
}
