//! What the table of the verdicts looks at: the accounts and Regions that the evidence's stack was told of.
//!
//! See <https://docs.aws.amazon.com/glue/latest/webapi/API_GetTable.html>.

use aws_calls::{Client, Service};
use evidence::TABLE;
use replication::aws::failure;
use serde_json::{Value, json};

use super::model::Told;
use crate::failure::Failure;
use crate::session::Session;

const GLUE: Service = Service {
    id: "Glue",
    prefix: "glue",
    target: "AWSGlue",
};

/// The values of the partitions that Athena asks for; none where the table does not say them.
#[derive(Debug, Default)]
pub(super) struct Projection {
    accounts: Option<Vec<String>>,
    regions: Option<Vec<String>>,
}

impl Projection {
    /// Of the table in this database.
    ///
    /// # Errors
    /// Where Glue does not say.
    pub(super) async fn of(session: &Session, database: &str) -> Result<Self, Failure> {
        let region = &session.home().region;
        let client = Client::new(&session.config(region), GLUE);
        let question = json!({"DatabaseName": database, "Name": TABLE});
        let told = client.call::<Value>("GetTable", &question).await;
        let told = told.map_err(|error| {
            let table = format!("table `{database}.{TABLE}`");
            session.failed(failure("GetTable", &table, region, &error))
        })?;
        Ok(Self::read(&told))
    }

    fn read(told: &Value) -> Self {
        let values = |name: &str| {
            let values = told
                .pointer(&format!("/Table/Parameters/projection.{name}.values"))?
                .as_str()?;
            Some(values.split(',').map(str::to_owned).collect())
        };
        Self {
            accounts: values("account"),
            regions: values("region"),
        }
    }

    /// Whether what was told there is in any answer.
    pub(super) fn has(&self, told: &Told) -> bool {
        let has = |values: &Option<Vec<String>>, value: &String| {
            values.as_ref().is_none_or(|values| values.contains(value))
        };
        has(&self.accounts, &told.account) && has(&self.regions, &told.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_or_region_that_the_table_does_not_name_is_not_asked() {
        let table = json!({"Table": {"Parameters": {
            "projection.account.values": "111122223333,444455556666",
            "projection.region.values": "us-east-1"}}});
        let told = |account: &str, region: &str| Told {
            account: account.to_owned(),
            region: region.to_owned(),
            bucket: "tax".to_owned(),
        };
        let known = Projection::read(&table);
        assert!(known.has(&told("444455556666", "us-east-1")));
        assert!(!known.has(&told("444455556667", "us-east-1")));
        assert!(!known.has(&told("444455556666", "us-west-2")));
        assert!(Projection::read(&json!({})).has(&told("1", "r")));
    }
}
