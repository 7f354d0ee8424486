//! How a stack's resource goes.

use std::sync::PoisonError;

use custom_resource::RequestType;
use tokio::time::Instant;

use super::{Asked, Stack, owner_of};
use crate::cloudformation::Answer;
use crate::story::{Handling, Template};

impl Stack {
    pub(super) async fn sends_delete(&mut self, id: &str, template: &Template) -> Answer {
        let delete = Asked {
            kind: RequestType::Delete,
            id: Some(id),
            to: template,
            old: None,
        };
        self.send(delete, Handling::Once).await
    }

    pub(super) async fn cleans_up(&mut self, id: &str, before: &Template) {
        self.court.wants(self.number, owner_of(id), None);
        let answer = self.sends_delete(id, before).await;
        self.court.settled(owner_of(id), None);
        self.gone(id, before, &answer, true);
    }

    /// A Delete was answered.
    pub(super) fn gone(&mut self, id: &str, template: &Template, answer: &Answer, succeeded: bool) {
        let owner = owner_of(id);
        if !answer.ok() {
            self.past.stuck = true;
            let out = *self.out.lock().unwrap_or_else(PoisonError::into_inner);
            if out < Instant::now() && self.sky.faults == 0 {
                let seen = format!(
                    "stack {} cannot be deleted: {}",
                    self.number,
                    answer.reason()
                );
                self.court.oracle().breaks("delete-succeeds", seen);
            }
            return;
        }
        self.court.is_gone(owner);
        if owner.starts_with("er") && self.sky.faults == 0 && !self.past.killed {
            self.court
                .looks_for_leftovers(self.resource(owner, template), succeeded);
        }
    }

    /// Has it deleted.
    pub async fn deletes(&mut self) {
        let Some((id, template)) = self.stands.clone() else {
            return;
        };
        self.court.wants(self.number, owner_of(&id), None);
        let answer = self.sends_delete(&id, &template).await;
        self.court.settled(owner_of(&id), None);
        self.gone(&id, &template, &answer, true);
        if answer.ok() {
            self.stands = None;
            self.in_order = None;
        }
    }

    /// Its stack has something else in it, too.
    pub const fn has_more(&mut self) {
        self.has_more = true;
    }

    /// Its stack is deleted, and nobody asks the resource: it stands there for ever.
    pub fn gives_up(&mut self) {
        self.past.retained |= self.stands.take().is_some();
        self.in_order = None;
    }

    /// After all: its author deletes it, again where that failed in bad weather.
    /// Whether nothing can be left of it for a reason that SEMANTICS names.
    pub async fn ends(&mut self) -> bool {
        let faults = std::mem::take(&mut self.sky.faults);
        for _ in 0..2 {
            self.deletes().await;
        }
        if self.stands.is_some() {
            let seen = format!("stack {} cannot be deleted in the end", self.number);
            self.court.oracle().breaks("delete-succeeds", seen);
        }
        faults == 0 && !self.past.killed && !self.past.stuck && !self.past.retained
    }
}
