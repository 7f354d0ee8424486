//! One resource, looked at.

use super::Detection;
use super::finding::Finding;
use crate::case::{Case, Sound as Look};
use crate::diagnosis::denying_policies;
use crate::error::AwsError;
use crate::fault::Faults;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::ports::Aws;
use crate::properties::Sound;
use crate::record::{self, Parts, Record, Since};
use crate::teller::Teller;
use crate::watched::{Differing, Watching};

/// Why nothing can be said of a resource.
enum Unknown {
    Aws(AwsError),
    Properties(String),
}

impl From<AwsError> for Unknown {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl<A: Aws> Detection<'_, A> {
    /// What a look at the resource with this record shows; `None` where it was deleted meanwhile.
    pub(super) async fn look(&self, owner: &Owner, parts: &Parts) -> Option<Finding> {
        let found = self.compared(owner, parts).await;
        if found.is_in_sync() {
            return Some(found);
        }
        // Its stack may have been updated or deleted while we looked.
        let Teller {
            aws, installation, ..
        } = self.teller;
        match record::since(aws, &installation.home.region, owner, parts).await {
            Since::Deleted => None,
            Since::Updated(now) => Some(self.compared(owner, &now).await),
            Since::Nothing => Some(found),
        }
    }

    async fn compared(&self, owner: &Owner, parts: &Parts) -> Finding {
        let (record, id) = match Record::read(owner, parts) {
            Ok(read) => read,
            Err(why) => return Finding::of_broken_record(owner, &why),
        };
        if id.kind == Kind::Watched {
            return self.watched(&record, &id).await;
        }
        match self.planned(&record, &id).await {
            Ok(Ok((sound, denials))) => Finding::of_plan(&record, &id, &sound.plan)
                .broken(&sound.broken)
                .beside(&denials),
            Ok(Err(faults)) => Finding::of_faults(&record, &id, &faults),
            Err(Unknown::Aws(error)) => Finding::unreadable(&record, &id, &error),
            Err(Unknown::Properties(faults)) => Finding::of_properties(&record, &id, &faults),
        }
    }

    /// What rules of others say now, beside what they said, and what is ours beside what it was.
    async fn watched(&self, record: &Record, id: &PhysicalId) -> Finding {
        let Teller {
            aws, installation, ..
        } = self.teller;
        let watching = Watching::of(aws, installation, &id.owner, &record.properties);
        let watching = match watching {
            Ok(watching) => watching.since(record.word.clone()),
            Err(faults) => return Finding::of_properties(record, id, &faults.to_string()),
        };
        match Box::pin(watching.drifted()).await {
            Ok(Differing {
                rules,
                ours: Ok(plan),
            }) => Finding::of_watch(record, id, &rules, &plan),
            Ok(Differing {
                ours: Err(faults), ..
            }) => Finding::of_faults(record, id, &faults),
            Err(error) => Finding::unreadable(record, id, &error),
        }
    }

    /// What an Update with the recorded properties would do, or why it would be refused.
    async fn planned(
        &self,
        record: &Record,
        id: &PhysicalId,
    ) -> Result<Result<(Look, Vec<String>), Faults>, Unknown> {
        let sound = Sound::read(&record.properties, self.teller.installation)
            .map_err(|faults| Unknown::Properties(faults.to_string()))?;
        let case = Case::open(self.teller.aws, sound.of(id.owner.clone()), None).await?;
        let planned = case.planned().await?;
        let observed = planned.observed.clone();
        Ok(planned.sound().map(|sound| {
            let denials = denying_policies(&case.replication, &sound.desired, &observed);
            (sound, denials)
        }))
    }
}
