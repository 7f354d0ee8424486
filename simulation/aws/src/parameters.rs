//! SSM parameters.

use std::collections::BTreeMap;

use replication::error::ErrorKind;
use replication::ports::{Below, Outcome, Parameters};

use super::{World, refuse};

/// See <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>.
const LARGEST_VALUE: usize = 8 * 1024;

fn named(name: &str) -> String {
    format!("parameter `{name}`")
}

impl Parameters for World {
    async fn parameters(
        &self,
        region: &str,
        path: &str,
        below: Below,
    ) -> Outcome<BTreeMap<String, String>> {
        self.call("GetParametersByPath", named(path), region, |state| {
            let all = state.own_parameters().iter();
            let found = all.filter(|((place, name), _)| {
                let rest = name.strip_prefix(path);
                let rest = rest.and_then(|rest| rest.strip_prefix('/'));
                place == region
                    && rest.is_some_and(|rest| below == Below::All || !rest.contains('/'))
            });
            Ok(found
                .map(|((_, name), value)| (name.clone(), value.clone()))
                .collect())
        })
    }

    async fn put_parameter(
        &self,
        region: &str,
        name: &str,
        value: &str,
        description: &str,
    ) -> Outcome<()> {
        self.call("PutParameter", named(name), region, |state| {
            // Both from https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
            if description.len() > 1_024 {
                return refuse(ErrorKind::Invalid, "ValidationException", "Description");
            }
            let nested = value.split_once("{{");
            if nested.is_some_and(|(_, rest)| rest.contains("}}")) {
                return refuse(
                    ErrorKind::Invalid,
                    "ValidationException",
                    "Parameter value can't nest another parameter",
                );
            }
            if value.len() > LARGEST_VALUE {
                return refuse(
                    ErrorKind::Invalid,
                    "ValidationException",
                    "Advanced tier parameters support a maximum parameter value of 8192 characters.",
                );
            }
            // https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
            let valid = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
            if !name.starts_with('/') || !name.chars().all(valid) || name.matches('/').count() > 15 {
                return refuse(
                    ErrorKind::Invalid,
                    "ValidationException",
                    "Parameter name: can't be prefixed with \"aws\" or \"ssm\" and has only letters, digits and _.-/",
                );
            }
            let place = (region.to_owned(), name.to_owned());
            state.own_parameters().insert(place, value.to_owned());
            Ok(())
        })
    }

    async fn delete_parameter(&self, region: &str, name: &str) -> Outcome<()> {
        self.call("DeleteParameter", named(name), region, |state| {
            let place = (region.to_owned(), name.to_owned());
            match state.own_parameters().remove(&place) {
                Some(_) => Ok(()),
                None => refuse(ErrorKind::NotFound, "ParameterNotFound", ""),
            }
        })
    }
}
